#include "moq/mux/ts/elementary.h"

#include <gtest/gtest.h>

#include "moq/mux/internal/testing_found.h"
#include "moq/mux/opus.h"

namespace moq::mux::ts {
namespace {

using Buffer = std::vector<std::uint8_t>;
using testing::Contents;
using testing::times_of;

constexpr std::uint32_t kId = 256;
constexpr std::uint8_t kAdtsType = 0x0f;
constexpr std::uint8_t kMp3Type = 0x03;

/// Feeds a stream and sorts what it finds.
struct Feeder {
  explicit Feeder(const StreamEntry& entry) : elementary(make_elementary(entry, kId)) {}
  void begin(std::optional<std::int64_t> pts_us) { elementary->begin(pts_us, found); }
  Result<void> data(const Buffer& bytes) { return elementary->data(bytes, found); }
  Contents finish() {
    elementary->finish(found);
    Contents out;
    sort_into(out, found);
    return out;
  }
  std::unique_ptr<Elementary> elementary;
  Found found;
};

/// An ADTS frame at 48 kHz with four bytes of that value.
Buffer adts(std::uint8_t value, std::uint8_t channels = 1) {
  return {0xff,  0xf1,  0x4c, static_cast<std::uint8_t>(channels << 6), 0x01, 0x7f, 0xfc, value,
          value, value, value};
}
Buffer operator+(Buffer a, const Buffer& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
std::vector<int> values_of(const std::vector<FoundFrame>& frames) {
  std::vector<int> out;
  for (const FoundFrame& frame : frames) out.push_back(frame.payload[0]);
  return out;
}

TEST(VideoStream, EndsAUnitWhereTheNextTimeComes) {
  Feeder stream({kId, 0x1b, {}});
  EXPECT_TRUE(stream.data({9}));  // Of a unit that began before.
  stream.begin(100);
  EXPECT_TRUE(stream.data({1}));
  EXPECT_TRUE(stream.data({2}));
  stream.begin(std::nullopt);  // The same unit in another PES packet.
  EXPECT_TRUE(stream.data({3}));
  stream.begin(50);
  EXPECT_TRUE(stream.data({4}));
  const Contents found = stream.finish();
  EXPECT_EQ(found.tracks.at(kId), (FoundTrack{kId, "avc3", {}}));
  EXPECT_EQ(found.begun, 1U);
  EXPECT_EQ(found.frames.at(kId), (std::vector<FoundFrame>{{kId, 100, Bytes::copy(Buffer{1, 2, 3})},
                                                           {kId, 50, Bytes::copy(Buffer{4})}}));
}

TEST(VideoStream, DropsAUnitThatLostSomething) {
  Feeder stream({kId, 0x24, {}});
  stream.begin(100);
  EXPECT_TRUE(stream.data({1}));
  stream.elementary->lose();
  EXPECT_TRUE(stream.data({2}));
  stream.begin(std::nullopt);
  EXPECT_TRUE(stream.data({3}));
  stream.begin(200);
  EXPECT_TRUE(stream.data({4}));
  const Contents found = stream.finish();
  EXPECT_EQ(found.tracks.at(kId).format, "hev1");
  EXPECT_EQ(times_of(found.frames.at(kId)), std::vector<std::int64_t>{200});
}

TEST(VideoStream, LimitsAUnit) {
  Feeder stream({kId, 0x1b, {}});
  stream.begin(0);
  EXPECT_TRUE(stream.data(Buffer(kMaxUnitBytes)));
  EXPECT_EQ(stream.data({1}).error().code, Code::too_many);
}

TEST(AudioStream, CutsFramesOutOfPesPackets) {
  Feeder stream({kId, kAdtsType, {}});
  stream.begin(1'000'000);
  EXPECT_TRUE(stream.data(adts(1) + adts(2)));
  const Contents found = stream.finish();
  EXPECT_EQ(found.tracks.at(kId), (FoundTrack{kId, "aac", Bytes::copy(Buffer{0x11, 0x88})}));
  EXPECT_EQ(found.frames.at(kId)[0].payload, Bytes::copy(Buffer{1, 1, 1, 1}));
  EXPECT_EQ(times_of(found.frames.at(kId)), (std::vector<std::int64_t>{1'000'000, 1'021'333}));
}

TEST(AudioStream, GivesATimeToTheFirstFrameThatBeginsInItsPacket) {
  const Buffer second = adts(2);
  for (std::size_t cut = 0; cut < second.size(); ++cut) {
    const auto middle = second.begin() + static_cast<std::ptrdiff_t>(cut);
    Feeder stream({kId, kAdtsType, {}});
    stream.begin(0);
    EXPECT_TRUE(stream.data(adts(1) + Buffer(second.begin(), middle)));
    stream.begin(500'000);
    for (const std::uint8_t byte : Buffer(middle, second.end()) + adts(3)) {
      EXPECT_TRUE(stream.data({byte}));
    }
    const std::int64_t time = cut == 0 ? 500'000 : 21'333;
    EXPECT_EQ(times_of(stream.finish().frames.at(kId)),
              (std::vector<std::int64_t>{0, time, cut == 0 ? 521'333 : 500'000}));
  }
}

TEST(AudioStream, FindsTheNextFrameAfterOtherBytes) {
  Feeder stream({kId, kAdtsType, {}});
  stream.begin(0);
  // What looks like a header within the tail of a frame is none: no other one follows it.
  const Buffer false_header = {0xff, 0xf1, 0x4c, 0xc0, 0x01, 0x7f, 0xfc};
  EXPECT_TRUE(stream.data(Buffer{7, 7} + false_header + Buffer{7, 7, 7, 7, 7, 7} + adts(1)));
  EXPECT_TRUE(stream.data(adts(2) + Buffer{0xff} + adts(3) + adts(4)));
  const Contents found = stream.finish();
  EXPECT_EQ(values_of(found.frames.at(kId)), (std::vector<int>{1, 2, 3, 4}));
  EXPECT_EQ(found.begun, 1U);
}

TEST(AudioStream, BeginsAnewWithAnotherConfiguration) {
  Feeder stream({kId, kAdtsType, {}});
  stream.begin(0);
  EXPECT_TRUE(stream.data(adts(1) + adts(2, 2) + adts(3, 2)));
  const Contents found = stream.finish();
  EXPECT_EQ(found.begun, 2U);
  EXPECT_EQ(found.tracks.at(kId).init, Bytes::copy(Buffer{0x11, 0x90}));
}

TEST(AudioStream, HasNoFramesWithoutATime) {
  Feeder stream({kId, kAdtsType, {}});
  EXPECT_TRUE(stream.data(adts(1)));
  stream.begin(std::nullopt);
  EXPECT_TRUE(stream.data(adts(2) + adts(3)));
  stream.begin(0);
  EXPECT_TRUE(stream.data(adts(4)));
  stream.elementary->lose();
  EXPECT_TRUE(stream.data(adts(5)));
  EXPECT_EQ(values_of(stream.finish().frames.at(kId)), std::vector<int>{4});
}

TEST(Mp3Stream, DoesNotChangeWithItsBitRate) {
  Buffer low = {0xff, 0xfb, 0x14, 0xc4};    // 32 kbit/s at 48 kHz.
  Buffer high = {0xff, 0xfb, 0x24, 0xc4};   // 40 kbit/s.
  Buffer other = {0xff, 0xfb, 0x10, 0xc4};  // 44.1 kHz.
  low.resize(96);
  high.resize(120);
  other.resize(104);
  Feeder stream({kId, kMp3Type, {}});
  stream.begin(0);
  EXPECT_TRUE(stream.data(low + high + low));
  EXPECT_TRUE(stream.data(other));
  const Contents found = stream.finish();
  EXPECT_EQ(times_of(found.frames.at(kId)), (std::vector<std::int64_t>{0, 24'000, 48'000, 72'000}));
  EXPECT_EQ(found.begun, 2U);
  EXPECT_EQ(found.tracks.at(kId), (FoundTrack{kId, "mp3", Bytes::copy(ByteSpan(other).first(4))}));
}

TEST(OpusStream, HasItsChannelsInADescriptor) {
  const Buffer opus = {5, 4, 'O', 'p', 'u', 's', 0x7f, 2, 0x80, 1};
  Feeder stream({kId, 6, opus});
  stream.begin(0);
  EXPECT_TRUE(stream.data({0x7f, 0xe0, 2, 0xf8, 1, 0x7f, 0xf0, 2, 0, 0, 0xf8, 2}));
  const Contents found = stream.finish();
  EXPECT_EQ(found.tracks.at(kId), (FoundTrack{kId, "opus", opus::Head{.channels = 1}.encode()}));
  EXPECT_EQ(found.frames.at(kId),
            (std::vector<FoundFrame>{{kId, 0, Bytes::copy(Buffer{0xf8, 1})},
                                     {kId, 20'000, Bytes::copy(Buffer{0xf8, 2})}}));
}

TEST(Elementary, IsNoneOfACodecThatWeDoNotKnow) {
  EXPECT_EQ(make_elementary({kId, 0x02, {}}, kId), nullptr);  // MPEG-2 video.
  EXPECT_EQ(make_elementary({kId, 0x06, {5, 4, 'A', 'C', '-', '3'}}, kId), nullptr);
  const Buffer six = {5, 4, 'O', 'p', 'u', 's', 0x7f, 2, 0x80, 6};
  EXPECT_EQ(make_elementary({kId, 0x06, six}, kId), nullptr);
  EXPECT_EQ(make_elementary({kId, 0x06, {5}}, kId), nullptr);
}

}  // namespace
}  // namespace moq::mux::ts
