#include "moq/net/path.h"

#include <gtest/gtest.h>

namespace moq::net {
namespace {

std::string segments(std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += "/s";
  return text;
}

TEST(Path, NormalisesSlashes) {
  EXPECT_EQ(Path::of("/a//b/"), Path::of("a/b"));
  EXPECT_EQ(Path::of("///").text(), "");
  EXPECT_TRUE(Path::of("/").is_root());
  EXPECT_EQ(Path::of("a").text(), "a");
  EXPECT_EQ(Path::of("a b/ c").text(), "a b/ c");
}

TEST(Path, TakesThirtyTwoSegmentsAndNoMore) {
  EXPECT_EQ(Path::of(segments(32)).segment_count(), 32U);
  EXPECT_EQ(Path::normalise(segments(33)).error(), DecodeError::too_many);
  EXPECT_EQ(Path::parse(segments(33)).error().code, Code::invalid_argument);
}

TEST(Path, TakesSoManyBytesAndNoMore) {
  EXPECT_TRUE(Path::normalise(std::string(Path::kMaxBytes, 'x')).has_value());
  EXPECT_TRUE(Path::normalise("/" + std::string(Path::kMaxBytes, 'x') + "//").has_value());
  EXPECT_EQ(Path::normalise(std::string(Path::kMaxBytes + 1, 'x')).error(), DecodeError::too_long);
  EXPECT_EQ(Path::normalise(std::string(1 << 20, 'x')).error(), DecodeError::too_long);
}

TEST(Path, RefusesWhatIsNotUtf8) {
  EXPECT_EQ(Path::normalise("a/\xff").error(), DecodeError::bad_utf8);
}

TEST(Path, MatchesPrefixesBySegment) {
  const Path foo = Path::of("foo");
  EXPECT_TRUE(Path::of("foo").has_prefix(foo));
  EXPECT_TRUE(Path::of("foo/bar").has_prefix(foo));
  EXPECT_FALSE(Path::of("foobar").has_prefix(foo));
  EXPECT_FALSE(Path::of("fo").has_prefix(foo));
  EXPECT_TRUE(foo.has_prefix(Path()));
  EXPECT_TRUE(Path().has_prefix(Path()));
  EXPECT_FALSE(Path().has_prefix(foo));
}

TEST(Path, StripsAndJoinsPrefixes) {
  const Path whole = Path::of("room/a/b");
  EXPECT_EQ(whole.strip_prefix(Path::of("room")), Path::of("a/b"));
  EXPECT_EQ(whole.strip_prefix(whole), Path());
  EXPECT_EQ(whole.strip_prefix(Path()), whole);
  EXPECT_EQ(whole.strip_prefix(Path::of("roo")), std::nullopt);
  EXPECT_EQ(Path::of("room").join(Path::of("a/b")), whole);
  EXPECT_EQ(Path().join(whole), whole);
  EXPECT_EQ(whole.join(Path()), whole);
}

TEST(Path, AJoinKeepsTheLimits) {
  EXPECT_TRUE(Path::of(segments(31)).join(Path::of("x")).has_value());
  EXPECT_EQ(Path::of(segments(31)).join(Path::of("x/y")).error(), DecodeError::too_many);
  const Path half = Path::of(std::string(Path::kMaxBytes / 2, 'x'));
  EXPECT_EQ(half.join(half).error(), DecodeError::too_long);
  EXPECT_TRUE(half.join(Path::of(std::string(Path::kMaxBytes / 2 - 1, 'x'))).has_value());
}

TEST(Path, CutsAndComparesSegments) {
  const Path path = Path::of("a/bc/d");
  EXPECT_EQ(path.first(0), Path());
  EXPECT_EQ(path.first(2), Path::of("a/bc"));
  EXPECT_EQ(path.first(9), path);
  EXPECT_EQ(path.common_segments(Path::of("a/bc")), 2U);
  EXPECT_EQ(path.common_segments(Path::of("a/b/d")), 1U);
  EXPECT_EQ(path.common_segments(path), 3U);
  EXPECT_EQ(path.common_segments(Path()), 0U);
  EXPECT_EQ(Path().common_segments(path), 0U);
}

TEST(Path, KnowsHiddenAndWildcardSegments) {
  EXPECT_TRUE(Path::of(".a").is_hidden());
  EXPECT_TRUE(Path::of("a/.b/c").is_hidden());
  EXPECT_FALSE(Path::of("a.b/c.").is_hidden());
  EXPECT_FALSE(Path().is_hidden());
  EXPECT_TRUE(Path::of("a/*").has_wildcard());
  EXPECT_TRUE(Path::of("**").has_wildcard());
  EXPECT_FALSE(Path::of("a*/***").has_wildcard());
}

}  // namespace
}  // namespace moq::net
