# What `cmake --install` installs: the command, and what policies need that are built outside this tree: the headers that they may include
# with what they include, the code behind them, and a package for find_package(Troupe). `--component policies` is the latter alone.

set(policy_headers
  actors/policies/admission_policy.hpp actors/policies/candidates.hpp actors/policies/library_policy.hpp
  actors/policies/policy_kinds.hpp actors/policies/prompt_batch_policy.hpp actors/policies/role_policy.hpp
  actors/policies/routing_policy.hpp actors/policies/token_batch_policy.hpp
  runtime/base/check.hpp runtime/base/ids.hpp runtime/base/random.hpp runtime/base/result.hpp)
foreach(header ${policy_headers})
  get_filename_component(folder ${header} DIRECTORY)
  install(FILES ${CMAKE_SOURCE_DIR}/${header} DESTINATION include/troupe/${folder} COMPONENT policies)
endforeach()
install(TARGETS troupe_actors_policies troupe_runtime_base ARCHIVE DESTINATION lib/troupe COMPONENT policies)
include(CMakePackageConfigHelpers)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/TroupeConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_SOURCE_DIR}/tools/cmake/TroupeConfig.cmake ${CMAKE_BINARY_DIR}/TroupeConfigVersion.cmake
        DESTINATION lib/cmake/Troupe COMPONENT policies)
install(TARGETS troupe RUNTIME DESTINATION bin COMPONENT command)
