#include "moq/net/hostile_test_support.h"
#include "moq/net/lite/announce.h"
#include "moq/net/model_test_support.h"

/// Publishers that have lost the way to what they announce: their subscribers' readers hold their
/// place. moq-lite.md §6.2, §11.
namespace moq::net::hostile {
namespace {

constexpr auto kNotFound = static_cast<std::uint64_t>(StreamCode::not_found);
constexpr auto kUnroutable = static_cast<std::uint64_t>(StreamCode::unroutable);

/// A publisher that serves a track while it feels like it, and its reader.
struct Flaky {
  explicit Flaky(Version version) : stage(version), session(stage.connect(origin)) {
    serving = stage.world.spawn(serve(*this));
  }
  static kio::Task<void> serve(Flaky& self) {
    for (;;) {
      auto request = co_await self.dynamic.requested_track();
      if (!request) co_return;
      ++self.asked;
      if (self.refusal) {
        std::move(*request).reject(*self.refusal);
        continue;
      }
      auto accepted = std::move(*request).accept({.max_age = 1h});
      if (accepted) self.track = *std::move(accepted);
    }
  }
  void subscribe() { reader.emplace(stage.subscribe(origin, "track", path)); }
  /// Serves it until the first group is there.
  void deliver_one() {
    subscribe();
    ASSERT_TRUE(track);
    stage.write(*track, 0);
    EXPECT_EQ(take_sequences(*reader), (Sequences{0}));
  }
  /// From now on, whoever asks is refused, and so is who was served.
  void refuse(Code code) {
    refusal = Error(code);
    std::move(*std::exchange(track, std::nullopt)).abort(*refusal);
    asked = 0;
  }
  void take_announcement_back() { announcement.reset(); }
  void announce() { announcement = *stage.publisher.announce(path, broadcast.consume(), route); }
  /// What ended the reader, if anything did.
  std::optional<Error> failure() {
    auto next = reader->poll_next_group(kio::Waiter::none());
    if (next.pending() || *next) return std::nullopt;
    return next->error();
  }

  Stage stage;
  const Path path = Path::of("flaky");
  const Route route{.hops = {0x7777}};
  broadcast::Producer broadcast;
  broadcast::Dynamic dynamic = broadcast.dynamic();
  std::optional<origin::Announcement> announcement =
      *stage.publisher.announce(path, broadcast.consume(), route);
  origin::Producer origin{0x4444};
  std::optional<Stage::Connected> session;
  std::optional<Error> refusal;
  std::optional<track::Producer> track;
  int asked = 0;
  std::optional<track::Consumer> reader;
  kio::Spawned<void> serving;
};

class RouteGone : public testing::TestWithParam<Version> {};

TEST_P(RouteGone, ASubscriptionIsSuspendedUntilThereIsOneAgain) {
  for (const Code code : {Code::unroutable, Code::going_away, Code::closed}) {
    SCOPED_TRACE(to_string(code));
    Flaky flaky(GetParam());
    flaky.deliver_one();
    flaky.refuse(code);
    flaky.stage.world.run_for(5min);
    EXPECT_FALSE(flaky.failure());
    EXPECT_GT(flaky.asked, 40);  // Every 5 s at the least,
    EXPECT_LT(flaky.asked, 80);  // and not much more often.
    flaky.refusal.reset();
    ASSERT_TRUE(flaky.stage.world.run_until([&] { return flaky.track.has_value(); }, 6s));
    flaky.stage.world.run_for(100ms);
    flaky.stage.write(*flaky.track, 1);
    EXPECT_EQ(take_sequences(*flaky.reader), (Sequences{1}));
    EXPECT_TRUE(flaky.stage.healthy_delivers());
  }
}

TEST_P(RouteGone, ANewAnnouncementIsAskedAtOnce) {
  Flaky flaky(GetParam());
  flaky.deliver_one();
  flaky.refuse(Code::unroutable);
  flaky.stage.world.run_for(1min);  // Now it is asked every 5 s alone.
  flaky.refusal.reset();
  flaky.take_announcement_back();
  flaky.stage.world.run_for(100ms);
  flaky.announce();
  ASSERT_TRUE(flaky.stage.world.run_until([&] { return flaky.track.has_value(); }, 200ms));
  flaky.stage.world.run_for(100ms);
  flaky.stage.write(*flaky.track, 1);
  EXPECT_EQ(take_sequences(*flaky.reader), (Sequences{1}));
}

TEST_P(RouteGone, AChangeOfTheRouteIsAskedAtOnce) {
  if (!has_announce_update(GetParam())) GTEST_SKIP() << "tells no changes";
  Flaky flaky(GetParam());
  flaky.deliver_one();
  flaky.refuse(Code::unroutable);
  flaky.stage.world.run_for(1min);
  flaky.refusal.reset();
  flaky.announcement->update({.hops = {0x7777, 0x8888}});
  ASSERT_TRUE(flaky.stage.world.run_until([&] { return flaky.track.has_value(); }, 200ms));
}

TEST_P(RouteGone, WhatIsUnknownAndThenTakenBackIsSuspended) {
  Flaky flaky(GetParam());
  flaky.deliver_one();
  flaky.refuse(Code::not_found);
  flaky.stage.world.run_for(2s);
  flaky.take_announcement_back();
  flaky.stage.world.run_for(5min);
  EXPECT_FALSE(flaky.failure());
  flaky.refusal.reset();
  flaky.announce();
  ASSERT_TRUE(flaky.stage.world.run_until([&] { return flaky.track.has_value(); }, 1s));
  flaky.stage.world.run_for(100ms);
  flaky.stage.write(*flaky.track, 1);
  EXPECT_EQ(take_sequences(*flaky.reader), (Sequences{1}));
}

TEST_P(RouteGone, WhatIsUnknownAndStillAnnouncedIsOver) {
  Flaky flaky(GetParam());
  flaky.deliver_one();
  flaky.refuse(Code::not_found);
  flaky.stage.world.run_for(5s);
  const auto failure = flaky.failure();
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->code, Code::not_found) << failure->describe();
}

TEST_P(RouteGone, WhatWasNeverThereIsNotWaitedForWithoutEnd) {
  Flaky flaky(GetParam());
  flaky.refusal = Error(Code::unroutable);
  flaky.subscribe();
  flaky.stage.world.run_for(10s);
  EXPECT_FALSE(flaky.failure());
  flaky.stage.world.run_for(30s);
  const auto failure = flaky.failure();
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->code, Code::unroutable) << failure->describe();
}

TEST_P(RouteGone, IsToldAsSuchWhileTheBroadcastIsAnnounced) {
  Flaky flaky(GetParam());
  SessionOptions options;
  options.retraction_delay = 2s;
  Attacker peer(flaky.stage, true, std::move(options));
  lite::AnnounceRequest everything;
  const auto announces =
      peer.open_with(lite::encode_opening(BidiType::announce, everything, GetParam()));
  flaky.stage.world.run_for(100ms);
  flaky.take_announcement_back();
  lite::Subscribe message;
  message.broadcast = flaky.path;
  message.track = "track";
  for (const std::uint64_t code : {kUnroutable, kNotFound}) {
    auto stream = peer.open_with(lite::encode_opening(BidiType::subscribe, message, GetParam()));
    EXPECT_EQ(peer.ending(stream), code);
    ++message.id;
    flaky.stage.world.run_for(3s);  // The announcement is over.
  }
}

INSTANTIATE_TEST_SUITE_P(Lite, RouteGone,
                         testing::Values(Version::lite_01, Version::lite_02, Version::lite_03,
                                         Version::lite_04, Version::lite_05, Version::lite_06),
                         version_name);

}  // namespace
}  // namespace moq::net::hostile
