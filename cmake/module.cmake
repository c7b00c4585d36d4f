# moq_module(NAME [USES module...] [LINKS library...] [FOLDERS subfolder...]): the static library
# moq_NAME of the folder's sources (and of the named subfolders'), and its tests. The table below is
# the architecture: any other edge is refused here.
set(MOQ_EDGES_base "")
set(MOQ_EDGES_kio base)
set(MOQ_EDGES_transport base kio)
set(MOQ_EDGES_io base kio transport)
set(MOQ_EDGES_sim base kio transport)
set(MOQ_EDGES_tls base kio transport)
set(MOQ_EDGES_quic base kio transport tls)
set(MOQ_EDGES_http base)
set(MOQ_EDGES_webtransport base kio transport http)
set(MOQ_EDGES_qmux base kio transport)
set(MOQ_EDGES_websocket base kio transport http qmux)
set(MOQ_EDGES_net base kio transport)
set(MOQ_EDGES_av base)
set(MOQ_EDGES_ffmpeg base av)
set(MOQ_EDGES_hang base kio net)
set(MOQ_EDGES_mux base kio net hang)
set(MOQ_EDGES_native base kio transport io net http tls quic webtransport qmux websocket)
set(MOQ_EDGES_capi base kio transport io net quic native hang mux av)
set(MOQ_EDGES_app base kio transport io net quic native)
set(MOQ_EDGES_relay base kio transport io http tls net quic native app)
set(MOQ_EDGES_bench base kio transport io net quic native app)
set(MOQ_EDGES_cli base kio transport io net quic native app hang mux)
set(MOQ_EDGES_conformance base kio transport io tls quic webtransport)

function(moq_module NAME)
  cmake_parse_arguments(ARG "" "" "USES;LINKS;FOLDERS" ${ARGN})
  foreach(used IN LISTS ARG_USES)
    if(NOT used IN_LIST MOQ_EDGES_${NAME})
      message(FATAL_ERROR "module ${NAME} may not use ${used}: see docs/architecture.md")
    endif()
  endforeach()

  list(TRANSFORM ARG_FOLDERS APPEND "/*.cc" OUTPUT_VARIABLE folders)
  list(TRANSFORM ARG_FOLDERS APPEND "/*_fuzz.cc" OUTPUT_VARIABLE fuzz_folders)
  file(GLOB sources CONFIGURE_DEPENDS "*.cc" "internal/*.cc" ${folders})
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "(_test|_bench|_fuzz|main)\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  if(MOQ_SANITIZE STREQUAL "thread" AND NOT NAME MATCHES "^(base|kio|transport|io)$")
    # Above the layers where threads meet, only the tests that use some.
    list(FILTER tests INCLUDE REGEX "_threads_test\\.cc$")
  endif()

  list(TRANSFORM ARG_USES PREPEND moq_ OUTPUT_VARIABLE uses)
  add_library(moq_${NAME} STATIC ${sources})
  target_link_libraries(moq_${NAME} PUBLIC moq_flags ${uses} fmt::fmt Threads::Threads PRIVATE ${ARG_LINKS})
  set_target_properties(moq_${NAME} PROPERTIES LINKER_LANGUAGE CXX)
  moq_precompiled(moq_${NAME} modules)
  if(NAME STREQUAL "sim" AND NOT BUILD_TESTING)
    set_target_properties(moq_sim PROPERTIES EXCLUDE_FROM_ALL TRUE)
  endif()
  # libmoq links what its modules do, from another folder.
  set_property(GLOBAL APPEND PROPERTY MOQ_LINKS_${NAME} ${ARG_LINKS})
  foreach(link IN LISTS ARG_LINKS)
    if(TARGET ${link})
      get_target_property(is_global ${link} IMPORTED_GLOBAL)
      if(NOT is_global)
        set_target_properties(${link} PROPERTIES IMPORTED_GLOBAL TRUE)
      endif()
    endif()
  endforeach()

  if(BUILD_TESTING)
    foreach(label IN ITEMS loopback interop soak)
      set(matching ${tests})
      list(FILTER matching INCLUDE REGEX "_${label}_test\\.cc$")
      list(FILTER tests EXCLUDE REGEX "_${label}_test\\.cc$")
      moq_test(${NAME} ${label} "${matching}")
    endforeach()
    moq_test(${NAME} unit "${tests}")
  endif()
  # Fuzz targets have one thread.
  if((BUILD_TESTING AND NOT MOQ_SANITIZE STREQUAL "thread") OR MOQ_FUZZ)
    file(GLOB fuzzers CONFIGURE_DEPENDS "*_fuzz.cc" "internal/*_fuzz.cc" ${fuzz_folders})
    foreach(fuzzer IN LISTS fuzzers)
      moq_fuzz(${NAME} ${fuzzer} ${ARG_LINKS})
    endforeach()
  endif()
  if(MOQ_BENCH)
    file(GLOB benches CONFIGURE_DEPENDS "*_bench.cc")
    foreach(bench IN LISTS benches)
      cmake_path(GET bench STEM stem)
      add_executable(moq_${NAME}_${stem} ${bench})
      target_link_libraries(moq_${NAME}_${stem} PRIVATE moq_${NAME} benchmark::benchmark_main ${ARG_LINKS})
      if(TARGET moq_sim)
        target_link_libraries(moq_${NAME}_${stem} PRIVATE moq_sim)
      endif()
    endforeach()
  endif()
endfunction()

# What a release compiles for size, half the bytes of -O2: module NAME, of which a player has much and whose speed nobody feels. But
# the files after EXCEPT, in which the time of a relay goes; or only those after ONLY.
function(moq_compile_small NAME)
  cmake_parse_arguments(ARG "" "" "EXCEPT;ONLY" ${ARGN})
  if(ARG_ONLY)
    set_source_files_properties(${ARG_ONLY} PROPERTIES COMPILE_OPTIONS "$<$<CONFIG:Release>:-Os>")
    return()
  endif()
  target_compile_options(moq_${NAME} PRIVATE $<$<CONFIG:Release>:-Os>)
  set_source_files_properties(${ARG_EXCEPT} PROPERTIES COMPILE_OPTIONS "$<$<CONFIG:Release>:-O2>")
endfunction()

# Makes the target use the precompiled header of `modules` or `tests`: those of C++, fmt and gtest, which are a third of what
# it compiles. None of ours is in there: a source still includes what it uses, which the other presets check, and a change
# of a header compiles again what it did before.
function(moq_precompiled TARGET OF)
  if(NOT MOQ_PCH)
    return()
  endif()
  # The flags of a header are those of its users, so each is made for a program or a library as they are.
  set(owner moq_pch_${OF})
  if(NOT TARGET ${owner})
    set(source "${PROJECT_SOURCE_DIR}/cmake/pch/${OF}.cc")
    if(OF STREQUAL "tests")
      add_executable(${owner} "${source}")
      target_link_libraries(${owner} PRIVATE moq_flags fmt::fmt GTest::gtest)
      moq_test_flags(${owner})
    else()
      add_library(${owner} STATIC "${source}")
      target_link_libraries(${owner} PRIVATE moq_flags fmt::fmt)
    endif()
    # With it, the preprocessor that ccache runs shows the header instead of what is in it.
    target_compile_options(${owner} PRIVATE -fpch-preprocess)
    target_precompile_headers(${owner} PRIVATE "${PROJECT_SOURCE_DIR}/cmake/pch/${OF}.h")
  endif()
  target_compile_options(${TARGET} PRIVATE -fpch-preprocess)
  target_precompile_headers(${TARGET} REUSE_FROM ${owner})
endfunction()

# Sources of the folder that run once, at a program's start, and take long to compile: the flags, by CLI11.
# In a debug build they are not optimised, which takes half the time.
function(moq_compile_quickly)
  set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS $<$<CONFIG:Debug>:-O0> SKIP_PRECOMPILE_HEADERS ON)
endfunction()

# One test program per module and label. `sim` is for tests alone, so it is linked here.
function(moq_test NAME LABEL SOURCES)
  if(NOT SOURCES)
    return()
  endif()
  if(NOT TARGET moq_testing_paths)  # moq/base/testing_paths.h
    configure_file("${PROJECT_SOURCE_DIR}/cmake/testing_paths.cc.in" "${PROJECT_BINARY_DIR}/testing_paths.cc" @ONLY)
    add_library(moq_testing_paths STATIC "${PROJECT_BINARY_DIR}/testing_paths.cc")
    target_link_libraries(moq_testing_paths PRIVATE moq_flags)
  endif()
  set(target moq_${NAME}_${LABEL}_test)
  add_executable(${target} ${SOURCES})
  target_link_libraries(${target} PRIVATE moq_${NAME} moq_testing_paths GTest::gtest_main ${ARG_LINKS})
  if(TARGET moq_sim AND NOT NAME MATCHES "^(base|kio|transport)$")
    target_link_libraries(${target} PRIVATE moq_sim)
  endif()
  if(LABEL STREQUAL "soak")
    moq_test_flags_undefined(${target})
  else()
    moq_test_flags(${target})
    moq_precompiled(${target} tests)
  endif()
  if(LABEL STREQUAL "unit")
    moq_suites(${target} ${NAME})
  else()
    # They have a process each: they start others, wait on real time, and are few.
    gtest_discover_tests(${target} DISCOVERY_TIMEOUT 60 PROPERTIES LABELS ${LABEL} TIMEOUT 120)
  endif()
endfunction()

# What a test itself does is quick; compiling it takes half as long. What it tests stays at -O1.
function(moq_test_flags TARGET)
  target_compile_options(${TARGET} PRIVATE $<$<CONFIG:Debug>:-O0>)
  moq_test_flags_undefined(${TARGET})
endfunction()

# The same: UBSan looks at what is tested, ASan at the test too.
function(moq_test_flags_undefined TARGET)
  if(MOQ_SANITIZE MATCHES "undefined")
    target_compile_options(${TARGET} PRIVATE -fno-sanitize=undefined)
  endif()
endfunction()

# The unit tests of a program, for ctest: PREFIX.SUITE, one process for each gtest suite. One for each test would spend most
# of its time on its start, under a sanitizer. What scripts/test.py counts is the tests, by the reports that gtest writes.
function(moq_suites TARGET PREFIX)
  set(base "${CMAKE_CURRENT_BINARY_DIR}/${TARGET}")
  # A suite takes seconds; this is for one that hangs, with room for a machine that is busy.
  set(properties "LABELS unit TIMEOUT 240")
  add_custom_command(TARGET ${TARGET} POST_BUILD BYPRODUCTS "${base}_suites.cmake"
    COMMAND "${CMAKE_COMMAND}" -D "PROGRAM=$<TARGET_FILE:${TARGET}>" -D "PREFIX=${PREFIX}."
      -D "REPORTS=${PROJECT_BINARY_DIR}/test-reports/${TARGET}" -D "OUTPUT=${base}_suites.cmake" -D "PROPERTIES=${properties}"
      -P "${PROJECT_SOURCE_DIR}/cmake/list_suites.cmake"
    VERBATIM)
  set_property(TARGET ${TARGET} APPEND PROPERTY LINK_DEPENDS "${PROJECT_SOURCE_DIR}/cmake/list_suites.cmake")
  file(WRITE "${base}_include.cmake"
    "if(EXISTS [=[${base}_suites.cmake]=])\n  include([=[${base}_suites.cmake]=])\nelse()\n"
    "  add_test(${TARGET}_NOT_BUILT ${TARGET}_NOT_BUILT)\n"
    "  set_tests_properties(${TARGET}_NOT_BUILT PROPERTIES ${properties})\nendif()\n")
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES "${base}_include.cmake")
endfunction()
