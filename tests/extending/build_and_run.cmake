execute_process(COMMAND ${CMAKE_COMMAND} --build ${BUILD} --target extending_test -j 2
  COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${PROGRAM} COMMAND_ERROR_IS_FATAL ANY)
