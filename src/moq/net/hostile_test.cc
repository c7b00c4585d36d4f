#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "moq/net/limits.h"
#include "moq/net/lite/announce.h"
#include "moq/net/lite/group.h"
#include "moq/net/lite/limits.h"
#include "moq/net/lite/message.h"
#include "moq/net/lite/setup.h"
#include "moq/net/lite/stream_type.h"
#include "moq/net/lite/subscribe.h"
#include "moq/net/lite/track.h"
#include "moq/net/session.h"
#include "moq/net/wire_code.h"
#include "moq/sim/session_pair.h"
#include "moq/sim/world.h"

/// Peers that break the rules, by hand on one side of a session: the guilty stream or session ends
/// with its code, and everything else goes on delivering. moq-lite.md §11.
namespace moq::net {
namespace {

using lite::BidiType;
using lite::UniType;

constexpr std::uint64_t kClean = UINT64_MAX;  ///< Ended by FIN, in place of a code.
constexpr auto kBroken = static_cast<std::uint64_t>(StreamCode::malformed_track);
constexpr auto kCancelled = static_cast<std::uint64_t>(StreamCode::cancelled);
constexpr auto kInternal = static_cast<std::uint64_t>(StreamCode::internal);
constexpr std::uint64_t kSubscriberHop = 0x2222;

sim::PairOptions pair_options(Version version) {
  sim::PairOptions options(sim::LinkOptions{.latency = 5ms});
  options.protocol = std::string(alpn_name(version));
  options.record = true;
  return options;
}

/// Polls until ready, while the world runs.
template <typename PollFunction>
auto wait_for(sim::World& world, PollFunction poll) {
  using Value = std::remove_cvref_t<decltype(*poll(kio::Waiter::none()))>;
  std::optional<Value> value;
  const bool ready = world.run_until(
      [&] {
        if (auto polled = poll(kio::Waiter::none())) value.emplace(*std::move(polled));
        return value.has_value();
      },
      20s);
  EXPECT_TRUE(ready) << "never ready";
  MOQ_ASSERT(value.has_value());
  return *std::move(value);
}

/// One broadcast, "live", with two tracks, and a well-behaved subscriber in a session of its own.
struct Stage {
  explicit Stage(Version version_to_speak, std::uint64_t seed = sim::kDefaultSeed)
      : world(seed), version(version_to_speak) {
    healthy = connect(subscriber);
    reader.emplace(subscribe(subscriber, "video"));
  }

  struct Connected {
    sim::PairControl control;
    Session publishing;
    Session subscribing;
  };
  /// A session of real ends: the publisher dials `into`.
  std::optional<Connected> connect(origin::Producer& into) {
    auto pair = sim::session_pair(world, pair_options(version));
    SessionOptions client;
    client.publish = publisher.consume();
    auto dialled = net::connect({world, world}, std::move(pair.client), std::move(client));
    auto request = world.run(net::accept({world, world}, std::move(pair.server)));
    SessionOptions server;
    server.subscribe = into.clone();
    return Connected{pair.control, *std::move(dialled),
                     std::move(*request).accept(std::move(server))};
  }
  track::Consumer subscribe(origin::Producer& from, std::string_view name) {
    std::optional<broadcast::Consumer> found;
    EXPECT_TRUE(world.run_until(
        [&] {
          found = from.consume().find(Path::of("live"));
          return found.has_value();
        },
        10s));
    track::Consumer track = found->subscribe(std::string(name), {.max_age = 5s});
    world.run_for(100ms);
    return track;
  }
  /// A new group of `track`; true if `from` gets it.
  bool delivers(track::Producer& track, track::Consumer& from) {
    const std::string text = fmt::format("payload {}", ++written);
    EXPECT_TRUE(track.write_frame(written, Bytes::copy(text)));
    std::optional<group::Consumer> group;
    return world.run_until(
        [&] {
          for (;;) {
            if (!group) {
              auto next = from.poll_next_group(kio::Waiter::none());
              if (next.pending() || !*next || !**next) return false;
              group = **std::move(next);
            }
            auto frame = group->poll_read_frame(kio::Waiter::none());
            if (frame.pending()) return false;
            if (*frame && **frame && (***frame).second.text() == text) return true;
            if (!*frame || !**frame) group.reset();
          }
        },
        5s);
  }
  bool healthy_delivers() { return delivers(video, *reader); }

  sim::World world;
  Version version;
  origin::Producer publisher{0x1111};
  origin::Producer subscriber{kSubscriberHop};
  broadcast::Producer broadcast;
  origin::Announcement announcement = *publisher.announce(Path::of("live"), broadcast.consume());
  track::Producer video = *broadcast.create_track("video");
  track::Producer audio = *broadcast.create_track("audio");
  std::uint64_t written = 0;
  std::optional<Connected> healthy;
  std::optional<track::Consumer> reader;
};

/// The attacker: the client's end of a transport session, driven by hand. The server behind it
/// publishes what the stage has.
struct Attacker {
  explicit Attacker(Stage& on_stage, bool greet_first = true) : stage(on_stage) {
    auto pair = sim::session_pair(stage.world, pair_options(stage.version));
    control.emplace(pair.control);
    raw = std::move(pair.client);
    accepting = stage.world.spawn(net::accept({stage.world, stage.world}, std::move(pair.server)));
    if (!greet_first) return;
    greet();
    accept();
  }
  void greet() {
    if (!has_setup_stream(stage.version)) return;
    auto stream = open_uni();
    stream->write(lite::encode_opening(
        UniType::setup, lite::Setup{.path = {}, .role = {}, .cost = {}}, stage.version));
    stream->finish();
    setups.push_back(std::move(stream));
  }
  /// Lets the server take us in; false if it did not.
  bool accept() {
    auto request = wait_for(stage.world,
                            [&](const kio::Waiter& waiter) { return accepting.poll_join(waiter); });
    if (!request) return false;
    SessionOptions options;
    options.publish = stage.publisher.consume();
    options.hop = 0x3333;
    server = std::move(*request).accept(std::move(options));
    return true;
  }
  transport::BidiStream open_bidi() {
    return *wait_for(stage.world,
                     [&](const kio::Waiter& waiter) { return raw->poll_open_bidi(waiter); });
  }
  std::unique_ptr<transport::SendStream> open_uni() {
    return *wait_for(stage.world,
                     [&](const kio::Waiter& waiter) { return raw->poll_open_uni(waiter); });
  }
  transport::BidiStream open_with(const Bytes& bytes) {
    auto stream = open_bidi();
    stream.send->write(bytes);
    return stream;
  }
  /// The code by which the server ends its half.
  std::uint64_t ending(transport::BidiStream& stream) {
    for (;;) {
      auto read = wait_for(stage.world, [&](const kio::Waiter& waiter) {
        return stream.recv->poll_read(waiter, 4096);
      });
      if (!read) return read.error().wire.value_or(kClean - 1);
      if (read->empty()) return kClean;
    }
  }
  /// The code of the server's STOP_SENDING.
  std::uint64_t stopped(transport::SendStream& stream) {
    auto failed = wait_for(stage.world,
                           [&](const kio::Waiter& waiter) { return stream.poll_finished(waiter); });
    return failed ? kClean : failed.error().wire.value_or(kClean - 1);
  }
  std::uint64_t session_code() {
    const Error error =
        wait_for(stage.world, [&](const kio::Waiter& waiter) { return raw->poll_closed(waiter); });
    return error.wire.value_or(kClean - 1);
  }
  [[nodiscard]] bool alive() const { return raw->poll_closed(kio::Waiter::none()).pending(); }

  /// A well-behaved subscription beside the attack.
  void subscribe() {
    lite::Subscribe message;
    message.id = 1'000'000;
    message.broadcast = Path::of("live");
    message.track = "video";
    message.range.max_age = 5s;
    healthy.emplace(open_with(lite::encode_opening(BidiType::subscribe, message, stage.version)));
    stage.world.run_for(100ms);
  }
  /// A new group reaches that subscription.
  bool delivers() {
    const std::string text = fmt::format("payload {}", ++stage.written);
    EXPECT_TRUE(stage.video.write_frame(stage.written, Bytes::copy(text)));
    std::string all;
    return stage.world.run_until(
        [&] {
          while (auto stream = raw->poll_accept_uni(kio::Waiter::none())) {
            if (!*stream) return false;
            incoming.push_back(**std::move(stream));
          }
          for (auto& stream : incoming) {
            while (auto part = stream->poll_read(kio::Waiter::none(), 4096)) {
              if (!*part || (*part)->empty()) break;
              all += (*part)->text();
            }
          }
          return all.find(text) != std::string::npos;
        },
        5s);
  }

  Stage& stage;
  std::optional<sim::PairControl> control;
  std::unique_ptr<transport::Session> raw;
  kio::Spawned<Result<Request>> accepting;
  std::optional<Session> server;
  std::vector<std::unique_ptr<transport::SendStream>> setups;
  std::optional<transport::BidiStream> healthy;
  std::vector<std::unique_ptr<transport::RecvStream>> incoming;
};

/// What opens each kind of request stream, whole and valid.
std::vector<std::pair<BidiType, Bytes>> requests(Version version, std::uint64_t id = 5) {
  std::vector<std::pair<BidiType, Bytes>> all;
  lite::Subscribe subscribe;
  subscribe.id = id;
  subscribe.broadcast = Path::of("live");
  subscribe.track = "video";
  all.emplace_back(BidiType::subscribe,
                   lite::encode_opening(BidiType::subscribe, subscribe, version));
  lite::AnnounceRequest announce;
  announce.prefix = Path::of("a/b");
  all.emplace_back(BidiType::announce, lite::encode_opening(BidiType::announce, announce, version));
  if (has_track_info(version)) {
    lite::Track track;
    track.broadcast = Path::of("live");
    track.track = "video";
    all.emplace_back(BidiType::track, lite::encode_opening(BidiType::track, track, version));
  }
  if (has_fetch(version)) {
    lite::Fetch fetch;
    fetch.broadcast = Path::of("live");
    fetch.track = "video";
    all.emplace_back(BidiType::fetch, lite::encode_opening(BidiType::fetch, fetch, version));
  }
  return all;
}

/// Stream type, an arbitrary length, and `body`.
Bytes claim(BidiType type, std::uint64_t length, ByteSpan body, Version version) {
  Writer out(varint_kind(version));
  out.varint(static_cast<std::uint64_t>(type)).varint(length).bytes(body);
  return out.take();
}

class Hostile : public testing::TestWithParam<Version> {};

TEST_P(Hostile, RequestsCutAtEveryByteWithFin) {
  Stage stage(GetParam());
  Attacker attacker(stage);
  attacker.subscribe();
  for (const auto& [type, whole] : requests(GetParam())) {
    for (std::size_t cut = 0; cut < whole.size(); ++cut) {
      SCOPED_TRACE(fmt::format("{} cut at {}", to_string(type), cut));
      auto stream = attacker.open_with(whole.slice(0, cut));
      stream.send->finish();
      // Without a message there is nothing malformed yet, but no answer to an announce request.
      const bool nothing = cut == 0 || (cut == 1 && type != BidiType::announce);
      EXPECT_EQ(attacker.ending(stream), nothing ? kCancelled : kBroken);
    }
    EXPECT_TRUE(attacker.delivers()) << to_string(type);
  }
  EXPECT_TRUE(attacker.alive());
  EXPECT_TRUE(stage.healthy_delivers());
}

TEST_P(Hostile, RequestsCutAtEveryByteWithReset) {
  Stage stage(GetParam());
  Attacker attacker(stage);
  attacker.subscribe();
  constexpr std::uint32_t kTheirs = 64 + 7;
  for (const auto& [type, whole] : requests(GetParam())) {
    for (std::size_t cut = 0; cut < whole.size(); ++cut) {
      SCOPED_TRACE(fmt::format("{} cut at {}", to_string(type), cut));
      auto stream = attacker.open_with(whole.slice(0, cut));
      stage.world.run_for(20ms);  // A reset overtakes what is not yet there.
      stream.send->reset(kTheirs);
      const std::uint64_t code = attacker.ending(stream);
      if (cut == 0) {
        EXPECT_EQ(code, kCancelled);
      } else {
        EXPECT_EQ(code, type == BidiType::announce ? kBroken : kTheirs);
      }
    }
    EXPECT_TRUE(attacker.delivers()) << to_string(type);
  }
  EXPECT_TRUE(attacker.alive());
  EXPECT_TRUE(stage.healthy_delivers());
}

TEST_P(Hostile, LengthsThatLie) {
  Stage stage(GetParam());
  Attacker attacker(stage);
  attacker.subscribe();
  const Version version = GetParam();
  for (const auto& [type, whole] : requests(version)) {
    const ByteSpan body = whole.span().subspan(2);
    std::vector<std::uint8_t> longer(body.begin(), body.end());
    longer.push_back(0);
    const std::array lies = {
        claim(type, kMaxVarint, body, version),
        claim(type, std::uint64_t{1} << 40, body, version),
        claim(type, lite::kMaxControlBytes + 1, body, version),
        claim(type, body.size() - 1, body, version),
        claim(type, longer.size(), longer, version),
    };
    for (std::size_t i = 0; i < lies.size(); ++i) {
      SCOPED_TRACE(fmt::format("{} lie {}", to_string(type), i));
      auto stream = attacker.open_with(lies[i]);
      EXPECT_EQ(attacker.ending(stream), kBroken);  // At once: no FIN was sent.
    }
    // The first length inside the body, of a name, as large as can be.
    std::vector<std::uint8_t> inner(body.begin(), body.end());
    const std::size_t at = type == BidiType::subscribe ? 1 : 0;
    const std::array<std::uint8_t, 8> most = {255, 255, 255, 255, 255, 255, 255, 255};
    inner.insert(inner.begin() + static_cast<std::ptrdiff_t>(at), most.begin(), most.end());
    auto stream = attacker.open_with(claim(type, inner.size(), inner, version));
    EXPECT_EQ(attacker.ending(stream), kBroken) << to_string(type);
    EXPECT_TRUE(attacker.delivers()) << to_string(type);
  }
  EXPECT_TRUE(attacker.alive());
  EXPECT_TRUE(stage.healthy_delivers());
}

TEST_P(Hostile, StreamsOfUnknownType) {
  Stage stage(GetParam());
  Attacker attacker(stage);
  attacker.subscribe();
  std::vector<std::uint64_t> types = {0, 7, 63, 1 << 14, kMaxVarint};
  if (!has_fetch(GetParam())) types.push_back(3);
  if (!has_goaway(GetParam())) types.push_back(5);
  if (!has_track_info(GetParam())) types.push_back(6);
  for (const std::uint64_t type : types) {
    SCOPED_TRACE(type);
    Writer out(varint_kind(GetParam()));
    auto stream = attacker.open_with(out.varint(type).varint(3).bytes(as_bytes("abc")).take());
    EXPECT_EQ(attacker.ending(stream), kCancelled);
    EXPECT_EQ(attacker.stopped(*stream.send), kInternal);
  }
  std::vector<std::uint64_t> uni_types = {2, 63, kMaxVarint};
  if (!has_setup_stream(GetParam())) uni_types.push_back(1);
  for (const std::uint64_t type : uni_types) {
    SCOPED_TRACE(type);
    auto stream = attacker.open_uni();
    stream->write(Writer(varint_kind(GetParam())).varint(type).take());
    EXPECT_EQ(attacker.stopped(*stream), kInternal);
  }
  EXPECT_TRUE(attacker.alive());
  EXPECT_TRUE(attacker.delivers());
  EXPECT_TRUE(stage.healthy_delivers());
}

TEST_P(Hostile, MalformedPaths) {
  Stage stage(GetParam());
  Attacker attacker(stage);
  attacker.subscribe();
  const Version version = GetParam();
  std::string deep = "a";
  for (int i = 0; i < 32; ++i) deep += "/a";
  const std::vector<std::pair<std::string, std::uint64_t>> paths = {
      {"\xff\xfe", kBroken},
      {"ok/\xc0\xaf", kBroken},
      {deep, kBroken},
      {std::string(Path::kMaxBytes + 1, 'x'), kBroken},
      {"**", static_cast<std::uint64_t>(StreamCode::not_found)},
      {"../live", static_cast<std::uint64_t>(StreamCode::not_found)},
      {"", static_cast<std::uint64_t>(StreamCode::not_found)},
  };
  for (const auto& [type, whole] : requests(version)) {
    const ByteSpan body = whole.span().subspan(2);
    const std::size_t at = type == BidiType::subscribe ? 1 : 0;  // Behind the subscription's id.
    for (const auto& [path, code] : paths) {
      if (type == BidiType::announce && code != kBroken) continue;  // A prefix of nothing is fine.
      SCOPED_TRACE(fmt::format("{} of '{}'", to_string(type), path.substr(0, 20)));
      Writer mended(varint_kind(version));
      mended.bytes(body.first(at)).text(path).bytes(body.subspan(at + 1 + body[at]));
      auto stream = attacker.open_with(claim(type, mended.size(), mended.span(), version));
      EXPECT_EQ(attacker.ending(stream), code);
    }
  }
  EXPECT_TRUE(attacker.alive());
  EXPECT_TRUE(attacker.delivers());
  EXPECT_TRUE(stage.healthy_delivers());
}

TEST_P(Hostile, AThousandStreamsOpenedAndReset) {
  Stage stage(GetParam());
  Attacker attacker(stage);
  attacker.subscribe();
  const std::size_t before = attacker.control->open_streams(sim::Side::client);
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const auto all = requests(GetParam(), 10 + i);
    const Bytes& whole = all[i % all.size()].second;
    auto stream = attacker.open_with(whole.slice(0, i % (whole.size() + 1)));
    if (i % 3 == 0) stage.world.run_for(6ms);  // Some get as far as an answer.
    stream.send->reset(static_cast<std::uint32_t>(kCancelled));
    if (i % 5 == 0) stream.recv->stop(static_cast<std::uint32_t>(kCancelled));
  }
  stage.world.run_for(1s);
  EXPECT_LE(attacker.control->open_streams(sim::Side::client), before);
  EXPECT_TRUE(attacker.alive());
  EXPECT_TRUE(attacker.delivers());
  EXPECT_TRUE(stage.healthy_delivers());
}

/// Hostile publishers: bytes and resets put into the streams of a real one, behind its back.
struct Victim {
  explicit Victim(Stage& on_stage) : stage(on_stage) {
    session = stage.connect(origin);
    video.emplace(stage.subscribe(origin, "video"));
    audio.emplace(stage.subscribe(origin, "audio"));
  }
  /// The subscriber's stream that opens with `type`, the latest.
  std::uint64_t stream(BidiType type) {
    std::optional<std::uint64_t> id;
    for (const sim::StreamRecord& record : session->control.records()) {
      if (record.opener != sim::Side::server || !record.bidi) continue;
      const Bytes& written = record.from_server.written;
      if (!written.empty() && written[0] == static_cast<std::uint8_t>(type)) id = record.id;
    }
    MOQ_ASSERT(id.has_value());
    return *id;
  }
  sim::StreamRecord record(std::uint64_t id) {
    for (auto& each : session->control.records()) {
      if (each.id == id) return each;
    }
    MOQ_ASSERT(false);
  }
  /// The publisher's newest unidirectional stream.
  std::uint64_t newest_group() {
    std::optional<std::uint64_t> id;
    for (const sim::StreamRecord& each : session->control.records()) {
      if (each.opener == sim::Side::client && !each.bidi) id = each.id;
    }
    return id.value_or(0);
  }
  bool say(std::uint64_t id, Bytes data) {
    const bool said = session->control.inject(sim::Side::client, id, std::move(data));
    stage.world.run_for(50ms);
    return said;
  }
  [[nodiscard]] std::optional<Error> ended() const {
    auto closed = session->publishing.poll_closed(kio::Waiter::none());
    if (closed.pending()) return std::nullopt;
    return *closed;
  }

  Stage& stage;
  origin::Producer origin{0x4444};
  std::optional<Stage::Connected> session;
  std::optional<track::Consumer> video;
  std::optional<track::Consumer> audio;
};

Bytes announcement(std::string_view path, const lite::HopChain& hops, Version version) {
  if (!has_announce_ids(version)) {
    lite::Announce message;
    message.suffix = Path::of(path);
    message.hops = hops;
    return lite::encode_message(message, version);
  }
  lite::AnnounceStart message;
  message.suffix.rest = Path::of(path);
  message.hops.literal = hops;
  Writer out(varint_kind(version));
  out.varint(lite::AnnounceStart::kType);
  lite::write_message(out, message, version);
  return out.take();
}

TEST_P(Hostile, MoreThan32HopsEndTheSession) {
  Stage stage(GetParam());
  Victim victim(stage);
  lite::HopChain hops;
  for (std::uint64_t i = 0; i < lite::kMaxHops + 1; ++i) hops.push_back(100 + i);
  ASSERT_TRUE(victim.say(victim.stream(BidiType::announce), announcement("far", hops, GetParam())));
  const auto ended = victim.ended();
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->wire, static_cast<std::uint64_t>(SessionCode::protocol_violation));
  EXPECT_TRUE(stage.healthy_delivers());
}

TEST_P(Hostile, OurOwnHopInTheChainGivesNoRoute) {
  if (!has_hop_ids(GetParam())) GTEST_SKIP() << "tells no ids";
  Stage stage(GetParam());
  Victim victim(stage);
  const std::uint64_t id = victim.stream(BidiType::announce);
  ASSERT_TRUE(victim.say(id, announcement("loop", {7, 0x4444, 9}, GetParam())));
  ASSERT_TRUE(victim.say(id, announcement("fine", {7, 8, 9}, GetParam())));
  EXPECT_FALSE(victim.origin.consume().find(Path::of("loop")));
  EXPECT_TRUE(victim.origin.consume().find(Path::of("fine")));
  EXPECT_FALSE(victim.ended());
  EXPECT_TRUE(stage.delivers(stage.video, *victim.video));
}

TEST_P(Hostile, LengthsThatLieInAnnouncementsEndTheSession) {
  for (const std::uint64_t length : {kMaxVarint, lite::kMaxControlBytes + 1, std::uint64_t{1}}) {
    SCOPED_TRACE(length);
    Stage stage(GetParam());
    Victim victim(stage);
    Writer out(varint_kind(GetParam()));
    if (has_announce_ids(GetParam())) out.varint(lite::AnnounceStart::kType);
    out.varint(length).u8(0xff);
    ASSERT_TRUE(victim.say(victim.stream(BidiType::announce), out.take()));
    const auto ended = victim.ended();
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->wire, static_cast<std::uint64_t>(SessionCode::protocol_violation));
    EXPECT_TRUE(stage.healthy_delivers());
  }
}

TEST_P(Hostile, UnknownAnswersEndTheSubscriptionAlone) {
  Stage stage(GetParam());
  Victim victim(stage);
  const std::uint64_t id = victim.stream(BidiType::subscribe);  // That of "audio".
  Writer out(varint_kind(GetParam()));
  ASSERT_TRUE(victim.say(id, out.varint(9).varint(1).u8(0).take()));
  const auto record = victim.record(id);
  EXPECT_EQ(record.from_client.stopped, static_cast<std::uint32_t>(kBroken));
  EXPECT_TRUE(record.from_server.finished || record.from_server.reset);
  EXPECT_FALSE(victim.ended());
  EXPECT_TRUE(stage.delivers(stage.video, *victim.video));
  EXPECT_TRUE(stage.healthy_delivers());
}

TEST_P(Hostile, ClaimedFrameSizesAboveTheLimitEndTheGroupAlone) {
  Stage stage(GetParam());
  Victim victim(stage);
  for (const std::uint64_t size : {kMaxFrameBytes + 1, std::uint64_t{1} << 40, kMaxVarint}) {
    SCOPED_TRACE(size);
    auto group = stage.audio.append_group();
    ASSERT_TRUE(group->write_frame(stage.written, Bytes::copy("x")));
    stage.world.run_for(50ms);
    const std::uint64_t id = victim.newest_group();
    Writer out(varint_kind(GetParam()));
    if (has_frame_timestamps(GetParam())) out.varint(0);
    ASSERT_TRUE(victim.say(id, out.varint(size).take()));
    EXPECT_EQ(victim.record(id).from_client.stopped,
              static_cast<std::uint32_t>(StreamCode::frame_too_large));
    std::move(*group).finish();
    EXPECT_FALSE(victim.ended());
    EXPECT_TRUE(stage.delivers(stage.audio, *victim.audio));
    EXPECT_TRUE(stage.delivers(stage.video, *victim.video));
  }
  EXPECT_TRUE(stage.healthy_delivers());
}

TEST_P(Hostile, GroupsThatNeverComeBelowTheEndDelayItNoLongerThanTheyMayBeLate) {
  Stage stage(GetParam());
  Victim victim(stage);
  ASSERT_TRUE(stage.delivers(stage.audio, *victim.audio));
  auto last = stage.audio.create_group(5);  // 1 to 4 are left out.
  ASSERT_TRUE(last && last->write_frame(stage.written, Bytes::copy("last")));
  std::move(*last).finish();
  std::move(stage.audio).finish();
  const bool ended = stage.world.run_until(
      [&] {
        auto next = victim.audio->poll_next_group(kio::Waiter::none());
        return next.ready() && *next && !**next;
      },
      10s);
  EXPECT_TRUE(ended);
  EXPECT_FALSE(victim.ended());
  EXPECT_TRUE(stage.delivers(stage.video, *victim.video));
  EXPECT_TRUE(stage.healthy_delivers());
}

TEST_P(Hostile, ControlStreamsResetAtARandomMoment) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    Stage stage(GetParam(), seed);
    Victim victim(stage);
    for (int i = 0; i < 5; ++i) {
      stage.world.run_for(std::chrono::milliseconds(stage.world.below(30)));
      ASSERT_TRUE(stage.video.write_frame(stage.written, Bytes::copy("noise")));
      const sim::Side side = stage.world.below(2) == 0 ? sim::Side::client : sim::Side::server;
      const std::uint64_t id = 1 + 4 * stage.world.below(6);
      const auto code = static_cast<std::uint32_t>(stage.world.below(0x40));
      if (stage.world.below(3) == 0) {
        victim.session->control.inject_stop(side, id, code);
      } else {
        victim.session->control.inject_reset(side, id, code);
      }
    }
    EXPECT_TRUE(stage.healthy_delivers());
  }
}

INSTANTIATE_TEST_SUITE_P(Lite, Hostile,
                         testing::Values(Version::lite_03, Version::lite_04, Version::lite_05,
                                         Version::lite_06),
                         [](const auto& param_info) {
                           return "v0" + std::to_string(static_cast<int>(param_info.param) + 1);
                         });

/// The greeting, which versions from 05 have.
class HostileSetup : public testing::TestWithParam<Version> {
 protected:
  Bytes setup() const {
    lite::Setup message;
    message.path = "/room";
    return lite::encode_opening(UniType::setup, message, GetParam());
  }
};

TEST_P(HostileSetup, CutAtEveryByteEndsTheSession) {
  Stage stage(GetParam());
  const Bytes whole = setup();
  for (std::size_t cut = 1; cut < whole.size(); ++cut) {
    for (const bool reset : {false, true}) {
      SCOPED_TRACE(fmt::format("cut at {}, {}", cut, reset ? "reset" : "FIN"));
      Attacker attacker(stage, false);
      auto stream = attacker.open_uni();
      stream->write(whole.slice(0, cut));
      if (reset) {
        stage.world.run_for(20ms);
        stream->reset(static_cast<std::uint32_t>(kCancelled));
      } else {
        stream->finish();
      }
      EXPECT_EQ(attacker.session_code(),
                static_cast<std::uint64_t>(SessionCode::protocol_violation));
      EXPECT_FALSE(attacker.accept());
    }
  }
  EXPECT_TRUE(stage.healthy_delivers());
}

TEST_P(HostileSetup, LengthsThatLieEndTheSession) {
  Stage stage(GetParam());
  for (const std::uint64_t length : {kMaxVarint, lite::kMaxSetupBytes + 1}) {
    Attacker attacker(stage, false);
    auto stream = attacker.open_uni();
    stream->write(Writer(varint_kind(GetParam())).varint(1).varint(length).take());
    EXPECT_EQ(attacker.session_code(), static_cast<std::uint64_t>(SessionCode::protocol_violation));
  }
  EXPECT_TRUE(stage.healthy_delivers());
}

TEST_P(HostileSetup, DataBeforeItIsRefusedAlone) {
  Stage stage(GetParam());
  Attacker attacker(stage, false);
  auto early = attacker.open_uni();
  lite::GroupHeader header;
  early->write(lite::encode_opening(UniType::group, header, GetParam()));
  EXPECT_EQ(attacker.stopped(*early), kInternal);
  attacker.greet();
  ASSERT_TRUE(attacker.accept());
  attacker.subscribe();
  EXPECT_TRUE(attacker.delivers());
  EXPECT_TRUE(stage.healthy_delivers());
}

TEST_P(HostileSetup, TwiceEndsTheSession) {
  Stage stage(GetParam());
  Attacker attacker(stage);
  attacker.subscribe();
  ASSERT_TRUE(attacker.delivers());
  attacker.greet();
  EXPECT_EQ(attacker.session_code(), static_cast<std::uint64_t>(SessionCode::protocol_violation));
  EXPECT_TRUE(stage.healthy_delivers());
}

INSTANTIATE_TEST_SUITE_P(Lite, HostileSetup, testing::Values(Version::lite_05, Version::lite_06),
                         [](const auto& param_info) {
                           return "v0" + std::to_string(static_cast<int>(param_info.param) + 1);
                         });

}  // namespace
}  // namespace moq::net
