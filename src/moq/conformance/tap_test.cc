#include "moq/conformance/tap.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace moq::conformance {
namespace {

TEST(Tap, WritesPlanResultsAndReasons) {
  EXPECT_EQ(tap::plan(3), "TAP version 14\n1..3\n");
  EXPECT_EQ(tap::result(1, "moq-lite-06 a/b", "§1", {}), "ok 1 - moq-lite-06 a/b\n");
  EXPECT_EQ(tap::result(2, "a/b", "§1", fail(kSkip, "version not offered")),
            "ok 2 - a/b # SKIP version not offered\n");
  EXPECT_EQ(tap::result(3, "a/b", "§1", fail(Code::protocol_violation, "expected \"x\"\n")),
            "not ok 3 - a/b\n  ---\n  section: \"§1\"\n"
            "  message: \"protocol violation: expected \\\"x\\\" \"\n  ...\n");
  EXPECT_EQ(tap::comment("a\nb"), "# a b\n");
  EXPECT_EQ(tap::bail_out("no\nrelay"), "Bail out! no relay\n");
}

TEST(Protocols, NameEachCaseOnce) {
  for (const Protocol& protocol : protocols()) {
    std::set<std::string_view> names;
    for (const Case& one : protocol.cases) {
      EXPECT_TRUE(names.insert(one.name).second) << one.name;
      EXPECT_NE(one.name.find('/'), std::string_view::npos) << one.name;
      EXPECT_FALSE(one.section.empty()) << one.name;
    }
    EXPECT_GT(names.size(), 20U) << protocol.name;
    for (const Ends end : {kRelays, kPublishers, kSubscribers}) {
      EXPECT_GT(std::ranges::count_if(protocol.cases,
                                      [end](const Case& one) { return (one.ends & end) != 0; }),
                20)
          << protocol.name;
    }
  }
}

}  // namespace
}  // namespace moq::conformance
