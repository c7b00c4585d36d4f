#include "moq/net/lite/announce_codec.h"
#include "moq/net/model_test_support.h"
#include "moq/net/scripted_test_support.h"

/// What is announced to whom, and what is made of what a peer announces. moq-lite.md §2.4, §6.1,
/// §7.
namespace moq::net::hostile {
namespace {

class AnnounceRules : public testing::TestWithParam<Version> {
 protected:
  transport::BidiStream ask(Attacker& client, std::string_view prefix = "",
                            std::uint64_t exclude_hop = 0) const {
    lite::AnnounceRequest request;
    request.prefix = Path::of(prefix);
    request.exclude_hop = exclude_hop;
    return client.open_with(lite::encode_opening(BidiType::announce, request, GetParam()));
  }
  /// The suffixes that are announced by now on a stream that was just opened.
  std::vector<std::string> told(transport::BidiStream& stream) {
    stage.world.run_for(100ms);
    lite::StreamReader reader(std::move(stream.recv), GetParam());
    std::vector<std::string> all;
    if (has_announce_ok(GetParam())) {
      EXPECT_TRUE(now(reader.poll_message<lite::AnnounceOk>(kio::Waiter::none())));
    }
    if (has_announce_init(GetParam())) {
      auto init = now(reader.poll_message<lite::AnnounceInit>(kio::Waiter::none()));
      EXPECT_TRUE(init && *init);
      for (const Path& suffix : (*init)->suffixes) all.push_back(suffix.text());
    }
    for (;;) {
      if (has_announce_ids(GetParam())) {
        auto next = reader.poll_typed(kio::Waiter::none(), {.max_bytes = 1000});
        if (next.pending() || !*next || !**next) return all;
        auto start = lite::decode_message<lite::AnnounceStart>((**next)->body.span(), GetParam());
        all.push_back(start->suffix.rest.text());
      } else {
        auto next = reader.poll_message<lite::Announce>(kio::Waiter::none());
        if (next.pending() || !*next || !**next) return all;
        all.push_back((**next)->suffix.text());
      }
    }
  }
  origin::Announcement publish(std::string_view path) {
    return *stage.publisher.announce(Path::of(path), stage.broadcast.consume());
  }

  Stage stage{GetParam()};
};

TEST_P(AnnounceRules, HiddenBroadcastsAreToldToThoseWhoAskBelowThemAlone) {
  const auto hidden = publish("room/.secret/a");
  const auto plain = publish("room/b");
  Attacker client(stage);
  auto all = ask(client);
  EXPECT_EQ(told(all), (Texts{"live", "room/b"}));
  auto below = ask(client, "room/.secret");
  EXPECT_EQ(told(below), (Texts{"a"}));
}

TEST_P(AnnounceRules, SoManyAnnounceStreamsAreServedAndNoMore) {
  Attacker client(stage);
  std::vector<transport::BidiStream> streams;
  for (std::size_t i = 0; i < lite::kMaxAnnounceStreams; ++i) streams.push_back(ask(client));
  stage.world.run_for(100ms);
  auto one_more = ask(client);
  EXPECT_EQ(client.ending(one_more), kInternal);
  EXPECT_EQ(told(streams.back()), (Texts{"live"}));
  streams.back().send->finish();
  streams.pop_back();
  stage.world.run_for(100ms);
  auto another = ask(client);
  EXPECT_EQ(told(another), (Texts{"live"}));
  EXPECT_TRUE(client.alive());
}

TEST_P(AnnounceRules, ARequesterThatLeavesIsAnsweredByFin) {
  Attacker client(stage);
  auto stream = ask(client);
  stage.world.run_for(100ms);
  stream.send->finish();
  EXPECT_EQ(client.ending(stream), kClean);
  EXPECT_TRUE(client.alive());
}

TEST_P(AnnounceRules, APeerIsNotToldOfWhatItAnnouncesItself) {
  // Versions that name no hops, and peers that do not tell theirs, are known by their session.
  origin::Producer shared(0x4444);
  SessionOptions options;
  options.subscribe = shared.clone();
  options.publish = shared.consume();
  Attacker peer(stage, true, std::move(options));
  auto asked = *wait_for(
      stage.world, [&](const kio::Waiter& waiter) { return peer.raw->poll_accept_bidi(waiter); });
  const Version version = GetParam();
  if (has_announce_ok(version)) {
    asked.send->write(lite::encode_message(lite::AnnounceOk{.hop = 0, .active = 1}, version));
  }
  lite::AnnounceEncoder encoder(version);
  asked.send->write(encoder.start(Path::of("mine"), {}).message);
  stage.world.run_for(100ms);
  ASSERT_TRUE(shared.consume().find(Path::of("mine")));

  broadcast::Producer other;
  const auto others = *shared.announce(Path::of("other"), other.consume());
  auto stream = ask(peer);
  EXPECT_EQ(told(stream), (Texts{"other"}));
  lite::Subscribe subscribe;
  subscribe.broadcast = Path::of("mine");
  subscribe.track = "video";
  auto refused = peer.open_with(lite::encode_opening(BidiType::subscribe, subscribe, version));
  EXPECT_EQ(peer.ending(refused), static_cast<std::uint64_t>(StreamCode::not_found));
}

TEST_P(AnnounceRules, APublishersFinEndsItsRoutesAlone) {
  Scripted peer(stage);
  ASSERT_TRUE(peer.origin.consume().find(Path::of("far")));
  peer.announcements->send->finish();
  stage.world.run_for(100ms);
  EXPECT_FALSE(peer.origin.consume().find(Path::of("far")));
  EXPECT_TRUE(peer.alive());
}

TEST_P(AnnounceRules, TheCloseThatFollowsAPublishersResetIsTheCause) {
  Scripted peer(stage);
  peer.announcements->send->reset(static_cast<std::uint32_t>(StreamCode::not_found));
  stage.world.run_for(100ms);
  peer.attacker->raw->close(static_cast<std::uint64_t>(SessionCode::unauthorized), "no");
  stage.world.run_for(100ms);
  const auto ended = peer.attacker->server->poll_closed(kio::Waiter::none());
  ASSERT_TRUE(ended.ready());
  EXPECT_EQ(ended->code, Code::unauthorized) << ended->describe();
}

TEST_P(AnnounceRules, APublishersResetEndsTheSession) {
  Scripted peer(stage);
  peer.announcements->send->reset(static_cast<std::uint32_t>(StreamCode::not_found));
  stage.world.run_for(1100ms);  // Unless a close follows, which says more.
  EXPECT_FALSE(peer.alive());
  EXPECT_TRUE(stage.healthy_delivers());
}

TEST_P(AnnounceRules, WhatIsLiveIsNotAnnouncedAgain) {
  Scripted peer(stage);
  peer.announce("far");
  if (has_announce_update(GetParam()) && !has_announce_ids(GetParam())) {
    EXPECT_TRUE(peer.alive()) << "an update, on 05";
  } else {
    EXPECT_EQ(peer.attacker->session_code(),
              static_cast<std::uint64_t>(SessionCode::protocol_violation));
  }
}

INSTANTIATE_TEST_SUITE_P(Lite, AnnounceRules,
                         testing::Values(Version::lite_01, Version::lite_02, Version::lite_03,
                                         Version::lite_04, Version::lite_05, Version::lite_06),
                         version_name);

/// What 06 adds: ids and costs.
class AnnounceIds : public testing::Test {
 protected:
  /// The route to `path` as `peer`'s subscriber knows it.
  static Route route(Scripted& peer, std::string_view path) {
    auto announced = peer.origin.consume().announced_exactly(Path::of(path));
    return *now_of(announced, &origin::Announced::poll_next).route;
  }
  Stage stage{Version::lite_06};
};

TEST_F(AnnounceIds, EndRetiresAnIdForGood) {
  Scripted peer(stage);
  peer.say(*peer.announcements, peer.typed(lite::AnnounceEnd{.id = 0}));
  EXPECT_FALSE(peer.origin.consume().find(Path::of("far")));
  EXPECT_TRUE(peer.alive());
  peer.say(*peer.announcements, peer.typed(lite::AnnounceEnd{.id = 0}));
  EXPECT_EQ(peer.attacker->session_code(),
            static_cast<std::uint64_t>(SessionCode::protocol_violation));
}

TEST_F(AnnounceIds, UpdateOfWhatIsNotLiveEndsTheSession) {
  Scripted peer(stage);
  peer.say(*peer.announcements, peer.typed(lite::AnnounceUpdate{.id = 1, .hops = {}, .costs = {}}));
  EXPECT_EQ(peer.attacker->session_code(),
            static_cast<std::uint64_t>(SessionCode::protocol_violation));
}

TEST_F(AnnounceIds, CountAlsoWhatIsOfNoUse) {
  Scripted peer(stage);
  peer.announce("loop", {}, {7, 0x3333, 9});  // Through ourselves.
  peer.announce("third");
  EXPECT_FALSE(peer.origin.consume().find(Path::of("loop")));
  peer.say(*peer.announcements, peer.typed(lite::AnnounceEnd{.id = 2}));
  EXPECT_FALSE(peer.origin.consume().find(Path::of("third")));
  EXPECT_TRUE(peer.origin.consume().find(Path::of("far")));
  EXPECT_TRUE(peer.alive());
}

TEST_F(AnnounceIds, UnknownTypesAreSkippedWithoutANumber) {
  Scripted peer(stage);
  Writer unknown(varint_kind(Version::lite_06));
  peer.say(*peer.announcements, unknown.varint(9).varint(3).bytes(as_bytes("abc")).take());
  peer.announce("second");
  peer.say(*peer.announcements, peer.typed(lite::AnnounceEnd{.id = 1}));
  EXPECT_FALSE(peer.origin.consume().find(Path::of("second")));
  EXPECT_TRUE(peer.alive());
}

TEST_F(AnnounceIds, TheHopOfTheSenderIsAddedAndAChainThatHoldsItGivesNoRoute) {
  Scripted peer(stage);
  peer.announce("near", {}, {7});
  EXPECT_EQ(route(peer, "near").hops, (std::vector<std::uint64_t>{7, Scripted::kHop}));
  peer.announce("twice", {}, {7, Scripted::kHop});
  EXPECT_FALSE(peer.origin.consume().find(Path::of("twice")));
  lite::HopChain full;
  for (std::uint64_t i = 0; i < lite::kMaxHops; ++i) full.push_back(100 + i);
  peer.announce("too far", {}, full);
  EXPECT_FALSE(peer.origin.consume().find(Path::of("too far")));
  full.pop_back();
  peer.announce("far enough", {}, full);
  EXPECT_TRUE(peer.origin.consume().find(Path::of("far enough")));
  EXPECT_TRUE(peer.alive());
}

TEST_F(AnnounceIds, TheLinkCostsWhatWeSayElseWhatThePeerSaysElseOne) {
  Scripted plain(stage);
  plain.announce("a", {.warm = 10, .cold = 20});
  EXPECT_EQ(route(plain, "a").warm_cost, 11U);
  EXPECT_EQ(route(plain, "a").cold_cost, 21U);

  lite::Setup setup;
  setup.cost = 100;
  Scripted told(stage, setup);
  told.announce("a", {.warm = 10, .cold = kMaxCost - 50});
  EXPECT_EQ(route(told, "a").warm_cost, 110U);
  EXPECT_EQ(route(told, "a").cold_cost, kMaxCost) << "sums stay within what the wire holds";

  Scripted configured(stage, setup, 5);
  configured.announce("a", {.warm = 10, .cold = 20});
  EXPECT_EQ(route(configured, "a").warm_cost, 15U);
}

TEST(AnnounceCosts, AreUnknownBefore06) {
  Stage stage(Version::lite_05);
  Scripted peer(stage, {}, 5);
  auto announced = peer.origin.consume().announced_exactly(Path::of("far"));
  const auto update = now_of(announced, &origin::Announced::poll_next);
  EXPECT_EQ(update.route->warm_cost, 0U);
  EXPECT_EQ(update.route->cold_cost, kMaxCost);
}

}  // namespace
}  // namespace moq::net::hostile
