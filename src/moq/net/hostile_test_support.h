#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "moq/net/lite/legacy_setup.h"
#include "moq/net/lite/message.h"
#include "moq/net/lite/setup.h"
#include "moq/net/lite/stream_type.h"
#include "moq/net/lite/subscribe.h"
#include "moq/net/session.h"
#include "moq/net/wire_code.h"
#include "moq/sim/session_pair.h"
#include "moq/sim/world.h"

/// Peers that break the rules, by hand on one side of a session: the guilty stream or session ends
/// with its code, and everything else goes on delivering. moq-lite.md §11. For tests alone.
namespace moq::net::hostile {

using lite::BidiType;
using lite::UniType;

inline constexpr std::uint64_t kClean = UINT64_MAX;  ///< Ended by FIN, in place of a code.
inline constexpr auto kBroken = static_cast<std::uint64_t>(StreamCode::malformed_track);
inline constexpr auto kCancelled = static_cast<std::uint64_t>(StreamCode::cancelled);
inline constexpr auto kInternal = static_cast<std::uint64_t>(StreamCode::internal);
inline constexpr std::uint64_t kSubscriberHop = 0x2222;

inline sim::PairOptions pair_options(Version version) {
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
    auto dialling = world.spawn(net::connect({world, world}, std::move(pair.client),
                                             std::move(client), std::nullopt, versions));
    auto request = world.run(net::accept({world, world}, std::move(pair.server), versions));
    SessionOptions server;
    server.subscribe = into.clone();
    Session accepted = std::move(*request).accept(std::move(server));
    auto dialled =
        wait_for(world, [&](const kio::Waiter& waiter) { return dialling.poll_join(waiter); });
    return Connected{pair.control, *std::move(dialled), std::move(accepted)};
  }
  track::Consumer subscribe(origin::Producer& from, std::string_view name,
                            const Path& path = Path::of("live")) {
    std::optional<broadcast::Consumer> found;
    EXPECT_TRUE(world.run_until(
        [&] {
          found = from.consume().find(path);
          return found.has_value();
        },
        10s));
    track::Consumer track = found->subscribe(std::string(name), {.max_age = 5s});
    world.run_for(100ms);
    return track;
  }
  void write(track::Producer& track, std::uint64_t sequence) {
    auto group = track.create_group(sequence);
    ASSERT_TRUE(group && group->write_frame(++written, Bytes::copy("x")));
    std::move(*group).finish();
    world.run_for(50ms);
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
  const std::vector<Version> versions{version};
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
  explicit Attacker(Stage& on_stage, bool greet_first = true, SessionOptions server_options = {})
      : stage(on_stage), options(std::move(server_options)) {
    auto pair = sim::session_pair(stage.world, pair_options(stage.version));
    control.emplace(pair.control);
    raw = std::move(pair.client);
    accepting = stage.world.spawn(net::accept({stage.world, stage.world}, std::move(pair.server)));
    if (!greet_first) return;
    greet();
    accept();
  }
  void greet(const lite::Setup& setup = lite::Setup()) {
    if (has_legacy_setup(stage.version)) {
      lite::ClientSetup greeting;
      greeting.versions.push_back(setup_code(stage.version));
      session_stream.emplace(open_with(greeting.encode()));
      return;
    }
    if (!has_setup_stream(stage.version)) return;
    auto stream = open_uni();
    stream->write(lite::encode_opening(UniType::setup, setup, stage.version));
    stream->finish();
    setups.push_back(std::move(stream));
  }
  /// Lets the server take us in; false if it did not.
  bool accept() {
    auto request = wait_for(stage.world,
                            [&](const kio::Waiter& waiter) { return accepting.poll_join(waiter); });
    if (!request) return false;
    if (!options.publish) options.publish = stage.publisher.consume();
    options.hop = 0x3333;
    server = std::move(*request).accept(options.clone());
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
  SessionOptions options;  ///< The server's; publishes what the stage has unless told otherwise.
  std::optional<sim::PairControl> control;
  std::unique_ptr<transport::Session> raw;
  kio::Spawned<Result<Request>> accepting;
  std::optional<Session> server;
  std::vector<std::unique_ptr<transport::SendStream>> setups;
  std::optional<transport::BidiStream> session_stream;  ///< 01 and 02.
  std::optional<transport::BidiStream> healthy;
  std::vector<std::unique_ptr<transport::RecvStream>> incoming;
};

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

/// Names the versions of a test suite: "v06", "d18".
inline std::string version_name(const testing::TestParamInfo<Version>& param_info) {
  if (is_moqt(param_info.param)) return "d" + std::to_string(draft_number(param_info.param));
  return "v0" + std::to_string(static_cast<int>(param_info.param) + 1);
}

}  // namespace moq::net::hostile
