#pragma once

#include "moq/net/hostile_test_support.h"
#include "moq/net/lite/announce.h"
#include "moq/net/lite/group.h"
#include "moq/net/lite/stream_reader.h"
#include "moq/net/lite/track.h"

/// A publisher by hand: says what a test wants on the streams that a subscriber of ours opens. For
/// tests alone.
namespace moq::net::hostile {

struct Scripted {
  /// Answers our request for announcements with one broadcast, "far".
  explicit Scripted(Stage& on_stage, const lite::Setup& setup = lite::Setup(),
                    std::optional<std::uint64_t> link_cost = std::nullopt)
      : stage(on_stage) {
    SessionOptions options;
    options.subscribe = origin.clone();
    options.link_cost = link_cost;
    attacker.emplace(stage, false, std::move(options));
    attacker->greet(setup);
    attacker->accept();
    announcements.emplace(next(BidiType::announce));
    const Version version = stage.version;
    if (has_announce_ok(version)) {
      lite::AnnounceOk ok;
      ok.hop = kHop;
      ok.active = 1;
      say(*announcements, lite::encode_message(ok, version));
    }
    announce("far");
  }

  /// A stream that we opened, after its type.
  struct Asked {
    std::unique_ptr<transport::SendStream> send;
    lite::StreamReader reader;
  };
  /// The next stream that opens with `type`; others are dropped.
  Asked next(BidiType type) {
    for (;;) {
      auto stream = *wait_for(stage.world, [&](const kio::Waiter& waiter) {
        return attacker->raw->poll_accept_bidi(waiter);
      });
      Asked asked{std::move(stream.send),
                  lite::StreamReader(std::move(stream.recv), stage.version)};
      auto number = wait_for(
          stage.world, [&](const kio::Waiter& waiter) { return asked.reader.poll_varint(waiter); });
      if (number && *number == static_cast<std::uint64_t>(type)) return asked;
    }
  }
  template <typename M>
  M read(Asked& asked) {
    auto message = wait_for(stage.world, [&](const kio::Waiter& waiter) {
      return asked.reader.poll_message<M>(waiter);
    });
    EXPECT_TRUE(message && *message);
    return **std::move(message);
  }
  void say(Asked& asked, Bytes bytes) {
    asked.send->write(std::move(bytes));
    stage.world.run_for(50ms);
  }
  void say(Asked& asked, const lite::SubscribeAnswer& answer) {
    say(asked, lite::encode_answer(answer, stage.version));
  }
  void announce(std::string_view path, lite::RouteCosts costs = {}, lite::HopChain hops = {}) {
    const Version version = stage.version;
    if (!receiver_adds_hop(version)) hops.push_back(kHop);
    if (!has_announce_ids(version)) {
      lite::Announce message;
      message.suffix = Path::of(path);
      message.hops = std::move(hops);
      return say(*announcements, lite::encode_message(message, version));
    }
    lite::AnnounceStart message;
    message.suffix.rest = Path::of(path);
    message.hops.literal = std::move(hops);
    message.costs = costs;
    say(*announcements, typed(message));
  }
  /// A message of an announce stream from 06 on.
  template <typename M>
  Bytes typed(const M& message) const {
    Writer out(varint_kind(stage.version));
    out.varint(M::kType);
    lite::write_message(out, message, stage.version);
    return out.take();
  }
  /// The first subscription to "far", after what precedes it.
  Asked subscribed() {
    if (has_track_info(stage.version)) {
      Asked info = next(BidiType::track);
      read<lite::Track>(info);
      info.send->write(lite::encode_message(lite::TrackInfo{}, stage.version));
      info.send->finish();
    }
    Asked asked = next(BidiType::subscribe);
    subscribe = read<lite::Subscribe>(asked);
    if (has_subscribe_ok(stage.version)) say(asked, lite::SubscribeOk{});
    return asked;
  }
  /// A group stream, left open after `frames` frames of one byte.
  std::unique_ptr<transport::SendStream> group(const lite::GroupHeader& header, int frames = 1) {
    auto stream = attacker->open_uni();
    stream->write(lite::encode_opening(UniType::group, header, stage.version));
    lite::FrameHeaderEncoder encoder(stage.version);
    for (int i = 0; i < frames; ++i) {
      stream->write(*encoder.encode(1000 * header.sequence, 1));
      stream->write(Bytes::copy("x"));
    }
    stage.world.run_for(50ms);
    return stream;
  }
  track::Consumer read_track(const track::Subscription& wanted = {.max_age = 5s}) {
    auto found = origin.consume().find(Path::of("far"));
    MOQ_ASSERT(found.has_value());
    return found->subscribe("video", wanted);
  }
  [[nodiscard]] bool alive() const { return attacker->alive(); }

  Stage& stage;
  static constexpr std::uint64_t kHop = 0x5555;
  origin::Producer origin{0x4444};
  std::optional<Attacker> attacker;
  std::optional<Asked> announcements;
  lite::Subscribe subscribe;  ///< As we sent it.
};

}  // namespace moq::net::hostile
