#include "moq/transport/webtransport/internal/structured_field.h"

#include <gtest/gtest.h>

namespace moq::transport::webtransport {
namespace {

using Strings = std::vector<std::string>;

TEST(StructuredField, ReadsAListOfStrings) {
  EXPECT_EQ(parse_string_list(R"("moq-lite-06", "moq-lite-05")", 9),
            (Strings{"moq-lite-06", "moq-lite-05"}));
  EXPECT_EQ(parse_string_list(R"(  "a"	,"b"  )", 9), (Strings{"a", "b"}));
  EXPECT_EQ(parse_string_list(R"("a\"b\\c")", 9), (Strings{R"(a"b\c)"}));
  EXPECT_EQ(parse_string_list("", 9), Strings{});
  EXPECT_EQ(parse_string_list(R"("")", 9), Strings{""});
}

TEST(StructuredField, LeavesParametersOut) {
  EXPECT_EQ(parse_string_list(R"("a";q=0.5;x;y=?1;z=:aGk=:; w="s", "b";n=-7;t=tok/en)", 9),
            (Strings{"a", "b"}));
}

TEST(StructuredField, RefusesAllOtherLists) {
  for (const char* bad : {"moq-lite-06",
                          R"("a", b)",
                          R"(("a" "b"))",
                          R"("a" "b")",
                          R"("a",)",
                          R"(,"a")",
                          R"("a)",
                          R"("a\x")",
                          R"("a\)",
                          "\"a\x01\"",
                          "\"\xc3\xa4\"",
                          "1",
                          "?1",
                          ":aa:",
                          R"("a";)",
                          R"("a";Q=1)",
                          R"("a";q=)",
                          R"("a";q=1.)",
                          R"("a";q=1.2345)",
                          R"("a";q=:aa)",
                          R"("a";q=?2)",
                          R"("a";q=1234567890123456)",
                          R"("a";q=-)"}) {
    EXPECT_EQ(parse_string_list(bad, 9), std::nullopt) << bad;
  }
}

TEST(StructuredField, HoldsAsManyMembersAsTheLimit) {
  EXPECT_EQ(parse_string_list(R"("a", "b")", 2), (Strings{"a", "b"}));
  EXPECT_EQ(parse_string_list(R"("a", "b", "c")", 2), std::nullopt);
}

TEST(StructuredField, ReadsOneString) {
  EXPECT_EQ(parse_string_item(R"("moq-lite-06")"), "moq-lite-06");
  EXPECT_EQ(parse_string_item(R"( "a";x=1 )"), "a");
  for (const char* bad : {"", "moq-lite-06", R"("a", "b")", R"("a" x)", R"("a)"}) {
    EXPECT_EQ(parse_string_item(bad), std::nullopt) << bad;
  }
}

TEST(StructuredField, WritesWhatItReads) {
  const Strings members = {"moq-lite-06", R"(a"b\c)", ""};
  EXPECT_EQ(format_string_list(members), R"("moq-lite-06", "a\"b\\c", "")");
  EXPECT_EQ(parse_string_list(format_string_list(members), 9), members);
  EXPECT_TRUE(is_field_string("moq-lite-06 ~"));
  EXPECT_FALSE(is_field_string("a\n"));
  EXPECT_FALSE(is_field_string("\xc3\xa4"));
}

}  // namespace
}  // namespace moq::transport::webtransport
