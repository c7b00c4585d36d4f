#include "moq/hang/canonical_json.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace moq::hang {
namespace {

TEST(CanonicalJson, IsCompactWithSortedKeys) {
  struct Case {
    std::string_view text;
    std::string_view canonical;
  };
  for (const Case& c : std::vector<Case>{
           {R"( {"b" : 1, "a":[ 1 , 2 ]} )", R"({"a":[1,2],"b":1})"},
           {R"({"o":{"z":1,"y":{}},"B":0,"A":0})", R"({"A":0,"B":0,"o":{"y":{},"z":1}})"},
           {"1e3", "1000.0"},
           {"1.50", "1.5"},
           {"-7", "-7"},
           {"18446744073709551615", "18446744073709551615"},
           {"\tnull\n", "null"},
           {R"("\u00e9\/\n")", "\"\u00e9/\\n\""},
           {"true", "true"},
       }) {
    const Result<std::string> canonical = canonical_json(c.text);
    ASSERT_TRUE(canonical) << c.text;
    EXPECT_EQ(*canonical, c.canonical);
    EXPECT_EQ(canonical_json(*canonical), *canonical);
  }
}

TEST(CanonicalJson, RefusesWhatIsNotOneValue) {
  for (const std::string_view text :
       {"", " ", "{", "1 2", "{}{}", "nul", "'a'", "[1,]", R"({"a":1,"a":2})", "\"\xff\"", "1e999",
        "{a:1}", "// comment\n1"}) {
    const Result<std::string> canonical = canonical_json(text);
    ASSERT_FALSE(canonical) << text;
    EXPECT_EQ(canonical.error().code, Code::decode) << text;
  }
}

TEST(CanonicalJson, LimitsTheNesting) {
  EXPECT_TRUE(canonical_json(std::string(64, '[') + std::string(64, ']')));
  EXPECT_FALSE(canonical_json(std::string(65, '[') + std::string(65, ']')));
}

}  // namespace
}  // namespace moq::hang
