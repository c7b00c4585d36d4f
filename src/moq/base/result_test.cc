#include "moq/base/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>

namespace moq {
namespace {

Result<int> parse(int value) {
  if (value < 0) return fail(Code::invalid_argument, "negative");
  return value;
}

Result<int> twice(int value) {
  MOQ_TRY(const int parsed, parse(value));
  MOQ_TRY(int again, parse(parsed));
  again *= 2;
  return again;
}

Result<void> check(int value, int& reached) {
  MOQ_CHECK(parse(value));
  ++reached;
  return {};
}

Result<std::unique_ptr<int>> make_box(int value) {
  MOQ_TRY(const int parsed, parse(value));
  return std::make_unique<int>(parsed);
}

Result<int> unbox(int value) {
  MOQ_TRY(const std::unique_ptr<int> box, make_box(value));
  return *box;
}

TEST(Try, AssignsTheValueOrReturnsTheError) {
  EXPECT_EQ(twice(21).value(), 42);
  EXPECT_EQ(twice(-1).error(), Error(Code::invalid_argument, "negative"));
}

TEST(Try, MovesWhatCannotBeCopied) {
  EXPECT_EQ(unbox(3).value(), 3);
  EXPECT_EQ(unbox(-3).error().code, Code::invalid_argument);
}

TEST(Try, KeepsOtherErrorTypes) {
  const auto inner = [](bool good) -> Result<int, std::string> {
    if (!good) return std::unexpected("text");
    return 1;
  };
  const auto outer = [&](bool good) -> Result<double, std::string> {
    MOQ_TRY(const int value, inner(good));
    return value + 0.5;
  };
  EXPECT_EQ(outer(true).value(), 1.5);
  EXPECT_EQ(outer(false).error(), "text");
}

TEST(Check, ReturnsTheErrorAndDropsTheValue) {
  int reached = 0;
  EXPECT_TRUE(check(1, reached));
  EXPECT_FALSE(check(-1, reached));
  EXPECT_EQ(reached, 1);
}

TEST(Check, IsOneStatement) {
  const auto run = [](bool branch) -> Result<void> {
    if (branch)
      MOQ_CHECK(parse(-1));
    else
      MOQ_CHECK(parse(1));
    return {};
  };
  EXPECT_FALSE(run(true));
  EXPECT_TRUE(run(false));
}

TEST(ErrorText, DescribesCauseTextAndWireCode) {
  EXPECT_EQ(Error(Code::not_found).describe(), "not found");
  EXPECT_EQ(Error(Code::not_found, "no broadcast 'a/b'").describe(),
            "not found: no broadcast 'a/b'");
  EXPECT_EQ(Error(Code::application, "gone", 404).describe(), "application error: gone (code 404)");
  EXPECT_EQ(Error(Code::application, {}, 0).describe(), "application error (code 0)");
}

TEST(ErrorText, ContextComesFirst) {
  const Error error(Code::tls, "expired", 42);
  EXPECT_EQ(error.with_context("relay.example").describe(),
            "TLS failure: relay.example: expired (code 42)");
  EXPECT_EQ(Error(Code::tls).with_context("relay.example").text, "relay.example");
  EXPECT_EQ(error.text, "expired") << "the original is not changed";
}

TEST(CodeText, EachCodeHasItsOwnWord) {
  std::set<std::string_view> words;
  for (int i = 0; i <= static_cast<int>(Code::application); ++i) {
    words.insert(to_string(static_cast<Code>(i)));
  }
  EXPECT_EQ(words.size(), static_cast<std::size_t>(Code::application) + 1);
}

TEST(AssertDeathTest, NamesTheConditionAndThePlace) {
  MOQ_ASSERT(1 + 1 == 2);
  EXPECT_DEATH(MOQ_ASSERT(1 + 1 == 3), "bug: 1 \\+ 1 == 3 does not hold at .*result_test.cc");
}

}  // namespace
}  // namespace moq
