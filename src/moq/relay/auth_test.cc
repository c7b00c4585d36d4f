#include "moq/relay/auth.h"

#include <gtest/gtest.h>

namespace moq::relay {
namespace {

bool reaches(std::string_view pattern, std::string_view root) {
  const auto parsed = Pattern::parse(pattern);
  return parsed && parsed->reaches(net::Path::of(root));
}

bool matches(std::string_view pattern, std::string_view path) {
  const auto parsed = Pattern::parse(pattern);
  EXPECT_TRUE(parsed) << pattern;
  return parsed && parsed->matches(net::Path::of(path));
}

TEST(Pattern, ReachesARootThatHasPathsOfItsOwnBelow) {
  EXPECT_TRUE(reaches("anon/**", ""));
  EXPECT_TRUE(reaches("anon/**", "anon"));
  EXPECT_TRUE(reaches("anon/**", "anon/alice"));
  EXPECT_FALSE(reaches("anon/**", "anonymous"));
  EXPECT_TRUE(reaches("*/camera", "alice"));
  EXPECT_TRUE(reaches("*/camera", "alice/camera"));
  EXPECT_FALSE(reaches("*/camera", "alice/screen"));
  EXPECT_FALSE(reaches("*/camera", "alice/camera/left"));
}

TEST(Pattern, AStarIsExactlyOneSegment) {
  EXPECT_TRUE(matches("anon/*", "anon/alice"));
  EXPECT_FALSE(matches("anon/*", "anon"));
  EXPECT_FALSE(matches("anon/*", "anon/alice/camera"));
  EXPECT_FALSE(matches("anon/*", "anonymous/alice"));
  EXPECT_TRUE(matches("*/camera", "alice/camera"));
  EXPECT_FALSE(matches("*/camera", "alice/screen"));
  EXPECT_FALSE(matches("*", ""));
}

TEST(Pattern, TwoStarsAtTheEndAreAnyNumberOfSegments) {
  EXPECT_TRUE(matches("**", ""));
  EXPECT_TRUE(matches("**", "a/b/c"));
  EXPECT_TRUE(matches("anon/**", "anon"));
  EXPECT_TRUE(matches("anon/**", "anon/alice/camera"));
  EXPECT_FALSE(matches("anon/**", "anonymous"));
  EXPECT_FALSE(matches("anon/**", "other/anon"));
  EXPECT_TRUE(matches("*/live/**", "alice/live/1080p/left"));
  EXPECT_FALSE(matches("*/live/**", "live/alice"));
}

TEST(Pattern, IsNormalisedAsPathsAre) {
  EXPECT_TRUE(matches("/anon//**/", "anon/alice"));
  EXPECT_TRUE(matches("anon/**", "//anon//alice//"));
}

TEST(Pattern, AStarInsideASegmentIsNoWildcard) {
  const auto parsed = Pattern::parse("anon/a*");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code, Code::bad_config);
}

TEST(Pattern, WithoutAWildcardIsRefusedWithACure) {
  const auto parsed = Pattern::parse("anon");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code, Code::bad_config);
  EXPECT_NE(parsed.error().text.find("`anon` has no wildcard"), std::string::npos);
  EXPECT_NE(parsed.error().text.find("`anon/**`"), std::string::npos);
  EXPECT_FALSE(Pattern::parse(""));
  EXPECT_FALSE(Pattern::parse("/"));
}

TEST(Pattern, TwoStarsBeforeTheEndAreRefused) {
  for (const std::string_view text : {"**/live", "a/**/b", "**/**", "**/*"}) {
    const auto parsed = Pattern::parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, Code::bad_config) << text;
  }
}

TEST(Grants, CoverWhatAnyPatternMatches) {
  const std::vector<Pattern> patterns = {*Pattern::parse("a/*"), *Pattern::parse("b/**")};
  EXPECT_TRUE(Grants::covers(patterns, net::Path::of("a/x")));
  EXPECT_TRUE(Grants::covers(patterns, net::Path::of("b")));
  EXPECT_FALSE(Grants::covers(patterns, net::Path::of("c/x")));
  EXPECT_FALSE(Grants::covers({}, net::Path::of("a/x")));
}

TEST(Admit, TheRequestPathIsTheRoot) {
  EXPECT_EQ(admit("")->root, net::Path());
  EXPECT_EQ(admit("/")->root, net::Path());
  EXPECT_EQ(admit("/room/alice")->root, net::Path::of("room/alice"));
  EXPECT_EQ(admit("//room//?x=y")->root, net::Path::of("room"));
  EXPECT_EQ(admit("?x=y&&z")->root, net::Path());
}

TEST(Admit, RefusesATokenWhereverItStands) {
  for (const std::string_view request : {"/room?jwt=x", "?jwt=x", "/room?a=b&jwt=x", "/?jwt=x&a"}) {
    const auto admission = admit(request);
    ASSERT_FALSE(admission) << request;
    EXPECT_EQ(admission.error().code, Code::unauthorized) << request;
  }
  // Without a value it is no token, and by another name it is not one either.
  EXPECT_TRUE(admit("/room?jwt="));
  EXPECT_TRUE(admit("/room?notjwt=x"));
  EXPECT_TRUE(admit("/jwt=x"));
}

TEST(Admit, RefusesWhatIsNoPrefixOfABroadcast) {
  std::string deep;
  for (int i = 0; i < 33; ++i) deep += "/a";
  const std::vector<std::string> requests = {"/*", "/a/**", "/\xff", deep,
                                             "/" + std::string(net::Path::kMaxBytes + 1, 'x')};
  for (const std::string& request : requests) {
    const auto admission = admit(request);
    ASSERT_FALSE(admission) << request.substr(0, 20);
    EXPECT_EQ(admission.error().code, Code::unauthorized);
  }
}

}  // namespace
}  // namespace moq::relay
