# Run by moq_suites() once a test program is linked: asks it for its tests and writes what ctest includes, one entry for each
# gtest suite. Takes PROGRAM; PREFIX, of the entries' names; REPORTS, the folder of gtest's reports; OUTPUT; PROPERTIES, of
# each entry.
execute_process(COMMAND "${PROGRAM}" --gtest_list_tests
  OUTPUT_VARIABLE listed ERROR_VARIABLE errors RESULT_VARIABLE status TIMEOUT 60)
if(NOT status EQUAL 0)
  file(REMOVE "${PROGRAM}" "${OUTPUT}")  # As if it were not linked: the next build tries again.
  message(FATAL_ERROR "${PROGRAM} does not list its tests (${status}):\n${listed}\n${errors}")
endif()
# Comments show types and values, which may hold what means something to CMake.
string(REGEX REPLACE " +#[^\n]*" "" listed "${listed}")
string(REGEX MATCHALL "[^\n]+" lines "${listed}")

set(suites "")
foreach(line IN LISTS lines)
  if(line MATCHES "^([A-Za-z0-9_/]+)\\.$")
    set(suite "${CMAKE_MATCH_1}")
    list(APPEND suites "${suite}")
    set(count_${suite} 0)
  elseif(line MATCHES "^  [^ ]")
    math(EXPR count_${suite} "${count_${suite}} + 1")
  endif()
endforeach()

set(script "")
foreach(suite IN LISTS suites)
  string(REPLACE "/" "." report "${suite}")
  # The long ones begin first, so that none is left for one core at the end.
  string(APPEND script
    "add_test([=[${PREFIX}${suite}]=] [=[${PROGRAM}]=] [=[--gtest_filter=${suite}.*]=]"
    " [=[--gtest_output=xml:${REPORTS}/${report}.xml]=])\n"
    "set_tests_properties([=[${PREFIX}${suite}]=] PROPERTIES COST ${count_${suite}} ${PROPERTIES})\n")
endforeach()
file(WRITE "${OUTPUT}" "${script}")
