// The vectors of moq-lite.md §12.3, and what announcements mean in sequence.
#include "moq/net/lite/announce_codec.h"

#include <gtest/gtest.h>

#include <string>

#include "moq/base/random.h"
#include "moq/net/lite/announce_reader.h"
#include "moq/net/lite/stream_type.h"
#include "moq/net/lite/test_support.h"

namespace moq::net::lite {
namespace {

constexpr Version v01 = Version::lite_01, v02 = Version::lite_02, v03 = Version::lite_03,
                  v04 = Version::lite_04, v05 = Version::lite_05, v06 = Version::lite_06,
                  v07 = Version::lite_07_wip;
constexpr RouteCosts kNoCosts{.warm = 0, .cold = kMaxVarint};
using Kind = AnnounceEvent::Kind;

const Path kAlice = Path::of("alice");
const Path kBob = Path::of("bob");

/// One framed message, as `AnnounceDecoder` takes it.
Result<std::optional<AnnounceEvent>> feed(AnnounceDecoder& decoder, ByteSpan framed,
                                          Version version) {
  Reader in(framed, varint_kind(version));
  const std::uint64_t type = has_announce_ids(version) ? in.varint() : 0;
  const ByteSpan body = in.prefixed();
  EXPECT_EQ(in.remaining(), 0U);
  return decoder.decode(type, body);
}

Result<std::optional<AnnounceEvent>> feed(AnnounceDecoder& decoder, std::string_view hex,
                                          Version version) {
  return feed(decoder, from_hex(hex), version);
}

Code failure(const Result<std::optional<AnnounceEvent>>& result) {
  return result ? Code::internal : result.error().code;
}

// --- Single messages ----------------------------------------------------------------------------

TEST(AnnounceRequest, Vectors) {
  const AnnounceRequest all;
  const AnnounceRequest room{.prefix = Path::of("room")};
  for (const Version version : {v01, v02, v03, v06}) {
    expect_vector(all, version, "01 00");
    expect_vector(room, version, "05 04 72 6f 6f 6d");
  }
  for (const Version version : {v04, v05}) {
    expect_vector(all, version, "02 00 00");
    expect_vector(room, version, "06 04 72 6f 6f 6d 00");
    expect_vector(AnnounceRequest{.exclude_hop = 0x1234}, version, "03 00 52 34");
    expect_vector(AnnounceRequest{.prefix = room.prefix, .exclude_hop = 0x1234}, version,
                  "07 04 72 6f 6f 6d 52 34");
  }
  expect_vector(AnnounceRequest{.hidden = true}, v07, "02 00 01");
  expect_vector(AnnounceRequest{.prefix = room.prefix, .hidden = true}, v07,
                "06 04 72 6f 6f 6d 01");
  EXPECT_EQ(to_hex(encode_opening(BidiType::announce, all, v06).span()), "01 01 00");
  EXPECT_FALSE(decode_message<AnnounceRequest>(from_hex("00 02"), v07).has_value());
}

TEST(AnnounceInit, Vectors) {
  for (const Version version : {v01, v02}) {
    expect_vector(AnnounceInit{}, version, "01 00");
    expect_vector(AnnounceInit{.suffixes = {kAlice}}, version, "07 01 05 61 6c 69 63 65");
  }
}

TEST(AnnounceOk, Vectors) {
  expect_vector(AnnounceOk{.hop = 0x1234, .active = 1}, v05, "03 52 34 01");
  expect_vector(AnnounceOk{.hop = 0x1234, .active = 1}, v06, "03 52 34 01");
  expect_vector(AnnounceOk{.hop = 0x1234, .active = 1}, v07, "03 92 34 01");
  for (const Version version : {v05, v06, v07}) expect_vector(AnnounceOk{}, version, "02 00 00");
}

TEST(Announce, Vectors) {
  const Announce active{.suffix = kAlice};
  const Announce ended{.status = AnnounceStatus::ended, .suffix = kAlice};
  for (const Version version : {v01, v02}) {
    expect_vector(active, version, "07 01 05 61 6c 69 63 65");
    expect_vector(ended, version, "07 00 05 61 6c 69 63 65");
  }
  expect_vector(Announce{.suffix = kAlice, .hops = {0}}, v03, "08 01 05 61 6c 69 63 65 01");
  for (const Version version : {v03, v04, v05}) {
    expect_vector(ended, version, "08 00 05 61 6c 69 63 65 00");
  }
  const Announce relayed{.suffix = kAlice, .hops = {0x1234}};
  expect_vector(relayed, v04, "0a 01 05 61 6c 69 63 65 01 52 34");
  expect_vector(relayed, v05, "0a 01 05 61 6c 69 63 65 01 52 34");
  expect_vector(active, v05, "08 01 05 61 6c 69 63 65 00");
}

TEST(Announce, ARestartIsOf05Alone) {
  const std::vector<std::uint8_t> restart = from_hex("02 05 61 6c 69 63 65 00");
  EXPECT_TRUE(decode_message<Announce>(restart, v05).has_value());
  EXPECT_FALSE(decode_message<Announce>(restart, v04).has_value());
  EXPECT_FALSE(decode_message<Announce>(from_hex("03 05 61 6c 69 63 65 00"), v05).has_value());
}

TEST(AnnounceStart, KeepingOfNothingIsRefused) {
  EXPECT_FALSE(decode_message<AnnounceStart>(from_hex("00 01 00 00 00 00 00 00"), v07).has_value());
  EXPECT_FALSE(decode_message<AnnounceStart>(from_hex("00 00 00 00 00 01 00 00"), v07).has_value());
  EXPECT_TRUE(decode_message<AnnounceStart>(from_hex("00 00 00 00 00 00 00 00"), v07).has_value());
}

// --- Sequences ----------------------------------------------------------------------------------

TEST(AnnounceCodec, VectorsOf06) {
  AnnounceEncoder encoder(v06);
  AnnounceDecoder decoder(v06);
  const auto start_alice = encoder.start(kAlice, {});
  EXPECT_EQ(start_alice.id, 0U);
  EXPECT_EQ(to_hex(start_alice.message.span()), "00 09 05 61 6c 69 63 65 00 00 00");
  const AnnouncedRoute via{.hops = {0x1234}, .costs = {.warm = 1, .cold = 2}};
  const auto start_bob = encoder.start(kBob, via);
  EXPECT_EQ(start_bob.id, 1U);
  EXPECT_EQ(to_hex(start_bob.message.span()), "00 09 03 62 6f 62 01 52 34 01 02");
  const AnnouncedRoute dearer{.hops = {0x1234}, .costs = {.warm = 3, .cold = 4}};
  const Bytes update = encoder.update(0, dearer);
  EXPECT_EQ(to_hex(update.span()), "02 06 00 01 52 34 03 04");
  const Bytes end = encoder.end(0);
  EXPECT_EQ(to_hex(end.span()), "01 01 00");

  EXPECT_EQ(feed(decoder, start_alice.message.span(), v06),
            (AnnounceEvent{.kind = Kind::start, .id = 0, .suffix = kAlice}));
  EXPECT_EQ(feed(decoder, start_bob.message.span(), v06),
            (AnnounceEvent{.kind = Kind::start, .id = 1, .suffix = kBob, .route = via}));
  EXPECT_EQ(feed(decoder, update.span(), v06),
            (AnnounceEvent{.kind = Kind::update, .id = 0, .suffix = kAlice, .route = dearer}));
  EXPECT_EQ(feed(decoder, end.span(), v06),
            (AnnounceEvent{.kind = Kind::end, .id = 0, .suffix = kAlice}));
  EXPECT_EQ(decoder.size(), 1U);
  EXPECT_EQ(encoder.size(), 1U);
}

TEST(AnnounceCodec, VectorsOf07) {
  AnnounceEncoder encoder(v07);
  AnnounceDecoder decoder(v07);
  const AnnouncedRoute via{.hops = {0x1234}};
  const AnnounceEvent alice{
      .kind = Kind::start, .id = 0, .suffix = Path::of("room/alice"), .route = via};
  const AnnounceEvent bob{
      .kind = Kind::start, .id = 1, .suffix = Path::of("room/bob"), .route = via};
  constexpr std::string_view kStartAlice =
      "00 14 00 00 0a 72 6f 6f 6d 2f 61 6c 69 63 65 00 01 92 34 00 00 00";
  constexpr std::string_view kStartBob = "00 0b 01 01 03 62 6f 62 01 00 01 00 00";
  EXPECT_EQ(to_hex(encoder.start(alice.suffix, via).message.span()), kStartAlice);
  EXPECT_EQ(to_hex(encoder.start(bob.suffix, via).message.span()), kStartBob);
  EXPECT_EQ(feed(decoder, kStartAlice, v07), alice);
  EXPECT_EQ(feed(decoder, kStartBob, v07), bob);

  const AnnouncedRoute direct{.costs = {.warm = 3, .cold = 4}};
  constexpr std::string_view kUpdate = "02 06 00 00 00 00 03 04";
  EXPECT_EQ(to_hex(encoder.update(0, direct).span()), kUpdate);
  EXPECT_EQ(
      feed(decoder, kUpdate, v07),
      (AnnounceEvent{.kind = Kind::update, .id = 0, .suffix = alice.suffix, .route = direct}));
  EXPECT_EQ(to_hex(encoder.end(1).span()), "01 01 01");
  EXPECT_EQ(feed(decoder, "01 01 01", v07),
            (AnnounceEvent{.kind = Kind::end, .id = 1, .suffix = bob.suffix}));
}

TEST(AnnounceCodec, IdsAreNeverUsedAgain) {
  for (const Version version : {v06, v07}) {
    AnnounceDecoder decoder(version);
    AnnounceEncoder encoder(version);
    ASSERT_TRUE(feed(decoder, encoder.start(kAlice, {}).message.span(), version).has_value());
    ASSERT_TRUE(feed(decoder, encoder.end(0).span(), version).has_value());
    EXPECT_EQ(failure(feed(decoder, "01 01 00", version)), Code::protocol_violation);
    const auto again = encoder.start(kAlice, {});
    EXPECT_EQ(again.id, 1U);
    const auto event = feed(decoder, again.message.span(), version);
    ASSERT_TRUE(event.has_value());
    EXPECT_EQ((*event)->id, 1U);
    EXPECT_EQ(failure(feed(decoder, "01 01 02", version)), Code::protocol_violation);
  }
  AnnounceDecoder empty(v06);
  EXPECT_EQ(failure(feed(empty, "01 01 2a", v06)), Code::protocol_violation);
  EXPECT_EQ(failure(feed(empty, "02 06 00 01 52 34 03 04", v06)), Code::protocol_violation);
}

TEST(AnnounceCodec, ALiveSuffixIsNotStartedAgain) {
  constexpr std::string_view kStart = "00 09 05 61 6c 69 63 65 00 00 00";
  AnnounceDecoder decoder(v06);
  ASSERT_TRUE(feed(decoder, kStart, v06).has_value());
  EXPECT_EQ(failure(feed(decoder, kStart, v06)), Code::protocol_violation);
}

TEST(AnnounceCodec, BeforeIdsTheSuffixIsTheName) {
  for (const Version version : {v01, v02, v03, v04, v05}) {
    SCOPED_TRACE(to_string(version));
    AnnounceEncoder encoder(version);
    AnnounceDecoder decoder(version);
    const auto start = encoder.start(kAlice, {});
    const auto started = feed(decoder, start.message.span(), version);
    EXPECT_EQ(started, (AnnounceEvent{.kind = Kind::start,
                                      .id = 0,
                                      .suffix = kAlice,
                                      .route = {.hops = {}, .costs = kNoCosts}}));
    // An end of what is not live is ignored, the same twice is not.
    const Bytes end = encoder.end(start.id);
    EXPECT_EQ(feed(decoder, end.span(), version),
              (AnnounceEvent{.kind = Kind::end, .id = 0, .suffix = kAlice}));
    EXPECT_EQ(feed(decoder, end.span(), version), std::nullopt);
    const auto again = feed(decoder, start.message.span(), version);
    ASSERT_TRUE(again.has_value());
    EXPECT_EQ((*again)->id, 1U);
  }
}

TEST(AnnounceCodec, ASecondActiveIsAnUpdateOn05Alone) {
  const AnnouncedRoute via{.hops = {7}, .costs = kNoCosts};
  for (const Version version : {v01, v02, v03, v04}) {
    AnnounceEncoder encoder(version);
    AnnounceDecoder decoder(version);
    const auto start = encoder.start(kAlice, {});
    ASSERT_TRUE(feed(decoder, start.message.span(), version).has_value());
    EXPECT_TRUE(encoder.update(start.id, via).empty());
    EXPECT_EQ(failure(feed(decoder, start.message.span(), version)), Code::protocol_violation);
  }
  AnnounceEncoder encoder(v05);
  AnnounceDecoder decoder(v05);
  ASSERT_TRUE(feed(decoder, encoder.start(kAlice, {}).message.span(), v05).has_value());
  EXPECT_EQ(feed(decoder, encoder.update(0, via).span(), v05),
            (AnnounceEvent{.kind = Kind::update, .id = 0, .suffix = kAlice, .route = via}));
  // The restart of old peers.
  EXPECT_EQ(feed(decoder, "08 02 05 61 6c 69 63 65 00", v05),
            (AnnounceEvent{.kind = Kind::update,
                           .id = 0,
                           .suffix = kAlice,
                           .route = {.hops = {}, .costs = kNoCosts}}));
}

TEST(AnnounceCodec, ReferencesMustBeLiveAndLongEnough) {
  const auto second = [](std::string_view hex) {
    AnnounceDecoder decoder(v07);
    // Id 0 is gone, id 1 is "room/alice" by one hop.
    EXPECT_TRUE(feed(decoder, "00 0b 00 00 03 62 6f 62 00 00 00 00 00", v07).has_value());
    EXPECT_TRUE(feed(decoder, "01 01 00", v07).has_value());
    EXPECT_TRUE(
        feed(decoder, "00 14 00 00 0a 72 6f 6f 6d 2f 61 6c 69 63 65 00 01 92 34 00 00 00", v07)
            .has_value());
    return failure(feed(decoder, hex, v07));
  };
  // START: path base, keep, rest; chain base, literal, keep; costs.
  EXPECT_EQ(second("00 09 01 02 01 78 01 00 01 00 00"), Code::internal);            // Fine.
  EXPECT_EQ(second("00 09 01 03 01 78 00 00 00 00 00"), Code::protocol_violation);  // 3 of 2.
  EXPECT_EQ(second("00 09 02 00 01 78 00 00 00 00 00"), Code::protocol_violation);  // Retired.
  EXPECT_EQ(second("00 09 03 00 01 78 00 00 00 00 00"), Code::protocol_violation);  // Before all.
  EXPECT_EQ(second("00 09 00 00 01 78 01 00 02 00 00"), Code::protocol_violation);  // 2 hops of 1.
  EXPECT_EQ(second("00 09 00 00 01 78 02 00 00 00 00"), Code::protocol_violation);
  // A chain that repeats a hop only once it is put together.
  EXPECT_EQ(second("00 0b 00 00 01 78 01 01 92 34 01 00 00"), Code::protocol_violation);
  // UPDATE of id 1: the last one is itself.
  EXPECT_EQ(second("02 07 01 01 01 05 01 00 00"), Code::internal);
  EXPECT_EQ(second("02 06 01 02 00 01 00 00"), Code::protocol_violation);
}

TEST(AnnounceCodec, ReferencesKeepTheLimitsOfPathAndChain) {
  HopChain longest;
  for (std::uint64_t hop = 1; hop <= kMaxHops; ++hop) longest.push_back(hop);
  std::string deep = "s";
  for (int i = 1; i < 32; ++i) deep += "/s";
  AnnounceEncoder encoder(v07);
  AnnounceDecoder decoder(v07);
  const auto start = encoder.start(Path::of(deep), {.hops = longest});
  ASSERT_TRUE(feed(decoder, start.message.span(), v07).has_value());

  const auto framed = [](const AnnounceStart& message) {
    Writer out(Varint::leading_ones);
    out.varint(0);
    write_message(out, message, v07);
    return out.take();
  };
  const Bytes deeper =
      framed({.suffix = {.base = 1, .keep = 32, .rest = Path::of("x")}, .hops = {}, .costs = {}});
  EXPECT_EQ(failure(feed(decoder, deeper.span(), v07)), Code::protocol_violation);
  const Bytes longer = framed({.suffix = {.rest = Path::of("y")},
                               .hops = {.base = 1, .literal = {99}, .keep = 32},
                               .costs = {}});
  EXPECT_EQ(failure(feed(decoder, longer.span(), v07)), Code::protocol_violation);
}

TEST(AnnounceCodec, CostsAreCutToWhatTheWireHolds) {
  AnnounceEncoder encoder(v06);
  AnnounceDecoder decoder(v06);
  const auto start =
      encoder.start(kAlice, {.hops = {}, .costs = {.warm = UINT64_MAX, .cold = kMaxVarint + 1}});
  const auto event = feed(decoder, start.message.span(), v06);
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ((*event)->route.costs, (RouteCosts{.warm = kMaxVarint, .cold = kMaxVarint}));
}

TEST(AnnounceCodec, LiveAnnouncementsAreLimited) {
  AnnounceDecoder decoder(v06);
  AnnounceStart start;
  for (std::size_t i = 0; i < kMaxLiveAnnouncements; ++i) {
    start.suffix.rest = Path::of(std::to_string(i));
    Writer body;
    start.encode(body, v06);
    ASSERT_TRUE(decoder.decode(AnnounceStart::kType, body.span()).has_value());
  }
  start.suffix.rest = Path::of("one more");
  Writer body;
  start.encode(body, v06);
  EXPECT_EQ(failure(decoder.decode(AnnounceStart::kType, body.span())), Code::too_many);
  // Room again after an end.
  ASSERT_TRUE(feed(decoder, "01 01 00", v06).has_value());
  EXPECT_TRUE(decoder.decode(AnnounceStart::kType, body.span()).has_value());
}

TEST(AnnounceCodec, WhatAnnouncementsHoldIsLimited) {
  AnnounceDecoder decoder(v07);
  std::size_t taken = 0;
  Code code = Code::internal;
  while (code == Code::internal) {
    // By reference each costs the peer a few bytes, and us all of them.
    const AnnounceStart start{.suffix = {.base = taken == 0 ? 0U : 1U,
                                         .keep = taken == 0 ? 0U : 1U,
                                         .rest = taken == 0
                                                     ? Path::of(std::string(4000, 'x'))
                                                     : Path::of("y" + std::to_string(taken))}};
    Writer body(Varint::leading_ones);
    start.encode(body, v07);
    code = failure(decoder.decode(AnnounceStart::kType, body.span()));
    taken += 1;
  }
  EXPECT_EQ(code, Code::too_many);
  EXPECT_NEAR(static_cast<double>(taken), static_cast<double>(kMaxAnnouncedBytes) / 4000, 100);
}

TEST(AnnounceCodec, WhatIsEncodedIsDecodedInEveryVersion) {
  for (const Version version : kAllVersions) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      SCOPED_TRACE(std::string(to_string(version)) + ", seed " + std::to_string(seed));
      SeededRandom random(seed);
      AnnounceEncoder encoder(version);
      AnnounceDecoder decoder(version);
      std::vector<std::pair<std::uint64_t, Path>> live;
      std::uint64_t expected_id = 0;
      const auto random_route = [&] {
        AnnouncedRoute route;
        if (has_hop_count(version)) {
          const std::uint64_t start = random.below(4);
          for (std::uint64_t hop = start; hop < 4; ++hop) {
            route.hops.push_back(has_hop_ids(version) ? 100 * random.below(2) + hop + 1 : 0);
          }
        }
        route.costs = kNoCosts;
        if (has_route_costs(version)) route.costs = {.warm = random.below(9), .cold = 9};
        return route;
      };
      for (int step = 0; step < 200; ++step) {
        const bool add = live.empty() || random.below(3) == 0;
        if (add) {
          const Path suffix = Path::of("room" + std::to_string(random.below(3)) + "/user/" +
                                       std::to_string(expected_id));
          const AnnouncedRoute route = random_route();
          const auto start = encoder.start(suffix, route);
          EXPECT_EQ(start.id, expected_id);
          EXPECT_EQ(feed(decoder, start.message.span(), version),
                    (AnnounceEvent{
                        .kind = Kind::start, .id = expected_id, .suffix = suffix, .route = route}));
          live.emplace_back(expected_id++, suffix);
          continue;
        }
        const auto at = live.begin() + static_cast<std::ptrdiff_t>(random.below(live.size()));
        if (random.below(2) == 0 && has_announce_update(version)) {
          const AnnouncedRoute route = random_route();
          EXPECT_EQ(
              feed(decoder, encoder.update(at->first, route).span(), version),
              (AnnounceEvent{
                  .kind = Kind::update, .id = at->first, .suffix = at->second, .route = route}));
        } else {
          EXPECT_EQ(feed(decoder, encoder.end(at->first).span(), version),
                    (AnnounceEvent{.kind = Kind::end, .id = at->first, .suffix = at->second}));
          live.erase(at);
        }
      }
      EXPECT_EQ(decoder.size(), live.size());
    }
  }
}

// --- A whole stream -----------------------------------------------------------------------------

Result<std::optional<AnnounceEvent>> next(AnnounceReader& reader) {
  return wait_for([&](const Waiter& waiter) { return reader.poll_next(waiter); });
}

AnnounceReader reader_of(std::string_view hex, Version version, std::size_t chunk = 1) {
  return AnnounceReader(StreamReader(FakeRecvStream::chunked(from_hex(hex), chunk), version));
}

TEST(AnnounceReader, ReadsTheSessionOf06) {
  AnnounceReader reader = reader_of(
      "03 43 21 01 "
      "00 09 05 61 6c 69 63 65 00 00 00 "
      "40 77 02 aa bb "  // An unknown type: skipped, and takes no id.
      "00 07 03 62 6f 62 00 00 00 "
      "01 01 01",
      v06);
  const auto accepted =
      wait_for([&](const Waiter& waiter) { return reader.poll_accepted(waiter); });
  EXPECT_EQ(accepted, true);
  EXPECT_EQ(reader.hop(), 0x0321U);
  EXPECT_EQ(reader.initial_left(), 1U);
  EXPECT_EQ(next(reader), (AnnounceEvent{.kind = Kind::start, .id = 0, .suffix = kAlice}));
  EXPECT_EQ(reader.initial_left(), 0U);
  EXPECT_EQ(next(reader), (AnnounceEvent{.kind = Kind::start, .id = 1, .suffix = kBob}));
  EXPECT_EQ(next(reader), (AnnounceEvent{.kind = Kind::end, .id = 1, .suffix = kBob}));
  EXPECT_EQ(next(reader), std::nullopt);
}

TEST(AnnounceReader, ReadsTheInitialSetOf01And02) {
  for (const Version version : {v01, v02}) {
    AnnounceReader reader =
        reader_of("0b 02 05 61 6c 69 63 65 03 62 6f 62 05 00 03 62 6f 62", version);
    EXPECT_EQ((*next(reader))->suffix, kAlice);
    EXPECT_EQ(reader.initial_left(), 1U);
    EXPECT_EQ((*next(reader))->suffix, kBob);
    EXPECT_EQ(reader.initial_left(), 0U);
    EXPECT_EQ(next(reader), (AnnounceEvent{.kind = Kind::end, .id = 1, .suffix = kBob}));
    EXPECT_EQ(next(reader), std::nullopt);
  }
  AnnounceReader twice = reader_of("07 02 02 61 61 02 61 61", v01);
  EXPECT_EQ(failure(next(twice)), Code::protocol_violation);
  EXPECT_EQ(failure(next(twice)), Code::protocol_violation);
}

TEST(AnnounceReader, StartsAtOnceOn03And04) {
  AnnounceReader reader = reader_of("08 01 05 61 6c 69 63 65 01", v03);
  EXPECT_EQ(next(reader), (AnnounceEvent{.kind = Kind::start,
                                         .id = 0,
                                         .suffix = kAlice,
                                         .route = {.hops = {0}, .costs = kNoCosts}}));
  EXPECT_EQ(reader.initial_left(), 0U);
  EXPECT_EQ(next(reader), std::nullopt);
}

TEST(AnnounceReader, AFinAloneIsAnEmptySet) {
  for (const Version version : kAllVersions) {
    AnnounceReader reader = reader_of("", version);
    EXPECT_EQ(next(reader), std::nullopt);
  }
}

TEST(AnnounceReader, AnyFailureStays) {
  // An END of nothing, then what would be fine.
  AnnounceReader reader = reader_of("02 00 00 01 01 05 00 07 03 62 6f 62 00 00 00", v06);
  EXPECT_EQ(failure(next(reader)), Code::protocol_violation);
  EXPECT_EQ(failure(next(reader)), Code::protocol_violation);

  AnnounceReader cut = reader_of("02 00 00 00 07 03 62", v06);
  EXPECT_EQ(failure(next(cut)), Code::decode);
  EXPECT_EQ(failure(next(cut)), Code::decode);
}

}  // namespace
}  // namespace moq::net::lite
