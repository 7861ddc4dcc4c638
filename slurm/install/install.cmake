# What `cmake --install` puts where, and the packages that CPack makes of it (slurm/README.md).
set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME runtime)
set(data ${CMAKE_INSTALL_DATADIR}/fedstrata)
set(made ${PROJECT_BINARY_DIR}/install)

# Libraries outside the system's directories are found where they were when it was built.
set_target_properties(fedstrata PROPERTIES INSTALL_RPATH_USE_LINK_PATH TRUE)
install(TARGETS fedstrata RUNTIME)

# The program knows its options and keys, so it writes its manual page and its completion itself.
install(CODE "
  file(MAKE_DIRECTORY ${made})
  execute_process(COMMAND $<TARGET_FILE:fedstrata> --man OUTPUT_FILE ${made}/fedstrata.1
    COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND $<TARGET_FILE:fedstrata> --completion bash OUTPUT_FILE ${made}/fedstrata
    COMMAND_ERROR_IS_FATAL ANY)")
install(FILES ${made}/fedstrata.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${made}/fedstrata DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)

file(GLOB examples CONFIGURE_DEPENDS experiments/*.ini)
install(FILES ${examples} DESTINATION ${data}/experiments)
file(GLOB sweeps CONFIGURE_DEPENDS experiments/sweeps/*.ini)
install(FILES ${sweeps} DESTINATION ${data}/experiments/sweeps)
install(FILES slurm/job.sh slurm/README.md DESTINATION ${data}/slurm)
install(PROGRAMS slurm/simulate.sbatch slurm/analyze.sbatch slurm/sweep.sbatch DESTINATION ${data}/slurm)
install(FILES slurm/install/modulefile DESTINATION ${data}/modulefiles/fedstrata RENAME ${PROJECT_VERSION})

install(DIRECTORY experiments/fedstrata DESTINATION ${data}/python
  FILES_MATCHING REGEX "\\.(py|css|js)$" PATTERN __pycache__ EXCLUDE)
install(PROGRAMS slurm/install/fedstrata-tools TYPE BIN)

# Documents link to each other, to the examples and to the batch scripts.
install(FILES README.md CHANGELOG.md CITATION.cff LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR})
file(RELATIVE_PATH data_from_doc ${CMAKE_INSTALL_FULL_DOCDIR} ${CMAKE_INSTALL_FULL_DATADIR}/fedstrata)
foreach(folder experiments slurm)
  file(MAKE_DIRECTORY ${made}/links)
  file(CREATE_LINK ${data_from_doc}/${folder} ${made}/links/${folder} SYMBOLIC)
  install(FILES ${made}/links/${folder} DESTINATION ${CMAKE_INSTALL_DOCDIR})
endforeach()

# cpack -G DEB (or TGZ) --config build/CPackConfig.cmake
set(CPACK_PACKAGE_VENDOR "The fedstrata authors")
set(CPACK_PACKAGE_CONTACT "The fedstrata authors <fedstrata@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "federated learning over MPI, averaged layer by layer")
set(CPACK_PACKAGE_DESCRIPTION "Simulates federated learning and measures, layer by layer, what averaging models costs.")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_STRIP_FILES TRUE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS openmpi-bin)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "libopenblas0-pthread, dataset-fashion-mnist")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "python3-h5py, python3-matplotlib, slurm-client")
include(CPack)
