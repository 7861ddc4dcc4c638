# Who may include what. Run as: cmake -DSOURCE=<repository> -P layering.cmake
cmake_minimum_required(VERSION 3.25)
cmake_policy(SET CMP0057 NEW)

set(broken "")
macro(fail text)
  string(APPEND broken "  ${text}\n")
endmacro()

# One door for each dependency: the file, or the folder (with a slash at its end), that may include what
# matches.
set(doors
  "<mpi\\.h>|common/mpi/comm.cpp"
  "<(hdf5|H5)|common/hdf5/"
  "<xxhash\\.h>|common/base/checksum.cpp"
  "<boost/|common/config/syntax.cpp"
  "<zlib\\.h>|common/data/forms/byte_file.cpp"
  "<torch/(script|jit|csrc)|common/model/script/script_model.cpp")

# Who may include whom: a line a room, with the rooms below it that it may use. Rooms that a line leaves
# out are not for it, so includes go one way.
set(rooms
  "common/base|"
  "common/hdf5|common/base"
  "common/mpi|common/base"
  "common/config|common/base"
  "common/device|common/base common/config"
  "common/tasks|common/base common/config common/device"
  "common/model|common/base common/hdf5 common/config common/device common/tasks"
  "common/data|common/base common/hdf5 common/config common/device common/tasks common/model"
  "common/store|common/base common/hdf5 common/config common/tasks common/model common/data"
  "common/federation|common"
  "client|common"
  "client/algorithms|common"
  "server/math|common"
  "server/averaging|common"
  "server/alignment|common server/math"
  "server/engine|common server/math"
  "server/plan|common server/math server/engine"
  "server/results|common server/math server/engine server/plan"
  "server/analysis|common server"
  "experiments/view|common"
  "experiments/sweep|common experiments/view"
  "experiments/run|common client server experiments/view"
  "experiments/commands|common client server experiments"
  "experiments/benchmarks|common client server")
set(most_files 25)  # .hpp and .cpp of one folder

# The room that `path` lies in: the name in `rooms` that it begins with.
function(room_of path result)
  set(${result} "" PARENT_SCOPE)
  foreach(line IN LISTS rooms)
    string(REGEX REPLACE "\\|.*" "" room "${line}")
    string(FIND "${path}" "${room}/" at)
    if(at EQUAL 0)
      set(${result} ${room} PARENT_SCOPE)
    endif()
  endforeach()
endfunction()

# May a file of `room` include `path`?
function(may_include room path result)
  set(${result} FALSE PARENT_SCOPE)
  foreach(line IN LISTS rooms)
    if(line MATCHES "^${room}\\|(.*)$")
      string(REPLACE " " ";" allowed "${CMAKE_MATCH_1}")
    endif()
  endforeach()
  foreach(other ${room} ${allowed})
    string(FIND "${path}" "${other}/" at)
    if(at EQUAL 0)
      set(${result} TRUE PARENT_SCOPE)
    endif()
  endforeach()
endfunction()

foreach(folder common client server experiments)
  file(GLOB_RECURSE files RELATIVE ${SOURCE} ${SOURCE}/${folder}/*.hpp ${SOURCE}/${folder}/*.cpp)
  if(NOT files)
    fail("${folder}/ holds no sources: wrong directory?")
  endif()
  foreach(file IN LISTS files)
    room_of(${file} room)
    if(NOT room)
      fail("${file} lies in no room (list it in tests/layering.cmake)")
    endif()
    get_filename_component(where ${file} DIRECTORY)
    string(MAKE_C_IDENTIFIER ${where} key)
    math(EXPR files_in_${key} "0${files_in_${key}} + 1")
    if(files_in_${key} GREATER most_files)
      fail("${where}/ holds more than ${most_files} source files: make rooms in it")
    endif()
    file(STRINGS ${SOURCE}/${file} includes REGEX "^ *# *include")
    foreach(line IN LISTS includes)
      foreach(door IN LISTS doors)
        string(REGEX MATCH "^(.*)\\|([^|]*)$" unused "${door}")
        set(what "${CMAKE_MATCH_1}")
        set(where "${CMAKE_MATCH_2}")
        string(FIND "${file}" "${where}" at)
        if(line MATCHES "${what}" AND NOT at EQUAL 0)
          fail("${file} has ${line}: only ${where} may")
        endif()
      endforeach()
      if(file MATCHES "\\.hpp$" AND line MATCHES "<torch/")
        fail("${file} has ${line}: headers include <ATen/core/Tensor.h> at most")
      endif()
      if(line MATCHES "\"([^\"]*)\"")
        set(target ${CMAKE_MATCH_1})
        may_include("${room}" ${target} allowed)
        if(NOT allowed)
          fail("${file} includes ${target}: ${room}/ may not")
        endif()
      endif()
    endforeach()
    if(file MATCHES "\\.hpp$")
      file(STRINGS ${SOURCE}/${file} using REGEX "^ *using namespace")
      if(using)
        fail("${file} has ${using}: not in a header")
      endif()
    endif()
  endforeach()
endforeach()

if(broken)
  message(FATAL_ERROR "layering is broken:\n${broken}")
endif()
