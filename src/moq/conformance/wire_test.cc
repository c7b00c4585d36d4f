#include <gtest/gtest.h>

#include "moq/conformance/lite.h"
#include "moq/conformance/media.h"
#include "moq/conformance/moqt.h"

// The bytes of both protocols, against vectors made by other encoders: those of aiomoqt and
// moq-net.
namespace moq::conformance {
namespace {

std::string hex(const Bytes& bytes) { return to_hex(bytes.span()); }

TEST(LiteWire, WritesTheKnownBytes) {
  using lite::Version;
  const lite::Wire v03(Version::v03);
  const lite::Wire v04(Version::v04);
  const lite::Wire v05(Version::v05);
  const lite::Wire v06(Version::v06);
  EXPECT_EQ(hex(v06.announce_request("room")), "010504726f6f6d");
  EXPECT_EQ(hex(v05.announce_request("", 0x1234)), "0103005234");
  lite::Subscription all;
  all.broadcast = "alice";
  all.max_age_ms = 500;
  EXPECT_EQ(hex(v03.subscribe(all)), "02130005616c69636505766964656f800041f40000");
  EXPECT_EQ(hex(v06.subscribe(all)), "02140005616c69636505766964656f8041f400000000");
  lite::Subscription range = all;
  range.id = 1;
  range.range = {.first = 4, .last = 9, .first_frame = 2, .last_frame = 3};
  EXPECT_EQ(hex(v05.subscribe(range)), "02130105616c69636505766964656f800041f4050a");
  EXPECT_EQ(hex(v06.subscribe(range)), "02140105616c69636505766964656f8041f4040a0204");
  EXPECT_EQ(hex(v06.track("alice", "video")), "060c05616c69636505766964656f");
  EXPECT_EQ(hex(v05.fetch("alice", "video", 5, {})), "030e05616c69636505766964656f8005");
  EXPECT_EQ(hex(v06.fetch("alice", "video", 5, {})), "031005616c69636505766964656f80050000");
  EXPECT_EQ(hex(v03.active("alice")), "080105616c69636501");
  EXPECT_EQ(hex(v04.active("alice")), "0a0105616c696365015234");
  EXPECT_EQ(hex(v05.active("alice")), "080105616c69636500");
  EXPECT_EQ(hex(v06.active("alice")), "000905616c696365000000");
  EXPECT_EQ(hex(v04.ended("alice", 0)), "080005616c69636500");
  EXPECT_EQ(hex(v06.ended("", 42)), "01012a");
  EXPECT_EQ(hex(v06.announce_ok(0x1234, 1)), "03523401");
  EXPECT_EQ(hex(v04.subscribe_ok(0)), "00058000000000");
  EXPECT_EQ(hex(v05.subscribe_ok(5)), "000105");
  EXPECT_EQ(hex(v05.subscribe_end(7)), "010107");
  EXPECT_EQ(hex(v04.subscribe_drop(5, 7)), "0103050700");
  EXPECT_EQ(hex(v06.subscribe_drop(5, 7)), "0203050700");
  const std::vector<lite::Frame> frames = lite::sample_frames();
  EXPECT_EQ(hex(v05.group_header(0, 5)) + hex(v05.frames(frames)),
            "0002000547d00568656c6c6f40420268694041"
            "00");
  EXPECT_EQ(hex(v06.group_header(0, 5)), "0003000500");
  EXPECT_EQ(hex(v04.frames({{0, "hello"}, {0, ""}})), "0568656c6c6f00");
}

TEST(MoqtWire, WritesTheKnownBytes) {
  const moqt::Wire d14(14);
  const moqt::Wire d16(16);
  const moqt::Wire d18(18);
  const moqt::Name cam = {"live", "cam"};
  EXPECT_EQ(hex(d14.subscribe(0, cam, "video")),
            "0300160002046c6976650363616d05766964656f8000010200");
  EXPECT_EQ(hex(d18.setup({})), "af000000");
  moqt::Setup server;
  server.server = true;
  EXPECT_EQ(hex(d14.setup(server)), "21000cc0000000ff00000e01026710");
  EXPECT_EQ(hex(d16.setup(server)), "21000401026710");
  EXPECT_EQ(hex(d18.setup(server)), "af000000");
  EXPECT_EQ(hex(d18.subscribe(0, cam, "video", moqt::Wire::From::group)),
            "03001b0002046c6976650363616d05766964656f03100110800103030000");
  EXPECT_EQ(hex(moqt::Wire(22).subscribe(0, cam, "video", moqt::Wire::From::group)),
            "0300190002046c6976650363616d05766964656f0310011080010101");
  EXPECT_EQ(hex(d14.refuse_subscribe(0)), "050003000400");
  EXPECT_EQ(hex(d18.refuse_subscribe(0)), "050003100000");
  EXPECT_EQ(hex(d14.publish_namespace(6, cam)), "06000c0602046c6976650363616d00");
  EXPECT_EQ(hex(d18.publish_namespace(6, cam)), "06000c0602046c6976650363616d00");
  EXPECT_EQ(hex(d16.subscribe_namespace(8, {"live"})), "1100090801046c6976650100");
  EXPECT_EQ(hex(d18.subscribe_namespace(8, {"live"})), "5000080801046c69766500");
  EXPECT_EQ(hex(d14.namespace_ok(6)), "07000106");
  EXPECT_EQ(hex(d16.namespace_ok(6)), "0700020600");
  EXPECT_EQ(hex(d18.namespace_ok(6)), "07000100");
  EXPECT_EQ(hex(d14.subscribe_namespace_ok(8)), "12000108");
  EXPECT_EQ(hex(d18.subscribe_ok(0, 1)), "0400020100");
  EXPECT_EQ(hex(d14.publish_done(0, 3)), "0b000400020300");
  EXPECT_EQ(hex(d18.publish_done(0, 3)), "0b0003020300");
  EXPECT_EQ(hex(d14.unsubscribe(0)), "0a000100");
  EXPECT_EQ(hex(d14.goaway()), "10000100");
  EXPECT_EQ(hex(d18.group(1, 300, {"a"})), "5801812c80000161");
  EXPECT_EQ(hex(d16.group(1, 300, {""})), "1801412c80000000");
}

TEST(LiteWire, CountsFramesThatAreWhole) {
  const lite::Wire v05(lite::Version::v05);
  const Bytes frames = v05.frames(lite::sample_frames());
  EXPECT_EQ(v05.count_frames(frames), 3U);
  EXPECT_EQ(v05.count_frames({}), 0U);
  EXPECT_EQ(v05.first_payload(frames), "hello");
  for (const std::size_t cut : {1U, 4U, 9U}) {
    EXPECT_EQ(v05.count_frames(frames.slice(0, cut)), std::nullopt) << cut;
  }
  EXPECT_EQ(v05.count_frames(from_hex("01 02 6869")), std::nullopt);  // A time below zero.
}

TEST(Media, IsWhatTheSheetSays) {
  EXPECT_EQ(media::first_track(media::catalog()), media::kVideoTrack);
  EXPECT_EQ(media::first_track(R"({"video":{"renditions":{}}})"), std::nullopt);
  EXPECT_EQ(media::first_track(R"({"renditions":{"cut)"), std::nullopt);
  // A second in microseconds, then the size of the slice.
  EXPECT_EQ(to_hex(as_bytes(media::frame(1'000'000, true, "hi"))),
            "800f424000000004658068"
            "69");
}

}  // namespace
}  // namespace moq::conformance
