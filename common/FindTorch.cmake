# Finds LibTorch, wherever it comes from: Debian's package, a PyTorch of pip or conda, the archive of
# pytorch.org. Name the folder that has its include/ and lib/ in CMAKE_PREFIX_PATH or Torch_ROOT; what
# torch.utils.cmake_prefix_path says, and Torch_DIR, will do too.
#
# PyTorch's own TorchConfig.cmake is not asked: of a LibTorch for CUDA it is content with nothing less
# than the toolkit of that CUDA, compiler included, and asks a GPU for its kind. There are no kernels
# of ours to compile, so headers and libraries are all that is needed.
#
# Sets Torch_FOUND, TORCH_INCLUDE_DIRS and TORCH_VERSION; makes the target `torch`.
set(torch_hints)
foreach(path IN LISTS CMAKE_PREFIX_PATH Torch_DIR)
  if(path MATCHES "^(.+)/share/cmake(/Torch)?/?$")
    list(APPEND torch_hints ${CMAKE_MATCH_1})
  endif()
endforeach()
find_path(TORCH_INCLUDE_DIR ATen/core/Tensor.h HINTS ${torch_hints} PATH_SUFFIXES include)
find_library(TORCH_LIBRARY torch HINTS ${TORCH_INCLUDE_DIR}/.. ${torch_hints} PATH_SUFFIXES lib)
mark_as_advanced(TORCH_INCLUDE_DIR TORCH_LIBRARY)

set(TORCH_INCLUDE_DIRS ${TORCH_INCLUDE_DIR} ${TORCH_INCLUDE_DIR}/torch/csrc/api/include)
foreach(header torch/csrc/api/include/torch/version.h torch/headeronly/version.h)  # new ones last
  if(EXISTS ${TORCH_INCLUDE_DIR}/${header})
    file(STRINGS ${TORCH_INCLUDE_DIR}/${header} lines REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH) ")
    string(REGEX REPLACE "[^;0-9]" "" TORCH_VERSION "${lines}")
    string(REPLACE ";" "." TORCH_VERSION "${TORCH_VERSION}")
  endif()
endforeach()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Torch REQUIRED_VARS TORCH_LIBRARY TORCH_INCLUDE_DIR
  VERSION_VAR TORCH_VERSION)

if(Torch_FOUND AND NOT TARGET torch)
  get_filename_component(folder ${TORCH_LIBRARY} DIRECTORY)
  set(libraries ${TORCH_LIBRARY} ${folder}/libtorch_cpu.so ${folder}/libc10.so)
  file(STRINGS ${folder}/libc10.so symbols REGEX "__cxx11.*basic_string" LIMIT_COUNT 1)
  if(NOT symbols)
    message(FATAL_ERROR "${folder} holds a LibTorch with libstdc++'s old ABI, to which nothing of today "
      "can be linked; take the variant with the cxx11 ABI (pip: PyTorch 2.6 or newer).")
  endif()
  add_library(torch INTERFACE IMPORTED)
  target_include_directories(torch INTERFACE ${TORCH_INCLUDE_DIRS})
  # libtorch.so itself has no symbol; it loads the CUDA half where there is one, which a linker that
  # leaves out what nobody asks for would lose.
  target_link_libraries(torch INTERFACE
    "-Wl,--push-state,--no-as-needed,${TORCH_LIBRARY},--pop-state" ${libraries})
endif()
