#include <algorithm>

#include "moq/net/lite/control.h"
#include "moq/net/model_test_support.h"
#include "moq/net/scripted_test_support.h"

/// GOAWAY, and what a session still does after it. moq-lite.md §6.8.
namespace moq::net::hostile {
namespace {

class GoawayRules : public testing::TestWithParam<Version> {
 protected:
  Bytes goaway(std::string_view uri) const {
    lite::Goaway message;
    message.uri = uri;
    return lite::encode_opening(BidiType::goaway, message, GetParam());
  }
  void send(Attacker& from, const Bytes& bytes) {
    auto stream = from.open_with(bytes);
    stream.send->finish();
    stage.world.run_for(50ms);
  }
  static std::optional<std::string> told(const Attacker& peer) {
    auto uri = peer.server->poll_goaway(kio::Waiter::none());
    return uri.ready() ? std::optional(*uri) : std::nullopt;
  }
  Stage stage{GetParam()};
};

TEST_P(GoawayRules, ASecondOneEndsTheSession) {
  Attacker peer(stage);
  send(peer, goaway("https://b.example/x"));
  EXPECT_EQ(told(peer), "https://b.example/x");
  EXPECT_TRUE(peer.alive());
  send(peer, goaway(""));
  EXPECT_EQ(peer.session_code(), static_cast<std::uint64_t>(SessionCode::protocol_violation));
  EXPECT_TRUE(stage.healthy_delivers());
}

TEST_P(GoawayRules, WhatIsMalformedIsIgnored) {
  Attacker peer(stage);
  peer.subscribe();
  const Bytes whole = goaway("https://b.example/x");
  for (std::size_t cut = 1; cut < whole.size(); ++cut) send(peer, whole.slice(0, cut));
  send(peer, goaway(std::string(lite::kMaxGoawayUriBytes + 1, 'x')));
  EXPECT_EQ(told(peer), std::nullopt);
  EXPECT_TRUE(peer.alive());
  send(peer, goaway(std::string(lite::kMaxGoawayUriBytes, 'x')));
  EXPECT_EQ(told(peer)->size(), lite::kMaxGoawayUriBytes);
  EXPECT_TRUE(peer.alive());
  EXPECT_TRUE(peer.delivers()) << "running subscriptions go on";
}

TEST_P(GoawayRules, IsSentOnce) {
  Attacker peer(stage);
  peer.server->goaway("");
  peer.server->goaway("https://b.example/x");
  stage.world.run_for(50ms);
  int sent = 0;
  for (const sim::StreamRecord& record : peer.control->records()) {
    const Bytes& written = record.from_server.written;
    if (record.opener == sim::Side::server && record.bidi && written == goaway("")) ++sent;
  }
  EXPECT_EQ(sent, 1);
  EXPECT_EQ(peer.control->streams_opened(sim::Side::server),
            1U + (has_setup_stream(GetParam()) ? 1U : 0U));
}

TEST_P(GoawayRules, NothingNewIsAskedOfWhoSentIt) {
  Scripted peer(stage);
  track::Consumer running = peer.read_track();
  auto asked = peer.subscribed();
  send(*peer.attacker, goaway(""));
  const std::uint64_t opened = peer.attacker->control->streams_opened(sim::Side::server);

  auto far = peer.origin.consume().find(Path::of("far"));
  track::Consumer waits = far->subscribe("audio", {.max_age = 5s});
  const track::Fetch fetch = running.fetch(7);
  peer.announce("new");
  auto fresh = peer.origin.consume().find(Path::of("new"));
  ASSERT_TRUE(fresh);
  track::Consumer waits_too = fresh->subscribe("video", {.max_age = 5s});
  // Also for a reader that wants what the running subscription was not asked for.
  track::Consumer patient = far->subscribe("video", {.max_age = 5s, .start = 0});
  stage.world.run_for(20s);
  EXPECT_EQ(peer.attacker->control->streams_opened(sim::Side::server), opened);

  auto group = peer.group({.subscribe_id = peer.subscribe.id, .sequence = 3, .frame_start = 0});
  EXPECT_EQ(take_sequences(running), (Sequences{3}));
  auto update = now_of(*std::make_unique<origin::Announced>(
                           peer.origin.consume().announced_exactly(Path::of("far"))),
                       &origin::Announced::poll_next);
  EXPECT_EQ(update.route->warm_cost, kMaxCost);
  EXPECT_EQ(update.route->cold_cost, kMaxCost);

  // The next route serves whoever waits.
  auto route = peer.origin.add_route(Path::of("far"), Route{.hops = {Scripted::kHop, 9}});
  ASSERT_TRUE(route);
  stage.world.run_for(100ms);
  std::vector<std::string> names;
  std::vector<broadcast::TrackRequest> requests;
  for (;;) {
    auto request = route->poll_requested_track(kio::Waiter::none());
    if (request.pending()) break;
    names.push_back(request->name());
    requests.push_back(*std::move(request));
  }
  std::ranges::sort(names);
  EXPECT_EQ(names, (Texts{"audio", "video"}));
}

INSTANTIATE_TEST_SUITE_P(Lite, GoawayRules,
                         testing::Values(Version::lite_04, Version::lite_05, Version::lite_06),
                         version_name);

}  // namespace
}  // namespace moq::net::hostile
