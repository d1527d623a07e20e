# The layers of docs/architecture.md. One static library a folder; `x_test.cpp` files beside the source make the layer's
# test program. What a layer may link is what it may include; scripts/check-layers holds the includes to the same table.
add_custom_target(unit_tests)    # all layers' test programs
add_custom_target(fuzz_targets)  # all of tests/fuzz

function(segue_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wswitch-enum -Werror)
endfunction()

# Tests that read files of the tree get its path; no other does, so that the compiler's cache serves every worktree.
function(segue_tests_know_the_tree)
  foreach(test ${ARGN})
    file(STRINGS ${test} uses REGEX SEGUE_SOURCE_DIR)
    if(uses)
      set_property(SOURCE ${test} PROPERTY COMPILE_DEFINITIONS SEGUE_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    endif()
  endforeach()
endfunction()

# segue_layer(name USES <layers/libs...>)
function(segue_layer name)
  cmake_parse_arguments(ARG "" "" "USES;TEST_USES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cpp)
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")
  if(sources)
    add_library(segue_${name} STATIC ${sources})
    target_include_directories(segue_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
    target_link_libraries(segue_${name} PUBLIC ${ARG_USES})
    segue_warnings(segue_${name})
  else()
    add_library(segue_${name} INTERFACE)
    target_include_directories(segue_${name} INTERFACE ${CMAKE_SOURCE_DIR}/src)
    target_link_libraries(segue_${name} INTERFACE ${ARG_USES})
  endif()
  if(tests)
    add_executable(${name}_tests ${tests})
    target_link_libraries(${name}_tests PRIVATE segue_${name} ${ARG_TEST_USES} GTest::gtest GTest::gmock GTest::gtest_main)
    segue_tests_know_the_tree(${tests})
    segue_warnings(${name}_tests)
    add_dependencies(unit_tests ${name}_tests)
    add_test(NAME ${name} COMMAND ${name}_tests --gtest_brief=1)
    set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT 300)
  endif()
endfunction()

function(segue_layers)
  segue_layer(base USES fmt::fmt)                                                # 0
  segue_layer(sip USES segue_base OpenSSL::Crypto)                               # 1 pure
  segue_layer(sdp USES segue_base)                                               # 1 pure
  segue_layer(rtp USES segue_base)                                               # 1 pure
  segue_layer(call USES segue_base)                                              # 2 pure
  segue_layer(media USES segue_base segue_rtp PkgConfig::SPANDSP PkgConfig::OPUS) # 2 pure
  segue_layer(engine USES segue_base segue_sip segue_sdp segue_rtp segue_call segue_media) # 3 pure: the glue of 1 and 2
  segue_layer(record USES segue_base segue_call nlohmann_json::nlohmann_json)      # 3 pure: records and reports as JSON and pictures
  segue_layer(net USES segue_base segue_sip segue_rtp segue_media Boost::boost Threads::Threads) # 4 edge
  segue_layer(store USES segue_base segue_call segue_record PkgConfig::SQLITE nlohmann_json::nlohmann_json Threads::Threads) # 4 edge
  segue_layer(api USES segue_base segue_call segue_record Boost::boost nlohmann_json::nlohmann_json OpenSSL::Crypto Threads::Threads) # 4 edge
  segue_layer(phone USES segue_base segue_sip segue_sdp segue_rtp segue_media segue_net segue_record PkgConfig::SNDFILE) # 5: test phones, the far party's check
endfunction()
