#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "moq/net/bandwidth.h"
#include "moq/net/broadcast.h"

namespace moq::net {
namespace {

/// Tracks of one broadcast, and who reads them.
struct Shares {
  explicit Shares(std::optional<std::uint64_t> rate) : estimate(rate) {}
  Reservation reserve(const char* name, std::uint64_t max_bps, bool read = true) {
    tracks.push_back(*broadcast.create_track(name));
    if (read) readers.push_back(consumer.subscribe(name));
    return bandwidth.reserve(tracks.back(), max_bps);
  }
  std::optional<std::uint64_t> estimate;
  Bandwidth bandwidth{[this] { return estimate; }};
  broadcast::Producer broadcast;
  broadcast::Consumer consumer = broadcast.consume();
  std::vector<track::Producer> tracks;
  std::vector<track::Consumer> readers;
};

TEST(Bandwidth, NoneGetsMoreThanItsClaim) {
  Shares shares(1'000'000);
  const Reservation audio = shares.reserve("audio", 64'000);
  const Reservation video = shares.reserve("video", 500'000);
  EXPECT_EQ(audio.grant(), 64'000u);
  EXPECT_EQ(video.grant(), 500'000u);
}

TEST(Bandwidth, WhatOneLeavesIsForTheOthers) {
  Shares shares(1'000'000);
  const Reservation audio = shares.reserve("audio", 100'000);
  const Reservation low = shares.reserve("low", 800'000);
  const Reservation high = shares.reserve("high", 5'000'000);
  EXPECT_EQ(audio.grant(), 100'000u);
  EXPECT_EQ(low.grant(), 450'000u);
  EXPECT_EQ(high.grant(), 450'000u);
  shares.estimate = 2'000'000;
  EXPECT_EQ(low.grant(), 800'000u);
  EXPECT_EQ(high.grant(), 1'100'000u);
}

TEST(Bandwidth, TogetherTheyGetNoMoreThanThereIs) {
  for (const std::uint64_t rate : {0u, 1u, 2u, 100u, 99'999u, 1'000'003u}) {
    Shares shares(rate);
    std::vector<Reservation> all;
    all.push_back(shares.reserve("a", 70'000));
    all.push_back(shares.reserve("b", 70'000));
    all.push_back(shares.reserve("c", 1));
    all.push_back(shares.reserve("d", 900'000));
    all.push_back(shares.reserve("e", UINT64_MAX));
    std::uint64_t sum = 0;
    for (const Reservation& one : all) sum += one.grant().value();
    EXPECT_LE(sum, rate);
    EXPECT_GE(sum + all.size(), rate) << "all but the rounding is given out";
  }
}

TEST(Bandwidth, OnlyTracksWithASubscriberShare) {
  Shares shares(1'000'000);
  const Reservation idle = shares.reserve("idle", 700'000, false);
  const Reservation read = shares.reserve("read", 700'000);
  EXPECT_EQ(idle.grant(), std::nullopt);
  EXPECT_EQ(read.grant(), 700'000u);
  auto late = shares.consumer.subscribe("idle");
  EXPECT_EQ(idle.grant(), 500'000u);
  EXPECT_EQ(read.grant(), 500'000u);
  shares.readers.clear();
  EXPECT_EQ(read.grant(), std::nullopt);
  EXPECT_EQ(idle.grant(), 700'000u);
  std::move(shares.tracks.front()).finish();
  EXPECT_EQ(idle.grant(), std::nullopt) << "the track is over";
}

TEST(Bandwidth, NothingIsGrantedWithoutAnEstimate) {
  Shares shares(std::nullopt);
  const Reservation track = shares.reserve("track", 1000);
  EXPECT_EQ(track.grant(), std::nullopt);
  shares.estimate = 0;
  EXPECT_EQ(track.grant(), 0u);
}

TEST(Bandwidth, AClaimThatIsDroppedOrChangedCountsAtOnce) {
  Shares shares(1'000'000);
  const Reservation stays = shares.reserve("stays", 1'000'000);
  {
    Reservation goes = shares.reserve("goes", 1'000'000);
    EXPECT_EQ(stays.grant(), 500'000u);
    goes.set_max(100'000);
    EXPECT_EQ(stays.grant(), 900'000u);
    const Reservation moved = std::move(goes);
    EXPECT_EQ(moved.grant(), 100'000u);
  }
  EXPECT_EQ(stays.grant(), 1'000'000u);
}

TEST(Bandwidth, KeepsNoTrack) {
  Shares shares(1'000'000);
  const Reservation track = shares.reserve("track", 1000);
  auto reader = shares.consumer.subscribe("track");
  shares.tracks.clear();
  auto next = reader.poll_next_group(kio::Waiter::none());
  ASSERT_TRUE(next.ready());
  EXPECT_FALSE(*next) << "the last writer is gone";
  EXPECT_EQ(track.grant(), std::nullopt);
}

TEST(Bandwidth, IsUsedByManyThreads) {
  Shares shares(1'000'000);
  const Reservation stays = shares.reserve("stays", 1'000'000);
  auto track = *shares.broadcast.create_track("other");
  std::atomic<bool> over = false;
  std::thread claims([&] {
    for (int i = 0; i < 2000; ++i) {
      Reservation mine = shares.bandwidth.reserve(track, 400'000);
      mine.set_max(300'000);
    }
    over = true;
  });
  std::thread reads([&] {
    while (!over) {
      const auto reader = shares.consumer.subscribe("other");
    }
  });
  std::uint64_t least = UINT64_MAX;
  while (!over) least = std::min(least, stays.grant().value());
  claims.join();
  reads.join();
  EXPECT_GE(least, 500'000u);
  EXPECT_EQ(stays.grant(), 1'000'000u);
}

}  // namespace
}  // namespace moq::net
