#include "moq/net/moqt/limits.h"
#include "moq/net/moqt/scripted_test_support.h"

/// Tracks that are published because the peer asked for all below a prefix, in each draft that has
/// such a request.
namespace moq::net::moqt {
namespace {

/// A peer that asks for the tracks below "live", and what it is offered.
struct Wishing {
  explicit Wishing(Draft draft) : stage(draft) { stage.publish("live/cam"); }

  [[nodiscard]] Draft draft() const { return stage.draft; }
  [[nodiscard]] Peer& peer() { return *stage.peer; }
  void pass(Duration time = 50ms) { stage.world.run_for(time); }

  Message wish_for(const Parameters& wanted, std::vector<std::string> prefix = {"live"}) const {
    if (has_subscribe_tracks(draft())) {
      return SubscribeTracks{.prefix = {std::move(prefix)}, .parameters = wanted};
    }
    return SubscribeNamespace{.prefix = {std::move(prefix)},
                              .wants = SubscribeNamespace::Wants::publish,
                              .parameters = wanted};
  }
  /// What a peer wants that is from the next object on: told in the wish, or in its answer.
  [[nodiscard]] Parameters from_next() const {
    Parameters wanted;
    if (!decides_in_publish_ok(draft())) wanted.filter = LocationFilter::next_object();
    return wanted;
  }
  void ask() { ask(from_next()); }
  void ask(const Parameters& wanted) {
    if (!stage.session) stage.start();
    wish = peer().ask(wish_for(wanted));
    peer().answer_as<RequestOk>(*wish);
  }
  /// The next PUBLISH; what else is asked of the peer waits.
  Peer::Asked next_publish() {
    for (;;) {
      auto asked = peer().next_request();
      if (std::holds_alternative<Publish>(asked.message)) return asked;
      others.push_back(std::move(asked));
    }
  }
  static const Publish& offer_of(const Peer::Asked& asked) {
    return std::get<Publish>(asked.message);
  }
  /// Accepts it, from the next object on.
  void accept(Peer::Asked& asked, std::optional<bool> forward = std::nullopt) {
    RequestOk ok;
    if (decides_in_publish_ok(draft())) {
      ok.parameters.forward = forward.value_or(offer_of(asked).parameters.forward.value_or(true));
      ok.parameters.filter = LocationFilter::next_object();
    }
    peer().say(asked, ok);
    pass();
  }
  Peer::Asked accepted() {
    auto asked = next_publish();
    accept(asked);
    return asked;
  }
  void set_forward(Peer::Asked& asked, bool forward) {
    Parameters change;
    change.forward = forward;
    peer().update(asked, change);
    peer().answer_as<RequestOk>(asked);
  }
  void cancel(Peer::Asked& asked) {
    if (has_request_streams(draft())) {
      peer().cancel(asked);
    } else {
      peer().say(Unsubscribe{asked.id});
    }
    pass();
  }
  /// The streams with objects that have begun, as "group@alias: 0:a,1:b".
  std::string next_stream() {
    auto data = peer().next_data();
    EXPECT_EQ(stream_kind(data.type, draft()), StreamKind::subgroup);
    auto header = run_until_ready(stage.world, [&](const Waiter& waiter) {
      return data.reader.poll_subgroup_header(waiter, data.type);
    });
    std::string all = std::to_string(header->group) + "@" + std::to_string(header->track_alias);
    while (auto got = next_object(stage.world, data.reader)) {
      all += " " + std::to_string(got->object.object) + ":" + got->payload;
    }
    return all;
  }
  /// Nothing was asked of the peer since.
  [[nodiscard]] bool offered_nothing() {
    pass(100ms);
    // What is asked now comes after whatever was asked before.
    auto marker = *marked.create_track("marker");
    auto asked = next_publish();
    return offer_of(asked).name.name == "marker";
  }
  void mark() {
    stage.announcements.push_back(*stage.origin.announce(Path::of("live/mark"), marked.consume()));
  }

  Stage stage;
  broadcast::Producer marked;
  std::optional<Peer::Asked> wish;
  std::vector<Peer::Asked> others;
};

class TrackPusherTest : public testing::TestWithParam<Draft> {};
INSTANTIATE_TEST_SUITE_P(Drafts, TrackPusherTest, testing::ValuesIn(drafts(16, 22)), DraftName());

TEST_P(TrackPusherTest, PublishesATrackThatIsThere) {
  Wishing wishing(GetParam());
  auto track = wishing.stage.create_track("video", {.timescale = 1000});
  auto group = Stage::write_group(track, 7, {"a", "b"});
  wishing.ask();
  auto asked = wishing.next_publish();
  const Publish& offer = Wishing::offer_of(asked);
  EXPECT_EQ(offer.name, name_of_video());
  EXPECT_EQ(offer.track_alias, asked.id);
  EXPECT_EQ(offer.parameters.largest, (Location{7, 1}));
  EXPECT_EQ(offer.parameters.forward, true);
  EXPECT_EQ(offer.track.timescale, 1000U);
  // What comes before the answer is not lost.
  ASSERT_TRUE(group.write_frame(7002, Bytes::copy("c")));
  std::move(group).finish();
  std::move(Stage::write_group(track, 8, {"d"})).finish();
  wishing.accept(asked);
  const std::string alias = "@" + std::to_string(asked.id);
  // The newest goes first.
  EXPECT_EQ(wishing.next_stream(), "8" + alias + " 0:d");
  EXPECT_EQ(wishing.next_stream(), "7" + alias + " 2:c");
}

TEST_P(TrackPusherTest, PublishesWhatComesLater) {
  Wishing wishing(GetParam());
  wishing.ask();
  auto video = wishing.stage.create_track("video");
  EXPECT_EQ(Wishing::offer_of(wishing.next_publish()).name.name, "video");
  auto audio = wishing.stage.create_track("audio");
  EXPECT_EQ(Wishing::offer_of(wishing.next_publish()).name.name, "audio");
  wishing.mark();
  auto marker = *wishing.marked.create_track("marker");
  EXPECT_EQ(Wishing::offer_of(wishing.next_publish()).name.track_namespace.fields,
            (std::vector<std::string>{"live", "mark"}));
}

TEST_P(TrackPusherTest, LeavesOutWhatIsElsewhereOrHidden) {
  Wishing wishing(GetParam());
  broadcast::Producer other;
  auto unseen = *other.create_track("unseen");
  wishing.stage.announcements.push_back(
      *wishing.stage.origin.announce(Path::of("other/cam"), other.consume()));
  wishing.stage.announcements.push_back(
      *wishing.stage.origin.announce(Path::of("live/.cam"), other.consume()));
  wishing.mark();
  wishing.ask();
  EXPECT_TRUE(wishing.offered_nothing());
}

TEST_P(TrackPusherTest, RestsUntilItIsForwarded) {
  Wishing wishing(GetParam());
  auto track = wishing.stage.create_track("video");
  Parameters wanted = wishing.from_next();
  wanted.forward = false;
  // 16 and 17 know the parameter only in the answer.
  const bool in_wish = has_subscribe_tracks(GetParam());
  wishing.ask(in_wish ? wanted : wishing.from_next());
  auto asked = wishing.next_publish();
  EXPECT_EQ(Wishing::offer_of(asked).parameters.forward, !in_wish);
  wishing.accept(asked, false);
  std::move(Stage::write_group(track, 7, {"a"})).finish();
  wishing.pass();
  wishing.set_forward(asked, true);
  std::move(Stage::write_group(track, 8, {"b"})).finish();
  const std::string first = wishing.next_stream();
  // The stream of the group before, for the end of that.
  EXPECT_EQ(first, "7@" + std::to_string(asked.id));
  EXPECT_EQ(wishing.next_stream(), "8@" + std::to_string(asked.id) + " 0:b");
  wishing.set_forward(asked, false);
  std::move(Stage::write_group(track, 9, {"c"})).finish();
  wishing.set_forward(asked, true);
  std::move(Stage::write_group(track, 10, {"d"})).finish();
  EXPECT_EQ(wishing.next_stream(), "9@" + std::to_string(asked.id));
}

TEST_P(TrackPusherTest, BeginsWhereTheAnswerSays) {
  if (!decides_in_publish_ok(GetParam())) GTEST_SKIP() << "the answer decides nothing";
  Wishing wishing(GetParam());
  auto track = wishing.stage.create_track("video");
  for (std::uint64_t i = 3; i < 7; ++i) std::move(Stage::write_group(track, i, {"a"})).finish();
  wishing.ask();
  auto asked = wishing.next_publish();
  RequestOk ok;
  ok.parameters.filter = LocationFilter::from({4, 0}, RangeEnd{.group = 5});
  wishing.peer().say(asked, ok);
  // The newest goes first.
  EXPECT_EQ(wishing.next_stream(), "5@" + std::to_string(asked.id) + " 0:a");
  EXPECT_EQ(wishing.next_stream(), "4@" + std::to_string(asked.id) + " 0:a");
  EXPECT_EQ(wishing.peer().answer_as<PublishDone>(asked).stream_count, 2U);
}

TEST_P(TrackPusherTest, EndsAnAnswerThatMakesNoSense) {
  if (!decides_in_publish_ok(GetParam())) GTEST_SKIP() << "the answer decides nothing";
  Wishing wishing(GetParam());
  auto track = wishing.stage.create_track("video");
  wishing.ask();
  auto asked = wishing.next_publish();
  RequestOk ok;
  if (has_delta_end_group(GetParam())) GTEST_SKIP() << "it cannot be said";
  ok.parameters.filter = LocationFilter::from({4, 3}, RangeEnd{.group = 3});
  wishing.peer().say(asked, ok);
  EXPECT_EQ(wishing.peer().answer_as<PublishDone>(asked).code, DoneCode::internal);
}

TEST_P(TrackPusherTest, TellsTheEndOfTheTrack) {
  Wishing wishing(GetParam());
  auto track = wishing.stage.create_track("video");
  wishing.ask();
  auto asked = wishing.accepted();
  std::move(Stage::write_group(track, 0, {"a"})).finish();
  std::move(track).finish();
  const std::string alias = "@" + std::to_string(asked.id);
  EXPECT_EQ(wishing.next_stream(), "0" + alias + " 0:a");
  EXPECT_EQ(wishing.next_stream(), "1" + alias + " 0:");  // END_OF_TRACK.
  const auto done = wishing.peer().answer_as<PublishDone>(asked);
  EXPECT_EQ(done.code, DoneCode::track_ended);
  EXPECT_EQ(done.stream_count, 2U);
}

TEST_P(TrackPusherTest, TellsTheEndOfATrackThatRests) {
  Wishing wishing(GetParam());
  auto track = wishing.stage.create_track("video");
  Parameters wanted = wishing.from_next();
  wanted.forward = false;
  wishing.ask(wanted);
  auto asked = wishing.next_publish();
  wishing.accept(asked, false);
  std::move(track).finish();
  const auto done = wishing.peer().answer_as<PublishDone>(asked);
  EXPECT_EQ(done.code, DoneCode::track_ended);
  EXPECT_EQ(done.stream_count, 0U);
}

TEST_P(TrackPusherTest, OffersWhatWasRefusedOnlyOnceItBeginsAnew) {
  Wishing wishing(GetParam());
  wishing.mark();
  auto track = wishing.stage.create_track("video");
  wishing.ask();
  auto asked = wishing.next_publish();
  RequestError refusal;
  refusal.code = RequestCode::uninterested;
  wishing.peer().say(asked, refusal);
  std::move(Stage::write_group(track, 0, {"a"})).finish();
  EXPECT_TRUE(wishing.offered_nothing());
  std::move(track).finish();
  auto again = wishing.stage.create_track("video");
  EXPECT_EQ(Wishing::offer_of(wishing.next_publish()).name.name, "video");
  EXPECT_TRUE(wishing.peer().alive());
}

TEST_P(TrackPusherTest, StopsOnceThePeerLeaves) {
  Wishing wishing(GetParam());
  wishing.mark();
  auto track = wishing.stage.create_track("video");
  wishing.ask();
  auto asked = wishing.accepted();
  wishing.cancel(asked);
  std::move(Stage::write_group(track, 0, {"a"})).finish();
  EXPECT_TRUE(wishing.offered_nothing());
  EXPECT_TRUE(wishing.peer().raw->poll_accept_uni(Waiter::none()).pending());
  EXPECT_TRUE(wishing.peer().alive());
}

TEST_P(TrackPusherTest, WhatWasAcceptedOutlivesTheWish) {
  Wishing wishing(GetParam());
  auto track = wishing.stage.create_track("video");
  wishing.ask();
  auto asked = wishing.accepted();
  wishing.peer().cancel(*wishing.wish);
  wishing.pass();
  auto audio = wishing.stage.create_track("audio");
  wishing.pass(100ms);
  std::move(Stage::write_group(track, 0, {"a"})).finish();
  EXPECT_EQ(wishing.next_stream(), "0@" + std::to_string(asked.id) + " 0:a");
  if (!has_request_streams(GetParam())) return;
  while (auto opened = wishing.peer().raw->poll_accept_bidi(Waiter::none())) {
    StreamReader reader(std::move((*opened)->recv), GetParam());
    const auto first = reader.poll_message(Waiter::none());
    ASSERT_TRUE(first.ready());
    // A broadcast is offered for other reasons.
    EXPECT_TRUE(std::holds_alternative<PublishNamespace>(***first));
  }
}

TEST_P(TrackPusherTest, LeavesOutWhatThePeerSubscribesTo) {
  Wishing wishing(GetParam());
  wishing.mark();
  auto track = wishing.stage.create_track("video");
  wishing.stage.start();
  Subscribe subscribe;
  subscribe.track = name_of_video();
  subscribe.parameters.filter = LocationFilter::next_object();
  auto subscription = wishing.peer().ask(subscribe);
  wishing.peer().answer_as<SubscribeOk>(subscription);
  wishing.ask();
  EXPECT_TRUE(wishing.offered_nothing());
  std::move(Stage::write_group(track, 0, {"a"})).finish();
  EXPECT_EQ(wishing.next_stream(), "0@" + std::to_string(subscription.id) + " 0:a");
  wishing.pass();
  EXPECT_TRUE(wishing.peer().raw->poll_accept_uni(Waiter::none()).pending());
}

TEST_P(TrackPusherTest, GivesWayToASubscription) {
  for (const bool answered : {true, false}) {
    Wishing wishing(GetParam());
    auto track = wishing.stage.create_track("video");
    wishing.ask();
    auto asked = wishing.next_publish();
    if (answered) wishing.accept(asked);
    Subscribe subscribe;
    subscribe.track = name_of_video();
    subscribe.parameters.filter = LocationFilter::next_object();
    auto subscription = wishing.peer().ask(subscribe);
    wishing.peer().answer_as<SubscribeOk>(subscription);
    const auto done = wishing.peer().answer_as<PublishDone>(asked);
    EXPECT_EQ(done.code,
              GetParam() <= Draft::d19 ? DoneCode::subscription_ended : DoneCode::track_ended);
    std::move(Stage::write_group(track, 0, {"a"})).finish();
    EXPECT_EQ(wishing.next_stream(), "0@" + std::to_string(subscription.id) + " 0:a");
    wishing.pass();
    EXPECT_TRUE(wishing.peer().raw->poll_accept_uni(Waiter::none()).pending());
  }
}

TEST_P(TrackPusherTest, OffersATrackOnceToOverlappingWishes) {
  Wishing wishing(GetParam());
  wishing.mark();
  auto track = wishing.stage.create_track("video");
  wishing.ask();
  auto asked = wishing.accepted();
  auto second = wishing.peer().ask(wishing.wish_for(wishing.from_next(), {}));
  wishing.peer().answer_as<RequestOk>(second);
  EXPECT_TRUE(wishing.offered_nothing());
}

TEST_P(TrackPusherTest, TakesFewOffersAtATime) {
  Wishing wishing(GetParam());
  std::vector<track::Producer> tracks;
  for (std::size_t i = 0; i < kMaxPushes; ++i) {
    tracks.push_back(wishing.stage.create_track("t" + std::to_string(i)));
  }
  wishing.ask();
  std::vector<Peer::Asked> asked;
  for (std::size_t i = 0; i < kMaxPushes; ++i) asked.push_back(wishing.next_publish());
  auto more = wishing.stage.create_track("video");
  if (has_publish_blocked(GetParam())) {
    const auto blocked = wishing.peer().answer_as<PublishBlocked>(*wishing.wish);
    EXPECT_EQ(blocked.suffix.track_namespace.fields, (std::vector<std::string>{"cam"}));
    EXPECT_EQ(blocked.suffix.name, "video");
  }
  wishing.pass();
  // One that ends makes room.
  RequestError refusal;
  refusal.code = RequestCode::uninterested;
  wishing.peer().say(asked.front(), refusal);
  wishing.pass();
  auto last = wishing.stage.create_track("last");
  EXPECT_EQ(Wishing::offer_of(wishing.next_publish()).name.name, "last");
}

TEST_P(TrackPusherTest, TakesFewWishesAtATime) {
  Wishing wishing(GetParam());
  wishing.stage.start();
  std::vector<Peer::Asked> wishes;
  for (std::size_t i = 0; i < kMaxPushWishes; ++i) {
    wishes.push_back(wishing.peer().ask(wishing.wish_for({})));
    wishing.peer().answer_as<RequestOk>(wishes.back());
  }
  auto more = wishing.peer().ask(wishing.wish_for({}));
  wishing.peer().answer_as<RequestError>(more);
  wishing.peer().cancel(wishes.front());
  wishing.pass();
  auto again = wishing.peer().ask(wishing.wish_for({}));
  wishing.peer().answer_as<RequestOk>(again);
}

TEST_P(TrackPusherTest, TakesChangesOfAWish) {
  if (!has_subscribe_tracks(GetParam())) GTEST_SKIP() << "not in this draft";
  Wishing wishing(GetParam());
  wishing.ask();
  Parameters change;
  change.forward = false;
  wishing.peer().update(*wishing.wish, change);
  wishing.peer().answer_as<RequestOk>(*wishing.wish);
  auto track = wishing.stage.create_track("video");
  EXPECT_EQ(Wishing::offer_of(wishing.next_publish()).parameters.forward, false);
  change.namespace_prefix = TrackNamespace{{"other"}};
  wishing.peer().update(*wishing.wish, change);
  wishing.peer().answer_as<RequestError>(*wishing.wish);
  EXPECT_TRUE(wishing.peer().alive());
}

TEST_P(TrackPusherTest, ListsNamespacesTooWhereBothAreWanted) {
  if (!has_namespace_options(GetParam())) GTEST_SKIP() << "not in this draft";
  Wishing wishing(GetParam());
  auto track = wishing.stage.create_track("video");
  wishing.stage.start();
  auto both = wishing.peer().ask(SubscribeNamespace{
      .prefix = {{"live"}}, .wants = SubscribeNamespace::Wants::both, .parameters = {}});
  wishing.peer().answer_as<RequestOk>(both);
  EXPECT_EQ(wishing.peer().answer_as<Namespace>(both).suffix.fields,
            (std::vector<std::string>{"cam"}));
  EXPECT_EQ(Wishing::offer_of(wishing.next_publish()).name, name_of_video());
}

TEST_P(TrackPusherTest, RefusesWhatItCannotServe) {
  Wishing wishing(GetParam());
  wishing.stage.start();
  auto unnamed = wishing.peer().ask(wishing.wish_for({}, {"\xff"}));
  EXPECT_EQ(wishing.peer().answer_as<RequestError>(unnamed).code, RequestCode::does_not_exist);
  if (GetParam() >= Draft::d20) {
    Parameters wanted;
    wanted.filter = LocationFilter::from({4, 3}, RangeEnd{4, 1});
    auto reversed = wishing.peer().ask(wishing.wish_for(wanted));
    EXPECT_EQ(wishing.peer().answer_as<RequestError>(reversed).code, RequestCode::invalid_range);
  }
  if (has_range_filters(GetParam()) && has_subscribe_tracks(GetParam())) {
    Parameters wanted;
    wanted.ranges.push_back({.of = RangeFilter::Of::subgroup, .ranges = {{0, 1}}});
    auto ranges = wishing.peer().ask(wishing.wish_for(wanted));
    EXPECT_EQ(wishing.peer().answer_as<RequestError>(ranges).code, RequestCode::not_supported);
  }
  EXPECT_TRUE(wishing.peer().alive());
}

/// A relay, whose tracks others have: one route, and who serves it.
struct Relay {
  explicit Relay(Draft draft) : wishing(draft) {
    route = *wishing.stage.origin.add_route(Path::of("live/far"), Route{.hops = {9}});
  }
  /// The track that somebody here reads becomes active.
  void serve() {
    auto request = route->poll_requested_track(Waiter::none());
    ASSERT_TRUE(request.ready());
    track = *(*std::move(request)).accept({});
  }
  broadcast::Consumer far() { return *wishing.stage.origin.consume().find(Path::of("live/far")); }

  Wishing wishing;
  std::optional<origin::RemoteRoute> route;
  std::optional<track::Producer> track;
};

TEST_P(TrackPusherTest, PublishesWhatARelayHasBecauseOfItsReaders) {
  Relay relay(GetParam());
  relay.wishing.mark();
  relay.wishing.ask();
  EXPECT_TRUE(relay.wishing.offered_nothing());
  std::optional<track::Consumer> reader = relay.far().subscribe("video", {.max_age = 5s});
  relay.wishing.pass();
  relay.serve();
  auto asked = relay.wishing.next_publish();
  EXPECT_EQ(Wishing::offer_of(asked).name.track_namespace.fields,
            (std::vector<std::string>{"live", "far"}));
  relay.wishing.accept(asked, false);
  relay.wishing.set_forward(asked, true);
  std::move(Stage::write_group(*relay.track, 3, {"a"})).finish();
  EXPECT_EQ(relay.wishing.next_stream(), "3@" + std::to_string(asked.id) + " 0:a");
  // It counts as a reader of its own, as any subscription does.
  reader.reset();
  relay.wishing.pass();
  EXPECT_TRUE(relay.track->poll_unused(Waiter::none()).pending());
  // Where it rests it does not, and goes with the last one.
  relay.wishing.set_forward(asked, false);
  EXPECT_TRUE(relay.track->poll_unused(Waiter::none()).ready());
  std::move(*relay.track).give_back();
  relay.track.reset();
  relay.wishing.peer().answer_as<PublishDone>(asked);
}

TEST_P(TrackPusherTest, LeavesOutWhatThePeerItselfPublishes) {
  Wishing wishing(GetParam());
  wishing.mark();
  SessionOptions options;
  options.publish = wishing.stage.origin.consume();
  options.subscribe = wishing.stage.origin.clone();
  wishing.stage.start(std::move(options));
  Publish own;
  own.name = {.track_namespace = {{"live", "own"}}, .name = "video"};
  own.track_alias = 5;
  auto offered = wishing.peer().ask(own);
  wishing.peer().answer_as<RequestOk>(offered);
  // Another way leads there, too, so that the broadcast is not the peer's alone.
  auto other = *wishing.stage.origin.add_route(
      Path::of("live/own"), Route{.hops = {0}, .warm_cost = kMaxCost, .cold_cost = kMaxCost});
  auto reader = wishing.stage.origin.consume().find(Path::of("live/own"))->subscribe("video");
  wishing.pass();
  wishing.ask();
  EXPECT_TRUE(wishing.offered_nothing());
}

}  // namespace
}  // namespace moq::net::moqt
