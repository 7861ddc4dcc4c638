# Are names in headers as .clang-tidy says? Run as:
# cmake -DTIDY=<clang-tidy> -DSOURCE=<repository> -DHEADERS=<a file that includes all> -DINCLUDES=<dirs> -P naming.cmake
cmake_minimum_required(VERSION 3.25)
if(NOT TIDY)
  message("Skipped: the check of names needs clang-tidy (Debian: clang-tidy).")
  return()
endif()
list(REMOVE_ITEM INCLUDES /usr/include)  # the compiler's own order matters
foreach(directory IN LISTS INCLUDES)
  list(APPEND flags -isystem ${directory})
endforeach()
execute_process(COMMAND ${TIDY} --quiet --config-file=${SOURCE}/.clang-tidy
  --checks=-*,readability-identifier-naming --warnings-as-errors=*
  --header-filter=${SOURCE}/\(common|client|server|experiments\)/ ${HEADERS}
  -- -std=c++20 -w -I${SOURCE} ${flags} COMMAND_ERROR_IS_FATAL ANY)
