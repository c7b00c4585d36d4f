#include "moq/hang/snapshot.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace moq::hang::snapshot {
namespace {

struct Case {
  std::string_view before;
  std::string_view after;
  std::string_view frame;
  bool new_group = false;
};

TEST(SnapshotEncoder, WritesMergePatches) {
  for (const Case& c : std::vector<Case>{
           {R"({"a":1,"b":2})", R"({"a":1,"b":3})", R"({"b":3})"},
           {R"({"a":1,"b":2})", R"({"a":1})", R"({"b":null})"},
           {R"({"a":[1,2]})", R"({"a":[1,2,3]})", R"({"a":[1,2,3]})"},
           {R"({"o":{"x":1,"y":2}})", R"({"o":{"x":1,"y":9}})", R"({"o":{"y":9}})"},
           {R"({"a":1})", R"({"a":null})", R"({"a":null})", true},
           {R"({"a":1})", R"([1])", R"([1])", true},
           {R"({"a":1})", R"({"a":{"b":null}})", R"({"a":{"b":null}})", true},
       }) {
    Encoder encoder;
    ASSERT_TRUE(encoder.update(c.before));
    const auto write = encoder.update(c.after);
    ASSERT_TRUE(write && *write);
    EXPECT_EQ((*write)->frame.text(), c.frame);
    EXPECT_EQ((*write)->new_group, c.new_group) << c.after;
  }
}

TEST(SnapshotEncoder, WritesNothingForTheSameValue) {
  Encoder encoder;
  const auto first = encoder.update(R"({"b":1,"a":2})");
  EXPECT_TRUE((*first)->new_group);
  EXPECT_EQ((*first)->frame.text(), R"({"b":1,"a":2})");
  EXPECT_EQ(*encoder.update(R"({"a":2, "b":1})"), std::nullopt);
}

TEST(SnapshotEncoder, WithoutRatioEachChangeIsAGroup) {
  Encoder encoder({.ratio = 0});
  EXPECT_TRUE((*encoder.update(R"({"a":1})"))->new_group);
  const auto second = encoder.update(R"({"a":2})");
  EXPECT_TRUE((*second)->new_group);
  EXPECT_EQ((*second)->frame.text(), R"({"a":2})");
}

TEST(SnapshotEncoder, RollsWhenPatchesOutweighTheSnapshot) {
  Encoder encoder({.ratio = 2});
  ASSERT_TRUE(encoder.update(R"({"a":0})"));
  EXPECT_FALSE((*encoder.update(R"({"a":1})"))->new_group);
  EXPECT_FALSE((*encoder.update(R"({"a":2})"))->new_group);
  EXPECT_TRUE((*encoder.update(R"({"a":3})"))->new_group);
  EXPECT_FALSE((*encoder.update(R"({"a":4})"))->new_group);
}

TEST(SnapshotEncoder, RollsAtTheFrameLimit) {
  Encoder encoder({.ratio = 1'000'000});
  std::size_t frames = 0;
  for (std::size_t i = 0; i <= kMaxGroupFrames; ++i) {
    const auto write = encoder.update(R"({"a":)" + std::to_string(i) + "}");
    if (i > 0 && (*write)->new_group) break;
    ++frames;
  }
  EXPECT_EQ(frames, kMaxGroupFrames);
}

TEST(SnapshotEncoder, RollsRatherThanOverfillAGroup) {
  const auto value = [](char fill) {
    return R"({"a":")" + std::string(kMaxGroupBytes / 2, fill) + "\"}";
  };
  Encoder encoder;
  ASSERT_TRUE(encoder.update(value('1')));
  const auto second = encoder.update(value('2'));
  ASSERT_TRUE(second && *second);
  EXPECT_TRUE((*second)->new_group);
  EXPECT_EQ((*second)->frame.text(), value('2'));
}

TEST(SnapshotEncoder, RefusesWhatIsNotJson) {
  Encoder encoder;
  EXPECT_EQ(encoder.update("{").error().code, Code::decode);
}

class Versions : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Snapshot, Versions, testing::Bool());

TEST_P(Versions, ReachTheReader) {
  const bool compressed = GetParam();
  Encoder encoder({.compressed = compressed, .ratio = 3});
  Decoder decoder(compressed);
  std::size_t groups = 0;
  for (int i = 0; i < 200; ++i) {
    std::string value =
        R"({"even":)" + std::to_string(i / 2) + R"(,"list":[)" + std::to_string(i) + "]";
    if (i % 3 == 0) value += R"(,"third":{"deep":{"n":)" + std::to_string(i) + "}}";
    if (i % 50 == 0) value += R"(,"void":null)";
    value += "}";
    const auto write = encoder.update(value);
    ASSERT_TRUE(write && *write);
    if ((*write)->new_group) {
      decoder.start_group();
      ++groups;
    }
    ASSERT_TRUE(decoder.apply((*write)->frame.span()));
    EXPECT_EQ(decoder.text(), value);
  }
  EXPECT_GT(groups, 10U);
  EXPECT_LT(groups, 190U);
}

TEST(SnapshotDecoder, FailsOnBadFrames) {
  EXPECT_EQ(Decoder().apply(as_bytes("{")).error().code, Code::decode);
  EXPECT_EQ(Decoder().apply(as_bytes(R"({"a":1,"a":2})")).error().code, Code::decode);
  EXPECT_EQ(Decoder(true).apply(as_bytes("{}")).error().code, Code::decode);
  EXPECT_EQ(Decoder().text(), std::nullopt);
}

TEST(SnapshotDecoder, LimitsTheValue) {
  const std::string half = '"' + std::string(450, 'x') + '"';
  Decoder decoder(false, 900);
  ASSERT_TRUE(decoder.apply(as_bytes("{}")));
  ASSERT_TRUE(decoder.apply(as_bytes(R"({"a":)" + half + "}")));
  // The same key again keeps the value small; another one does not.
  ASSERT_TRUE(decoder.apply(as_bytes(R"({"a":1})")));
  ASSERT_TRUE(decoder.apply(as_bytes(R"({"b":)" + half + "}")));
  EXPECT_EQ(decoder.apply(as_bytes(R"({"c":)" + half + "}")).error().code, Code::frame_too_large);
  EXPECT_EQ(Decoder(false, 1).apply(as_bytes("{}")).error().code, Code::frame_too_large);
}

}  // namespace
}  // namespace moq::hang::snapshot
