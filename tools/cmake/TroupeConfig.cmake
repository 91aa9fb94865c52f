# find_package(Troupe): what a policy in a shared library is built with, of whichever kind.
#   troupe_policy(NAME FILE...)   a library libNAME.so; /path/to/libNAME.so is what scheduling.policy, prompt_batching, token_batching,
#                                 admission or roles.policy is set to, as its kind wants
#   Troupe::policy                the headers and the code behind them, for one's own tests

get_filename_component(troupe_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
if(NOT TARGET Troupe::policy)
  add_library(Troupe::policy INTERFACE IMPORTED)
  target_include_directories(Troupe::policy INTERFACE ${troupe_prefix}/include/troupe)
  target_compile_features(Troupe::policy INTERFACE cxx_std_20)
  target_link_libraries(Troupe::policy INTERFACE ${troupe_prefix}/lib/troupe/libtroupe_actors_policies.a
                        ${troupe_prefix}/lib/troupe/libtroupe_runtime_base.a ${CMAKE_DL_LIBS})
endif()

function(troupe_policy name)
  add_library(${name} MODULE ${ARGN})
  target_link_libraries(${name} PRIVATE Troupe::policy)
  set_target_properties(${name} PROPERTIES PREFIX lib CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
endfunction()
