# Target `headers`: one source per header of ours, which includes nothing else. Those that see
# tensors share a precompiled header, as the tensor header brings most of the standard library along.
file(GLOB headers RELATIVE ${PROJECT_SOURCE_DIR} CONFIGURE_DEPENDS
  ${PROJECT_SOURCE_DIR}/common/*.hpp ${PROJECT_SOURCE_DIR}/common/zoo/*.hpp
  ${PROJECT_SOURCE_DIR}/client/*.hpp ${PROJECT_SOURCE_DIR}/server/*.hpp
  ${PROJECT_SOURCE_DIR}/experiments/*.hpp)

# Does `header` include the tensor header, itself or through others of ours?
function(fed_sees_tensors header result)
  file(STRINGS ${PROJECT_SOURCE_DIR}/${header} lines REGEX "^#include")
  set(found FALSE)
  foreach(line IN LISTS lines)
    if(line MATCHES "<ATen/")
      set(found TRUE)
    elseif(NOT found AND line MATCHES "\"([a-z_/]+\\.hpp)\"" AND NOT CMAKE_MATCH_1 STREQUAL header)
      fed_sees_tensors(${CMAKE_MATCH_1} found)
    endif()
  endforeach()
  set(${result} ${found} PARENT_SCOPE)
endfunction()

foreach(header IN LISTS headers)
  string(REPLACE "/" "_" name ${header})
  set(source ${CMAKE_CURRENT_BINARY_DIR}/headers/${name}.cpp)
  file(CONFIGURE OUTPUT ${source} CONTENT "#include \"${header}\"\n")
  fed_sees_tensors(${header} tensors)
  if(tensors)
    list(APPEND tensor_sources ${source})
  else()
    list(APPEND plain_sources ${source})
  endif()
endforeach()
add_library(headers_plain OBJECT EXCLUDE_FROM_ALL ${plain_sources})
target_link_libraries(headers_plain PRIVATE fedstrata_options)
add_library(headers_tensors OBJECT EXCLUDE_FROM_ALL ${tensor_sources})
target_link_libraries(headers_tensors PRIVATE fedstrata_options torch)
target_precompile_headers(headers_tensors PRIVATE <ATen/core/Tensor.h>)
target_compile_options(headers_plain PRIVATE -O0)
target_compile_options(headers_tensors PRIVATE -O0)
add_custom_target(headers DEPENDS headers_plain headers_tensors)
