#include "moq/base/log.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace moq::log {
namespace {

// A sink is a plain function: what it saw is kept here.
std::vector<std::string>& lines() {
  static std::vector<std::string> seen;
  return seen;
}

void keep(Level level, std::string_view target, std::string_view text) {
  lines().push_back(fmt::format("{} {} {}", static_cast<int>(level), target, text));
}

class Log : public ::testing::Test {
 protected:
  ~Log() override {
    set_sink(nullptr, Level::off);
    lines().clear();
  }
};

TEST_F(Log, WritesFromTheLeastLevelUp) {
  set_sink(keep, Level::info);
  MOQ_LOG(debug, "relay", "hidden {}", 1);
  MOQ_LOG(info, "relay", "listening on {}", "[::]:4443");
  MOQ_LOG(error, "relay", "plain");
  EXPECT_EQ(lines(), (std::vector<std::string>{"2 relay listening on [::]:4443", "4 relay plain"}));
}

TEST_F(Log, FormatsOnlyWhatIsWritten) {
  int formatted = 0;
  const auto costly = [&] { return ++formatted; };
  MOQ_LOG(error, "x", "{}", costly());
  set_sink(keep, Level::warn);
  MOQ_LOG(info, "x", "{}", costly());
  EXPECT_EQ(formatted, 0);
  MOQ_LOG(warn, "x", "{}", costly());
  EXPECT_EQ(formatted, 1);
}

TEST_F(Log, NothingIsOnWithoutASink) {
  set_sink(nullptr, Level::trace);
  EXPECT_FALSE(enabled(Level::error));
  set_sink(keep, Level::off);
  EXPECT_FALSE(enabled(Level::error));
  EXPECT_FALSE(enabled(Level::off));
  write(Level::error, "x", "straight to the sink");
  EXPECT_EQ(lines().size(), 1U);
}

}  // namespace
}  // namespace moq::log
