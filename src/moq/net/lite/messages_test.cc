// The vectors of moq-lite.md §12.1 to §12.5 and §12.7; those of the announce stream and of frames
// are in announce_codec_test.cc and stream_reader_test.cc.
#include <gtest/gtest.h>

#include "moq/net/lite/announce.h"
#include "moq/net/lite/control.h"
#include "moq/net/lite/group.h"
#include "moq/net/lite/legacy_setup.h"
#include "moq/net/lite/setup.h"
#include "moq/net/lite/stream_type.h"
#include "moq/net/lite/subscribe.h"
#include "moq/net/lite/test_support.h"
#include "moq/net/lite/track.h"

namespace moq::net::lite {
namespace {

constexpr Version v01 = Version::lite_01, v02 = Version::lite_02, v03 = Version::lite_03,
                  v04 = Version::lite_04, v05 = Version::lite_05, v06 = Version::lite_06,
                  v07 = Version::lite_07_wip;

const Path kAlice = Path::of("alice");
/// Inside a test `Setup` is a name of GoogleTest.
using SetupMessage = Setup;

template <Message M>
DecodeError decode_error(std::string_view hex, Version version) {
  const std::vector<std::uint8_t> body = from_hex(hex);
  Reader in(body, varint_kind(version));
  const auto message = M::decode(in, version);
  return message ? DecodeError::none : message.error();
}

/// A body of the given fields.
template <typename Fill>
std::string body_hex(Version version, Fill fill) {
  Writer out(varint_kind(version));
  fill(out);
  return to_hex(out.span());
}

// --- Greeting -----------------------------------------------------------------------------------

template <typename M>
void expect_legacy_vector(const M& message, std::string_view hex) {
  SCOPED_TRACE(hex);
  EXPECT_EQ(to_hex(message.encode().span()), hex);
  const std::vector<std::uint8_t> bytes = from_hex(hex);
  for (std::size_t cut = 1; cut <= bytes.size(); ++cut) {
    StreamReader reader(FakeRecvStream::chunked({bytes.data(), cut}, 1), v01);
    const auto framed = wait_for([&](const Waiter& waiter) { return reader.poll_legacy(waiter); });
    ASSERT_EQ(framed.has_value(), cut == bytes.size()) << "cut at " << cut;
    if (!framed) continue;
    EXPECT_EQ((*framed)->type, bytes[0]);
    Reader in((*framed)->body.span());
    EXPECT_EQ(M::decode(in), message);
    for (std::size_t short_by = 1; short_by <= (*framed)->body.size(); ++short_by) {
      Reader part((*framed)->body.span().first((*framed)->body.size() - short_by));
      EXPECT_FALSE(M::decode(part).has_value());
    }
  }
}

TEST(LegacySetup, Vectors) {
  expect_legacy_vector(ClientSetup{.versions = {0xff0dad02, 0xff0dad01}},
                       "20 00 12 02 c0 00 00 00 ff 0d ad 02 c0 00 00 00 ff 0d ad 01 00");
  expect_legacy_vector(ServerSetup{.version = 0xff0dad01}, "21 00 09 c0 00 00 00 ff 0d ad 01 00");
  expect_legacy_vector(ServerSetup{.version = 0xff0dad02}, "21 00 09 c0 00 00 00 ff 0d ad 02 00");
  expect_vector(SessionInfo{}, v01, "01 00");
  expect_vector(SessionInfo{.bitrate_bps = 5000000}, v02, "04 80 4c 4b 40");
}

TEST(LegacySetup, ReadsWhatARustClientSends) {
  expect_legacy_vector(
      ClientSetup{.versions = {0xff0dad02, 0xff0dad01, 0xff00000e},
                  .parameters = {{.type = 2, .number = 0xffffffff},
                                 {.type = 0x40b5a, .number = 1},
                                 {.type = 0x40b5c, .number = 1},
                                 {.type = 7, .bytes = "moq-lite-rs"}}},
      "20 00 3a 03 c0 00 00 00 ff 0d ad 02 c0 00 00 00 ff 0d ad 01 c0 00 00 00 ff 00 00 0e 04 02 "
      "c0 00 00 00 ff ff ff ff 80 04 0b 5a 01 80 04 0b 5c 01 07 0b 6d 6f 71 2d 6c 69 74 65 2d 72 "
      "73");
}

Result<ClientSetup, DecodeError> decode_client_setup(const ClientSetup& setup) {
  const Bytes framed = setup.encode();
  Reader in(framed.span().subspan(3));
  return ClientSetup::decode(in);
}

TEST(LegacySetup, OnlyUnknownParametersMayRepeat) {
  const LegacyParameter known{.type = 2, .number = 1};
  const LegacyParameter unknown{.type = 0x40, .number = 1};
  EXPECT_EQ(decode_client_setup({.parameters = {known, known}}).error(), DecodeError::duplicate);
  EXPECT_TRUE(decode_client_setup({.parameters = {unknown, unknown}}).has_value());
}

TEST(LegacySetup, CountsAreLimited) {
  const std::vector<std::uint64_t> versions(kMaxSetupVersions, 1);
  const std::vector<LegacyParameter> parameters(kMaxSetupParameters, {.type = 0x40});
  EXPECT_TRUE(decode_client_setup({.versions = versions, .parameters = parameters}).has_value());

  std::vector<std::uint64_t> more_versions(kMaxSetupVersions + 1, 1);
  EXPECT_EQ(decode_client_setup({.versions = more_versions}).error(), DecodeError::too_many);
  std::vector<LegacyParameter> more(kMaxSetupParameters + 1, {.type = 0x40});
  EXPECT_EQ(decode_client_setup({.parameters = more}).error(), DecodeError::too_many);
}

TEST(Setup, Vectors) {
  for (const Version version : {v05, v06, v07}) expect_vector(SetupMessage{}, version, "01 00");
  const SetupMessage publisher{.probe = ProbeLevel::report, .hop = 0x1234};
  expect_vector(publisher, v05, "08 02 01 01 01 05 02 52 34");
  expect_vector(publisher, v06, "08 02 01 01 01 05 02 52 34");
  expect_vector(publisher, v07, "08 02 01 01 01 05 02 92 34");
  const SetupMessage subscriber{.probe = ProbeLevel::report,
                                .path = "/room?jwt=abc",
                                .role = Role::subscriber,
                                .hop = 0x1234};
  expect_vector(subscriber, v06,
                "1a 04 01 01 01 02 0d 2f 72 6f 6f 6d 3f 6a 77 74 3d 61 62 63 03 01 02 05 02 52 34");
  expect_vector(subscriber, v07,
                "1a 04 01 01 01 02 0d 2f 72 6f 6f 6d 3f 6a 77 74 3d 61 62 63 03 01 02 05 02 92 34");
  expect_vector(SetupMessage{.cost = 100}, v06, "05 01 04 02 40 64");
  expect_vector(SetupMessage{.cost = 100}, v07, "04 01 04 01 64");
}

TEST(Setup, OpensItsStreamWithItsType) {
  EXPECT_EQ(to_hex(encode_opening(UniType::setup, SetupMessage{}, v06).span()), "01 01 00");
}

TEST(Setup, RefusesWhatIsBroken) {
  EXPECT_EQ(decode_error<SetupMessage>("02 00 00 00 00", v06), DecodeError::duplicate);
  EXPECT_EQ(decode_error<SetupMessage>("01 01 02 01 00", v06), DecodeError::trailing);
  EXPECT_EQ(decode_error<SetupMessage>("01 02 01 ff", v06), DecodeError::bad_utf8);
  EXPECT_EQ(decode_error<SetupMessage>("01 05 00", v06), DecodeError::truncated);
}

TEST(Setup, ReadsUnknownValuesAsTheirDefaults) {
  const auto parse = [](std::string_view hex) {
    return *decode_message<SetupMessage>(from_hex(hex), v06);
  };
  EXPECT_EQ(parse("01 01 01 07").probe, ProbeLevel::increase);
  EXPECT_EQ(parse("01 03 01 00").role, std::nullopt);
  EXPECT_EQ(parse("01 03 01 09").role, std::nullopt);
  EXPECT_EQ(parse("02 40 64 03 aa bb cc 03 01 01"), SetupMessage{.role = Role::publisher});
}

TEST(Setup, TakesSixtyFourParametersAndNoMore) {
  const auto unknown = [](std::size_t count) {
    return body_hex(v06, [&](Writer& out) {
      out.varint(count);
      for (std::size_t i = 0; i < count; ++i) out.varint(100 + i).varint(0);
    });
  };
  EXPECT_EQ(decode_error<SetupMessage>(unknown(kMaxSetupParameters), v06), DecodeError::none);
  EXPECT_EQ(decode_error<SetupMessage>(unknown(kMaxSetupParameters + 1), v06),
            DecodeError::too_many);
}

// --- Subscribe ----------------------------------------------------------------------------------

TEST(Subscribe, OpenRangeVectors) {
  Subscribe subscribe{.id = 0, .broadcast = kAlice, .track = "video", .range = {.priority = 128}};
  expect_vector(subscribe, v01, "0e 00 05 61 6c 69 63 65 05 76 69 64 65 6f 80");
  expect_vector(subscribe, v02, "0e 00 05 61 6c 69 63 65 05 76 69 64 65 6f 80");
  subscribe.range.max_age = 500ms;
  for (const Version version : {v03, v04, v05}) {
    expect_vector(subscribe, version,
                  "13 00 05 61 6c 69 63 65 05 76 69 64 65 6f 80 00 41 f4 00 00");
  }
  subscribe.range.group_start = 0;
  expect_vector(subscribe, v06, "14 00 05 61 6c 69 63 65 05 76 69 64 65 6f 80 41 f4 00 00 00 00");
  expect_vector(subscribe, v07, "14 00 05 61 6c 69 63 65 05 76 69 64 65 6f 80 81 f4 00 00 00 00");
  EXPECT_EQ(to_hex(encode_opening(BidiType::subscribe, subscribe, v07).slice(0, 3).span()),
            "02 14 00");
}

TEST(Subscribe, BoundedRangeVectors) {
  Subscribe subscribe{
      .id = 1,
      .broadcast = kAlice,
      .track = "video",
      .range = {.priority = 128, .max_age = 500ms, .group_start = 4, .group_end = 9}};
  for (const Version version : {v03, v04, v05}) {
    expect_vector(subscribe, version,
                  "13 01 05 61 6c 69 63 65 05 76 69 64 65 6f 80 00 41 f4 05 0a");
  }
  subscribe.range.frame_start = 2;
  subscribe.range.frame_end = 3;
  expect_vector(subscribe, v06, "14 01 05 61 6c 69 63 65 05 76 69 64 65 6f 80 41 f4 04 0a 02 04");
  expect_vector(subscribe, v07, "14 01 05 61 6c 69 63 65 05 76 69 64 65 6f 80 81 f4 04 0a 02 04");
}

TEST(Subscribe, FromTheLatestIsAFloorOfZeroSince06) {
  const SubscribeUpdate latest{.range = {.priority = 1, .max_age = 0ms}};
  EXPECT_EQ(to_hex(encode_message(latest, v05).span()), "05 01 00 00 00 00");
  EXPECT_EQ(to_hex(encode_message(latest, v06).span()), "06 01 00 00 00 00 00");
  const SubscribeUpdate first{.range = {.priority = 1, .max_age = 0ms, .group_start = 0}};
  EXPECT_EQ(to_hex(encode_message(first, v05).span()), "05 01 00 00 01 00");
}

TEST(Subscribe, ALastFrameNeedsALastGroup) {
  EXPECT_EQ(decode_error<SubscribeUpdate>("0a 00 00 00 00 01", v06), DecodeError::out_of_range);
  EXPECT_EQ(decode_error<SubscribeUpdate>("0a 00 00 01 00 01", v06), DecodeError::none);
}

TEST(Subscribe, TheOrderedByteIsIgnored) {
  const auto update = decode_message<SubscribeUpdate>(from_hex("0a 07 41 f4 00 00"), v05);
  ASSERT_TRUE(update.has_value());
  EXPECT_EQ(*update, (SubscribeUpdate{.range = {.priority = 10, .max_age = 500ms}}));
}

TEST(Subscribe, AnEndlessAgeSurvivesTheWire) {
  const SubscribeUpdate endless{.range = {.max_age = kUnlimitedAge}};
  for (const Version version : {v03, v05, v07}) {
    const Bytes framed = encode_message(endless, version);
    const auto read = decode_message<SubscribeUpdate>(framed.span().subspan(1), version);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->range.max_age, kUnlimitedAge);
  }
  const auto most =
      decode_message<SubscribeUpdate>(from_hex("0a 00 ff ff ff ff ff ff ff ff 00 00"), v05);
  ASSERT_TRUE(most.has_value());
  EXPECT_EQ(most->range.max_age, kUnlimitedAge);
}

TEST(Subscribe, TheLargestGroupAsALastOneMeansOpen) {
  for (const auto last : {std::optional(kMaxVarint), std::optional<std::uint64_t>()}) {
    const SubscribeUpdate update{.range = {.group_end = last, .frame_end = 3}};
    const Bytes framed = encode_message(update, v06);
    const auto read = decode_message<SubscribeUpdate>(framed.span().subspan(1), v06);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->range.group_end, std::nullopt);
    EXPECT_EQ(read->range.frame_end, std::nullopt);
  }
}

TEST(Subscribe, NamesAreLimited) {
  const auto of_size = [](std::size_t path, std::size_t track) {
    return body_hex(v06, [&](Writer& out) {
      out.varint(0).text(std::string(path, 'x')).text(std::string(track, 'y'));
      out.u8(0).varint(0).varint(0).varint(0).varint(0).varint(0);
    });
  };
  EXPECT_EQ(decode_error<Subscribe>(of_size(Path::kMaxBytes, kMaxTrackNameBytes), v06),
            DecodeError::none);
  EXPECT_EQ(decode_error<Subscribe>(of_size(Path::kMaxBytes + 1, 0), v06), DecodeError::too_long);
  EXPECT_EQ(decode_error<Subscribe>(of_size(0, kMaxTrackNameBytes + 1), v06),
            DecodeError::too_long);
}

TEST(Subscribe, NamesAreNormalisedAndChecked) {
  const auto subscribe = decode_message<Subscribe>(from_hex("00 04 2f 61 2f 2f 02 2f 78 00"), v01);
  ASSERT_TRUE(subscribe.has_value());
  EXPECT_EQ(subscribe->broadcast, Path::of("a"));
  EXPECT_EQ(subscribe->track, "/x");
  EXPECT_EQ(decode_error<Subscribe>("00 01 ff 01 78 00", v01), DecodeError::bad_utf8);
  EXPECT_EQ(decode_error<Subscribe>("00 01 61 01 ff 00", v01), DecodeError::bad_utf8);
}

TEST(SubscribeUpdate, Vectors) {
  SubscribeUpdate update{.range = {.priority = 10, .max_age = 500ms}};
  for (const Version version : {v03, v04, v05}) {
    expect_vector(update, version, "06 0a 00 41 f4 00 00");
  }
  update.range.group_start = 0;
  expect_vector(update, v06, "07 0a 41 f4 00 00 00 00");
  expect_vector(update, v07, "07 0a 81 f4 00 00 00 00");
}

void expect_answer(const SubscribeAnswer& answer, Version version, std::string_view hex) {
  SCOPED_TRACE(std::string(to_string(version)) + ": " + std::string(hex));
  const std::vector<std::uint8_t> bytes = from_hex(hex);
  EXPECT_EQ(to_hex(encode_answer(answer, version).span()), hex);
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    StreamReader reader(FakeRecvStream::chunked({bytes.data(), cut}, 1), version);
    const auto read = wait_for([&](const Waiter& waiter) { return reader.poll_answer(waiter); });
    const bool between = cut == 0 || cut == bytes.size();
    ASSERT_EQ(read.has_value(), between) << "cut at " << cut;
    if (cut == 0) {
      EXPECT_EQ(*read, std::nullopt);
    } else if (between) {
      EXPECT_EQ(*read, answer);
    }
  }
}

TEST(SubscribeAnswer, Vectors) {
  expect_answer(SubscribeOk{.priority = 128}, v01, "01 80");
  expect_answer(SubscribeOk{}, v02, "00");
  const SubscribeDrop drop{.group_start = 5, .group_end = 7};
  for (const Version version : {v03, v04}) {
    expect_answer(SubscribeOk{.priority = 128}, version, "00 05 80 00 00 00 00");
    expect_answer(drop, version, "01 03 05 07 00");
  }
  for (const Version version : {v05, v06}) {
    expect_answer(drop, version, "02 03 05 07 00");
    expect_answer(SubscribeEnd{.group = 7}, version, "01 01 07");
  }
  for (const Version version : {v05, v06, v07}) {
    expect_answer(SubscribeStart{.group = 5}, version, "00 01 05");
  }
  expect_answer(SubscribeEnd{.group = 7, .streams = 3}, v07, "01 02 07 03");
}

TEST(SubscribeAnswer, RefusesTypesThatAVersionLacks) {
  const auto refused = [](std::uint64_t type, std::string_view hex, Version version) {
    const auto answer = decode_answer(type, from_hex(hex), version);
    return !answer && answer.error().code == Code::decode;
  };
  EXPECT_TRUE(refused(2, "05 07 00", v03));
  EXPECT_TRUE(refused(3, "05", v05));
  EXPECT_TRUE(refused(2, "05 07 00", v07));
  EXPECT_TRUE(refused(2, "07 05 00", v06));  // The last group before the first.
  EXPECT_TRUE(refused(0, "05 00", v06));     // A byte too many.
  EXPECT_TRUE(refused(0, "00", v02));
}

TEST(SubscribeAnswer, AnEndAfterTheLargestGroupIsCut) {
  const Bytes end = encode_answer(SubscribeEnd{.group = kMaxVarint + 1}, v06);
  EXPECT_EQ(to_hex(end.span()), "01 08 ff ff ff ff ff ff ff ff");
}

// --- Track, fetch -------------------------------------------------------------------------------

TEST(Track, Vectors) {
  const Track request{.broadcast = kAlice, .track = "video"};
  for (const Version version : {v05, v06, v07}) {
    expect_vector(request, version, "0c 05 61 6c 69 63 65 05 76 69 64 65 6f");
  }
  EXPECT_EQ(to_hex(encode_opening(BidiType::track, request, v06).span()),
            "06 0c 05 61 6c 69 63 65 05 76 69 64 65 6f");

  expect_vector(TrackInfo{}, v05, "06 7f 00 53 88 43 e8");
  expect_vector(TrackInfo{}, v06, "05 7f 53 88 43 e8");
  expect_vector(TrackInfo{}, v07, "05 7f 93 88 83 e8");
  const TrackInfo fine{.priority = 128, .max_age = 2s, .timescale = 1000000};
  expect_vector(fine, v05, "08 80 00 47 d0 80 0f 42 40");
  expect_vector(fine, v06, "07 80 47 d0 80 0f 42 40");
  expect_vector(fine, v07, "06 80 87 d0 cf 42 40");
}

TEST(Track, ATimescaleOfZeroIsRefused) {
  EXPECT_EQ(decode_error<TrackInfo>("7f 53 88 00", v06), DecodeError::out_of_range);
  EXPECT_EQ(decode_error<TrackInfo>("7f 53 88 01", v06), DecodeError::none);
}

TEST(Fetch, Vectors) {
  Fetch fetch{.broadcast = kAlice, .track = "video", .priority = 128, .group = 5};
  expect_vector(fetch, v05, "0e 05 61 6c 69 63 65 05 76 69 64 65 6f 80 05");
  expect_vector(fetch, v06, "10 05 61 6c 69 63 65 05 76 69 64 65 6f 80 05 00 00");
  expect_vector(fetch, v07, "10 05 61 6c 69 63 65 05 76 69 64 65 6f 80 05 00 00");
  EXPECT_EQ(to_hex(encode_opening(BidiType::fetch, fetch, v05).span()),
            "03 0e 05 61 6c 69 63 65 05 76 69 64 65 6f 80 05");
}

TEST(Fetch, FramesMustNotRunBackwards) {
  EXPECT_EQ(decode_error<Fetch>("00 00 80 05 02 02", v06), DecodeError::out_of_range);
  EXPECT_EQ(decode_error<Fetch>("00 00 80 05 02 03", v06), DecodeError::none);
}

// --- Group, datagram ----------------------------------------------------------------------------

TEST(Group, HeaderVectors) {
  GroupHeader header{.subscribe_id = 0, .sequence = 5};
  for (const Version version : {v01, v02, v03, v04, v05})
    expect_vector(header, version, "02 00 05");
  for (const Version version : {v06, v07}) expect_vector(header, version, "03 00 05 00");
  header.frame_start = 500;
  expect_vector(header, v06, "04 00 05 41 f4");
  EXPECT_EQ(to_hex(encode_opening(UniType::group, header, v06).span()), "00 04 00 05 41 f4");
}

TEST(Datagram, Vectors) {
  const Datagram hello{.sequence = 5, .timestamp = 1000, .payload = Bytes::copy("hello")};
  const auto expect = [&](Version version, std::string_view hex) {
    EXPECT_EQ(to_hex(hello.encode(version).span()), hex);
    const Bytes wire = Bytes::copy(from_hex(hex));
    const auto read = Datagram::decode(wire, version);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(*read, hello);
    EXPECT_EQ(read->payload.data(), wire.data() + wire.size() - 5) << "the payload was copied";
    for (std::size_t cut = 0; cut < wire.size() - 5; ++cut) {
      EXPECT_FALSE(Datagram::decode(wire.slice(0, cut), version).has_value());
    }
    EXPECT_EQ(Datagram::decode(wire.slice(0, wire.size() - 5), version)->payload.size(), 0U);
  };
  expect(v05, "00 05 43 e8 68 65 6c 6c 6f");
  expect(v06, "00 05 43 e8 68 65 6c 6c 6f");
  expect(v07, "00 05 83 e8 68 65 6c 6c 6f");
}

// --- Probe, goaway ------------------------------------------------------------------------------

TEST(Probe, Vectors) {
  Probe probe{.bitrate_bps = 5000000};
  expect_vector(probe, v03, "04 80 4c 4b 40");
  probe.rtt = 25ms;
  for (const Version version : {v04, v05, v06}) expect_vector(probe, version, "05 80 4c 4b 40 19");
  expect_vector(probe, v07, "05 e0 4c 4b 40 19");
  expect_vector(Probe{}, v06, "02 00 00");
}

TEST(Probe, ATrueZeroIsNotTheUnknown) {
  EXPECT_EQ(to_hex(encode_message(Probe{.bitrate_bps = 0, .rtt = 10us}, v06).span()), "02 01 01");
}

TEST(Goaway, Vectors) {
  for (const Version version : {v04, v05, v06, v07}) {
    expect_vector(Goaway{}, version, "01 00");
    expect_vector(Goaway{.uri = "https://b.example/x"}, version,
                  "14 13 68 74 74 70 73 3a 2f 2f 62 2e 65 78 61 6d 70 6c 65 2f 78");
  }
  EXPECT_EQ(to_hex(encode_opening(BidiType::goaway, Goaway{}, v06).span()), "05 01 00");
}

TEST(Goaway, TheUriIsLimited) {
  const auto of_size = [](std::size_t size) {
    return body_hex(v06, [&](Writer& out) { out.text(std::string(size, 'x')); });
  };
  EXPECT_EQ(decode_error<Goaway>(of_size(kMaxGoawayUriBytes), v06), DecodeError::none);
  EXPECT_EQ(decode_error<Goaway>(of_size(kMaxGoawayUriBytes + 1), v06), DecodeError::too_long);
}

// --- Stream types -------------------------------------------------------------------------------

TEST(StreamType, EachVersionHasItsOwn) {
  const auto bidi = [](Version version) {
    std::string out;
    for (std::uint64_t type = 0; type < 9; ++type) {
      if (bidi_type(type, version)) out += std::to_string(type);
    }
    return out;
  };
  EXPECT_EQ(bidi(v01), "12");
  EXPECT_EQ(bidi(v02), "12");
  EXPECT_EQ(bidi(v03), "124");
  EXPECT_EQ(bidi(v04), "1245");
  for (const Version version : {v05, v06, v07}) EXPECT_EQ(bidi(version), "123456");
  EXPECT_EQ(bidi_type(kMaxVarint, v06), std::nullopt);

  EXPECT_EQ(uni_type(0, v01), UniType::group);
  EXPECT_EQ(uni_type(1, v04), std::nullopt);
  EXPECT_EQ(uni_type(1, v05), UniType::setup);
  EXPECT_EQ(uni_type(2, v06), std::nullopt);
}

}  // namespace
}  // namespace moq::net::lite
