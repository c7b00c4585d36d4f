#include "moq/net/origin.h"

#include "moq/net/internal/origin_state.h"
#include "moq/net/model_test_support.h"

namespace moq::net {
namespace {

using kio::Waiter;

/// "+a/b" announced, "-a/b" gone, "*a/b" started over, "=a/b" another route.
std::string describe(const origin::Update& update, std::set<std::string>& known) {
  const std::string& path = update.path.text();
  if (!update.route) {
    known.erase(path);
    return "-" + path;
  }
  EXPECT_TRUE(update.broadcast);
  if (update.restarted) return "*" + path;
  return (known.insert(path).second ? "+" : "=") + path;
}

/// A watcher and what it was told.
struct Watcher {
  explicit Watcher(origin::Announced watched) : announced(std::move(watched)) {}
  Texts take() {
    Texts all;
    for (;;) {
      auto update = announced.poll_next(Waiter::none());
      if (update.pending()) return all;
      last = std::move(*update);
      all.push_back(describe(*last, known));
    }
  }
  origin::Announced announced;
  std::set<std::string> known;
  std::optional<origin::Update> last;
};

struct Stage {
  origin::Announcement announce(std::string_view path, const net::Route& route = {}) {
    auto announcement = origin.announce(Path::of(path), broadcast.consume(), route);
    EXPECT_TRUE(announcement);
    return *std::move(announcement);
  }
  origin::RemoteRoute route(std::string_view path, std::vector<std::uint64_t> hops,
                            std::uint64_t warm = 0, std::uint64_t cold = 0) {
    auto added = origin.add_route(Path::of(path), net::Route{std::move(hops), warm, cold});
    EXPECT_TRUE(added);
    return *std::move(added);
  }
  Watcher watch(std::string_view prefix = "", std::uint64_t exclude_hop = 0) const {
    return Watcher(origin.consume().announced(Path::of(prefix), exclude_hop));
  }
  origin::Producer origin{1};
  broadcast::Producer broadcast;
};

TEST(Origin, AnnouncementsAreSeenBeforeAndAfterWatching) {
  sim::World world;
  Stage stage;
  EXPECT_EQ(stage.origin.hop(), 1U);
  EXPECT_EQ(stage.origin.consume().hop(), 1U);
  auto a = stage.announce("a");
  Watcher watcher = stage.watch();
  EXPECT_EQ(watcher.take(), (Texts{"+a"}));
  Watch next(world, [&](const Waiter& waiter) { return watcher.announced.poll_next(waiter); });
  EXPECT_FALSE(next.woken());
  auto b = stage.announce("b");
  EXPECT_TRUE(next.woken());
  {
    const origin::Announcement gone = std::move(b);
  }
  EXPECT_EQ(watcher.take(), (Texts{"-b"}));
  EXPECT_EQ(a.path(), Path::of("a"));
}

TEST(Origin, ABroadcastIsFoundByItsWholePath) {
  Stage stage;
  auto announcement = stage.announce("room/alice");
  const origin::Consumer consumer = stage.origin.consume();
  ASSERT_TRUE(consumer.find(Path::of("room/alice")));
  EXPECT_TRUE(consumer.find(Path::of("room/alice"))->same_broadcast(stage.broadcast.consume()));
  EXPECT_FALSE(consumer.find(Path::of("room")));
  EXPECT_FALSE(consumer.find(Path::of("room/alice/x")));
}

TEST(Origin, DroppingAnAnnouncementLeavesTheBroadcast) {
  Stage stage;
  track::Producer track = *stage.broadcast.create_track("video");
  std::optional<origin::Announcement> announcement = stage.announce("a");
  broadcast::Consumer found = *stage.origin.consume().find(Path::of("a"));
  announcement.reset();
  EXPECT_TRUE(found.poll_closed(Waiter::none()).pending());
  track::Consumer reader = found.subscribe("video", kEverything);
  write_group(track, 0, 0);
  EXPECT_EQ(take_sequences(reader), (Sequences{0}));
}

TEST(Origin, PrefixesMatchBySegment) {
  Stage stage;
  std::vector<origin::Announcement> kept;
  for (const auto* path : {"foo", "foo/bar", "foobar", "foo!", "foo/bar/baz", "other"}) {
    kept.push_back(stage.announce(path));
  }
  EXPECT_EQ(stage.watch("foo").take(), (Texts{"+foo", "+foo/bar", "+foo/bar/baz"}));
  EXPECT_EQ(stage.watch("foo/bar").take(), (Texts{"+foo/bar", "+foo/bar/baz"}));
  EXPECT_EQ(stage.watch("fo").take(), (Texts{}));
  EXPECT_EQ(Watcher(stage.origin.consume().announced_exactly(Path::of("foo"))).take(),
            (Texts{"+foo"}));
  Watcher later = stage.watch("foo");
  later.take();
  kept.push_back(stage.announce("fool/x"));
  kept.push_back(stage.announce("foo/y"));
  EXPECT_EQ(later.take(), (Texts{"+foo/y"}));
}

TEST(Origin, WhatComesAndGoesBetweenTwoPollsIsNotReported) {
  Stage stage;
  Watcher watcher = stage.watch();
  {
    auto brief = stage.announce("brief");
  }
  EXPECT_EQ(watcher.take(), (Texts{}));
  auto stays = stage.announce("stays");
  EXPECT_EQ(watcher.take(), (Texts{"+stays"}));
  {
    const origin::Announcement gone = std::move(stays);
  }
  auto again = stage.announce("stays");
  EXPECT_EQ(watcher.take(), (Texts{}));  // The same broadcast over the same route.
}

TEST(Origin, AnotherBroadcastUnderOnePathIsARestart) {
  Stage stage;
  std::optional<origin::Announcement> first = stage.announce("a");
  Watcher watcher = stage.watch();
  EXPECT_EQ(watcher.take(), (Texts{"+a"}));
  first.reset();
  const broadcast::Producer other;
  auto second = stage.origin.announce(Path::of("a"), other.consume());
  EXPECT_EQ(watcher.take(), (Texts{"*a"}));
  EXPECT_TRUE(watcher.last->broadcast->same_broadcast(other.consume()));
}

TEST(Origin, TheNewestAnnouncementOfAPathWins) {
  Stage stage;
  auto first = stage.announce("a");
  const broadcast::Producer other;
  {
    auto second = stage.origin.announce(Path::of("a"), other.consume());
    EXPECT_TRUE(stage.origin.consume().find(Path::of("a"))->same_broadcast(other.consume()));
  }
  EXPECT_TRUE(
      stage.origin.consume().find(Path::of("a"))->same_broadcast(stage.broadcast.consume()));
}

TEST(Origin, OneThatChangesOftenDoesNotHoldBackOthers) {
  Stage stage;
  auto a = stage.announce("a");
  auto b = stage.announce("b");
  Watcher watcher = stage.watch();
  auto first = now(watcher.announced.poll_next(Waiter::none()));
  EXPECT_EQ(first.path, Path::of("a"));
  a.update({.warm_cost = 1});
  auto second = now(watcher.announced.poll_next(Waiter::none()));
  EXPECT_EQ(second.path, Path::of("b"));
  auto third = now(watcher.announced.poll_next(Waiter::none()));
  EXPECT_EQ(third.path, Path::of("a"));
  EXPECT_EQ(third.route->warm_cost, 1U);
  EXPECT_FALSE(third.restarted);
}

TEST(Origin, PathsThatCameAndWentLeaveNothingWithAWatcherThatSleeps) {
  origin::State state(1);
  auto listener = std::make_shared<origin::Listener>();
  state.listeners.insert(listener);
  for (int i = 0; i < 1000; ++i) {
    const Path path = Path::of("room/" + std::to_string(i));
    origin::RouteEntry entry;
    entry.route.hops = {9};
    state.remove(path, *state.add(path, std::move(entry)));
  }
  EXPECT_EQ(listener->marked(), 0U);
  EXPECT_EQ(state.entries.size(), 0U);
}

TEST(OriginSweep, PathsThatAreStillReadAreForgottenOnceTheyAreNot) {
  origin::State state(1);
  std::vector<std::shared_ptr<broadcast::State>> read;
  const auto come_and_go = [&state, &read](int i, bool keep) {
    const Path path = Path::of(std::to_string(i));
    origin::RouteEntry entry;
    const std::uint64_t id = *state.add(path, std::move(entry));
    if (keep) read.push_back(state.entries.at(path).front);
    state.remove(path, id);
  };
  for (int i = 0; i < 100; ++i) come_and_go(i, true);
  EXPECT_EQ(state.entries.size(), 100U);
  read.clear();
  for (int i = 100; i < 400; ++i) come_and_go(i, false);
  EXPECT_EQ(state.entries.size(), 0U);
}

TEST(OriginScope, APathIsSeenFromItsRoot) {
  Stage stage;
  const origin::Producer room = *stage.origin.scope(Path::of("room"));
  origin::Producer writer = room.clone();
  auto announcement = writer.announce(Path::of("alice"), stage.broadcast.consume());
  ASSERT_TRUE(announcement);
  EXPECT_EQ(stage.watch().take(), (Texts{"+room/alice"}));
  EXPECT_EQ(Watcher(room.consume().announced()).take(), (Texts{"+alice"}));
  EXPECT_TRUE(room.consume().find(Path::of("alice")));
  const origin::Consumer deeper = *stage.origin.consume().scope(Path::of("room/alice"));
  EXPECT_EQ(Watcher(deeper.announced()).take(), (Texts{"+"}));
  EXPECT_TRUE(deeper.find(Path()));
}

TEST(OriginScope, FiltersNarrowEachOther) {
  Stage stage;
  const auto short_paths = [](const Path& path) { return path.segment_count() <= 2; };
  const auto not_secret = [](const Path& path) { return path.text() != "secret"; };
  origin::Producer outer = *stage.origin.scope(Path(), short_paths);
  origin::Producer inner = *outer.scope(Path::of("room"), not_secret);
  EXPECT_TRUE(inner.announce(Path::of("alice"), stage.broadcast.consume()));
  EXPECT_EQ(code_of(inner.announce(Path::of("secret"), stage.broadcast.consume())),
            Code::unauthorized);
  EXPECT_EQ(code_of(inner.announce(Path::of("a/b"), stage.broadcast.consume())),
            Code::unauthorized);
  EXPECT_EQ(code_of(inner.add_route(Path::of("secret"), {})), Code::unauthorized);

  std::vector<origin::Announcement> kept;
  for (const auto* path : {"room/alice", "room/secret", "room/a/b", "x"}) {
    kept.push_back(stage.announce(path));
  }
  EXPECT_EQ(Watcher(inner.consume().announced()).take(), (Texts{"+alice"}));
  EXPECT_EQ(Watcher(outer.consume().announced()).take(),
            (Texts{"+room/alice", "+room/secret", "+x"}));
  EXPECT_FALSE(inner.consume().find(Path::of("secret")));
  EXPECT_TRUE(inner.consume().find(Path::of("alice")));
}

TEST(OriginScope, WildcardsAndOverlongPathsAreRefused) {
  Stage stage;
  EXPECT_EQ(code_of(stage.origin.announce(Path::of("a/*"), stage.broadcast.consume())),
            Code::invalid_argument);
  EXPECT_EQ(code_of(stage.origin.add_route(Path::of("**"), {})), Code::invalid_argument);
  std::string deep = "x";
  for (std::size_t i = 1; i < Path::kMaxSegments; ++i) deep += "/x";
  origin::Producer inner = *stage.origin.scope(Path::of("a"));
  EXPECT_FALSE(inner.announce(Path::of(deep), stage.broadcast.consume()));
  EXPECT_FALSE(inner.scope(Path::of(deep)));
  EXPECT_FALSE(inner.consume().find(Path::of(deep)));
  EXPECT_EQ(Watcher(inner.consume().announced(Path::of(deep))).take(), (Texts{}));
}

TEST(OriginRoutes, RanksByTheRulesOfChoice) {
  // Each better than the next. draft-lcurley-moq-lite, route choice.
  const std::vector<net::Route> ranked = {
      {.hops = {5, 6, 7}, .warm_cost = 1, .cold_cost = 2},
      {.hops = {5, 6, 8}, .warm_cost = 1, .cold_cost = 3},
      {.hops = {5, 9}, .warm_cost = 2, .cold_cost = 0},
      {.hops = {5, 6, 7}, .warm_cost = 2, .cold_cost = 0},
      {.hops = {5, 0}, .warm_cost = 0, .cold_cost = 0},
  };
  for (const bool newest_first : {false, true}) {
    Stage stage;
    std::vector<origin::RemoteRoute> routes;
    std::map<std::size_t, std::size_t> place;  // Of a rank in `routes`.
    for (std::size_t i = 0; i < ranked.size(); ++i) {
      const std::size_t rank = newest_first ? i : ranked.size() - 1 - i;
      place[rank] = routes.size();
      const net::Route& route = ranked[rank];
      routes.push_back(stage.route("a", route.hops, route.warm_cost, route.cold_cost));
    }
    Watcher watcher = stage.watch();
    for (std::size_t rank = 0; rank < ranked.size(); ++rank) {
      watcher.take();
      EXPECT_EQ(watcher.last->route, ranked[rank]) << rank;
      const origin::RemoteRoute gone = std::move(routes[place[rank]]);
    }
  }
}

TEST(OriginRoutes, LocalComesBeforeRemoteAndTheNewestOfEqualsWins) {
  Stage stage;
  auto remote = stage.route("a", {5});
  auto local = stage.announce("a", {.hops = {7, 8}});
  auto newer = stage.route("a", {6});
  const origin::Consumer consumer = stage.origin.consume();
  EXPECT_TRUE(consumer.find(Path::of("a"))->same_broadcast(stage.broadcast.consume()));
  Watcher watcher = stage.watch();
  watcher.take();
  EXPECT_EQ(watcher.last->route->hops, (std::vector<std::uint64_t>{7, 8}));
  local.update({.warm_cost = 1});
  watcher.take();
  EXPECT_EQ(watcher.last->route->hops, (std::vector<std::uint64_t>{6}));
}

TEST(OriginRoutes, ADrainingRouteLosesToAnyOther) {
  Stage stage;
  auto draining = stage.route("a", {5}, 0, 0);
  auto other = stage.route("a", {5, 6, 7, 8}, 1'000'000, 1'000'000);
  draining.update({.hops = {5}, .warm_cost = kMaxCost, .cold_cost = kMaxCost});
  Watcher watcher = stage.watch();
  watcher.take();
  EXPECT_EQ(watcher.last->route->hops.size(), 4U);
}

TEST(OriginRoutes, AChangeOfTheRouteAloneIsNoRestart) {
  Stage stage;
  auto first = stage.route("a", {5, 6}, 5);
  Watcher watcher = stage.watch();
  EXPECT_EQ(watcher.take(), (Texts{"+a"}));
  const broadcast::Consumer before = watcher.last->broadcast->clone();
  {
    auto better = stage.route("a", {5, 7}, 1);
    EXPECT_EQ(watcher.take(), (Texts{"=a"}));
    EXPECT_TRUE(watcher.last->broadcast->same_broadcast(before));
  }
  EXPECT_EQ(watcher.take(), (Texts{"=a"}));
  auto worse = stage.route("a", {5, 8}, 9);
  EXPECT_EQ(watcher.take(), (Texts{}));
}

TEST(OriginRoutes, AnotherPublisherIsARestart) {
  Stage stage;
  std::optional<origin::RemoteRoute> first = stage.route("a", {5, 6});
  Watcher watcher = stage.watch();
  watcher.take();
  const broadcast::Consumer before = watcher.last->broadcast->clone();
  first->update({.hops = {55, 6}});
  EXPECT_EQ(watcher.take(), (Texts{"*a"}));
  EXPECT_EQ(now(before.poll_closed(Waiter::none())).code, Code::restarted);
  EXPECT_TRUE(watcher.last->broadcast->poll_closed(Waiter::none()).pending());
}

TEST(OriginRoutes, ThePublisherThatComesBackIsToldFromAnother) {
  for (const std::uint64_t comes_back : {5, 55}) {
    Stage stage;
    std::optional<origin::RemoteRoute> first = stage.route("a", {5, 6});
    Watcher watcher = stage.watch();
    watcher.take();
    const broadcast::Consumer held = watcher.last->broadcast->clone();
    first.reset();
    EXPECT_EQ(watcher.take(), (Texts{"-a"}));
    auto second = stage.route("a", {comes_back, 7});
    EXPECT_EQ(watcher.take(), (Texts{"+a"}));
    EXPECT_EQ(watcher.last->broadcast->same_broadcast(held), comes_back == 5);
    EXPECT_EQ(held.poll_closed(Waiter::none()).ready(), comes_back != 5);
  }
}

TEST(OriginRoutes, AnonymousPublishersContinueEachOther) {
  // Peers before lite 04 name no hops: there is nothing to tell a new publisher by.
  Stage stage;
  std::optional<origin::RemoteRoute> first = stage.route("a", {0, 0});
  const broadcast::Consumer held = *stage.origin.consume().find(Path::of("a"));
  first.reset();
  std::optional<origin::RemoteRoute> second = stage.route("a", {0});
  EXPECT_TRUE(stage.origin.consume().find(Path::of("a"))->same_broadcast(held));
  second.reset();
  // Once a name is known it counts.
  std::optional<origin::RemoteRoute> named = stage.route("a", {5});
  EXPECT_TRUE(stage.origin.consume().find(Path::of("a"))->same_broadcast(held));
  named.reset();
  auto other = stage.route("a", {6});
  EXPECT_FALSE(stage.origin.consume().find(Path::of("a"))->same_broadcast(held));
}

TEST(OriginRoutes, AnExcludedHopIsNotToldOfRoutesThroughItself) {
  Stage stage;
  auto direct = stage.route("a", {5, 6});
  Watcher six = stage.watch("", 6);
  Watcher seven = stage.watch("", 7);
  EXPECT_EQ(six.take(), (Texts{}));
  EXPECT_EQ(seven.take(), (Texts{"+a"}));
  EXPECT_FALSE(stage.origin.consume().find(Path::of("a"), 6));
  EXPECT_TRUE(stage.origin.consume().find(Path::of("a"), 7));
  auto other = stage.route("a", {5, 7}, 1);
  EXPECT_EQ(six.take(), (Texts{"+a"}));
  EXPECT_EQ(six.last->route->hops, (std::vector<std::uint64_t>{5, 7}));
  EXPECT_TRUE(stage.origin.consume().find(Path::of("a"), 6));
  {
    const origin::RemoteRoute gone = std::move(other);
  }
  EXPECT_EQ(six.take(), (Texts{"-a"}));
}

TEST(OriginRoutes, ASourceIsNotToldOfItsOwnRoutes) {
  Stage stage;
  constexpr std::uint64_t kSource = 77;
  const auto route = *stage.origin.add_route(Path::of("a"), Route{.hops = {0}}, kSource);
  const origin::Consumer origin = stage.origin.consume();
  EXPECT_FALSE(origin.find(Path::of("a"), {0, kSource}));
  EXPECT_TRUE(origin.find(Path::of("a"), {0, kSource + 1}));
  auto watch = origin.announced({}, {0, kSource});
  EXPECT_TRUE(watch.poll_next(kio::Waiter::none()).pending());
  // Another's route to the same name it may have, though it is the longer one.
  const auto other = *stage.origin.add_route(Path::of("a"), Route{.hops = {0, 5}}, kSource + 1);
  const auto update = now_of(watch, &origin::Announced::poll_next);
  EXPECT_EQ(update.route->hops, (std::vector<std::uint64_t>{0, 5}));
  EXPECT_TRUE(origin.find(Path::of("a"), {0, kSource}));
}

TEST(OriginRoutes, AnExcludedHopIsNotOfferedAnotherPublisherThanTheFronts) {
  Stage stage;
  auto through_six = stage.route("a", {5, 6});
  auto other_publisher = stage.route("a", {55, 7}, 10);
  EXPECT_EQ(stage.watch("", 6).take(), (Texts{}));
}

TEST(OriginRoutes, AnUnknownHopIsNoOrigin) {
  net::Route route;
  EXPECT_FALSE(route.origin_id());
  route.hops = {0, 4};
  EXPECT_FALSE(route.origin_id());
  EXPECT_TRUE(route.passes(4));
  EXPECT_FALSE(route.passes(0));
  route.hops = {3, 4};
  EXPECT_EQ(route.origin_id(), 3U);
}

TEST(OriginLimits, RoutesToOnePath) {
  Stage stage;
  std::vector<origin::RemoteRoute> routes;
  for (std::size_t i = 0; i < kMaxRoutes; ++i) routes.push_back(stage.route("a", {5}));
  EXPECT_EQ(code_of(stage.origin.add_route(Path::of("a"), {})), Code::too_many);
  EXPECT_EQ(code_of(stage.origin.announce(Path::of("a"), stage.broadcast.consume())),
            Code::too_many);
  EXPECT_TRUE(stage.origin.add_route(Path::of("b"), {}));
  routes.pop_back();
  EXPECT_TRUE(stage.origin.add_route(Path::of("a"), {}));
}

TEST(OriginLifetime, RequestsOfAReplacedFrontWakeTheRoute) {
  sim::World world;
  Stage stage;
  auto route = stage.route("a", {5, 6});
  Watch asked(world, [&](const Waiter& waiter) { return route.poll_requested_track(waiter); });
  EXPECT_FALSE(asked.woken());
  route.update({.hops = {55, 6}});
  EXPECT_FALSE(asked.woken());
  track::Consumer reader = stage.origin.consume().find(Path::of("a"))->subscribe("video");
  EXPECT_TRUE(asked.woken());
}

TEST(OriginLifetime, MovedHandlesEndOnce) {
  Stage stage;
  auto a = stage.announce("a");
  auto b = stage.announce("b");
  a = std::move(b);
  EXPECT_EQ(stage.watch().take(), (Texts{"+b"}));
  auto c = stage.route("c", {5});
  auto d = stage.route("d", {5});
  c = std::move(d);
  EXPECT_EQ(c.path(), Path::of("d"));
  EXPECT_EQ(stage.watch().take(), (Texts{"+b", "+d"}));
  origin::Announced first = stage.origin.consume().announced();
  first = stage.origin.consume().announced(Path::of("d"));
  EXPECT_EQ(now(first.poll_next(Waiter::none())).path, Path::of("d"));
}

}  // namespace
}  // namespace moq::net
