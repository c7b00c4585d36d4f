// Broadcasts that are not listed: served to those who know their path alone.
#include "moq/net/hostile_test_support.h"
#include "moq/net/model_test_support.h"

namespace moq::net {
namespace {

using hostile::Stage;

/// What a watcher was told since: "+", "-", "!" for another broadcast.
std::string take(origin::Announced& watch) {
  std::string all;
  while (auto update = watch.poll_next(kio::Waiter::none())) {
    all += update->restarted ? '!' : update->route ? '+' : '-';
  }
  return all;
}

struct Listing {
  const Path path = Path::of("a");
  origin::Producer origin{1};
  origin::Announced all = origin.consume().announced();
  origin::Announced exact = origin.consume().announced_exactly(path);
  broadcast::Producer broadcast;
  origin::Announcement announcement = *origin.announce(path, broadcast.consume());
};

TEST(OriginListed, WatchersSeeWhatIsUnlistedEndAndComeBack) {
  Listing listing;
  EXPECT_EQ(take(listing.all) + take(listing.exact), "++");
  listing.announcement.set_listed(false);
  EXPECT_EQ(take(listing.all) + take(listing.exact), "--");
  listing.announcement.set_listed(false);
  listing.announcement.update({.warm_cost = 5});
  EXPECT_EQ(take(listing.all) + take(listing.exact), "");
  auto late = listing.origin.consume().announced_exactly(listing.path);
  EXPECT_EQ(take(late), "");
  listing.announcement.set_listed(true);
  EXPECT_EQ(take(listing.all) + take(listing.exact) + take(late), "+++");
}

TEST(OriginListed, APathThatIsKnownIsFound) {
  Listing listing;
  auto track = listing.broadcast.create_track("video");
  listing.announcement.set_listed(false);
  const auto found = listing.origin.consume().find(listing.path);
  ASSERT_TRUE(found);
  auto reader = found->subscribe("video");
  write_group(*track, 0, 0);
  EXPECT_EQ(take_sequences(reader), (Sequences{0}));
}

TEST(OriginListed, EndingWhatIsUnlistedIsNotTold) {
  std::optional<Listing> listing(std::in_place);
  listing->announcement.set_listed(false);
  EXPECT_EQ(take(listing->all), "");
  auto consumer = listing->origin.consume();
  {
    auto over = std::move(listing->announcement);
  }
  EXPECT_EQ(take(listing->all), "");
  EXPECT_FALSE(consumer.find(listing->path));
}

TEST(OriginListed, AnotherOfThePathShowsInItsPlace) {
  Listing listing;
  broadcast::Producer other;
  auto above = *listing.origin.announce(listing.path, other.consume());
  EXPECT_EQ(take(listing.all), "+");
  EXPECT_TRUE(listing.origin.consume().find(listing.path)->same_broadcast(other.consume()));
  above.set_listed(false);
  EXPECT_EQ(take(listing.all), "!");
  // Who asks by name gets what the watchers see, if there is such.
  EXPECT_FALSE(listing.origin.consume().find(listing.path)->same_broadcast(other.consume()));
}

class OriginListedPeers : public testing::TestWithParam<Version> {};

TEST_P(OriginListedPeers, SeeItEndAndAreServedByItsName) {
  Stage stage(GetParam());
  hostile::Attacker peer(stage);
  stage.announcement.set_listed(false);
  stage.world.run_for(100ms);
  EXPECT_FALSE(stage.subscriber.consume().find(Path::of("live"))) << "it was told of the end";
  EXPECT_TRUE(stage.healthy_delivers()) << "what runs goes on";
  peer.subscribe();
  EXPECT_TRUE(peer.delivers());
  stage.announcement.set_listed(true);
  stage.world.run_for(100ms);
  EXPECT_TRUE(stage.subscriber.consume().find(Path::of("live")));
}

INSTANTIATE_TEST_SUITE_P(Lite, OriginListedPeers,
                         testing::Values(Version::lite_01, Version::lite_02, Version::lite_03,
                                         Version::lite_04, Version::lite_05, Version::lite_06),
                         hostile::version_name);

}  // namespace
}  // namespace moq::net
