#include "moq/net/internal/send_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "moq/base/random.h"

namespace moq::net {
namespace {

/// A stream that only knows its priority.
class FakeSendStream : public transport::SendStream {
 public:
  kio::Poll<Result<void>> poll_writable(const kio::Waiter&) override { return kio::kPending; }
  void write(Bytes) override {}
  void finish() override {}
  void reset(std::uint32_t) override {}
  kio::Poll<Result<void>> poll_finished(const kio::Waiter&) override { return kio::kPending; }
  void set_priority(transport::Priority priority) override {
    priority_ = priority;
    calls_ += 1;
  }
  [[nodiscard]] int priority() const { return priority_; }
  [[nodiscard]] int calls() const { return calls_; }

 private:
  int priority_ = -1;
  int calls_ = 0;
};

struct Entry {
  SendOrder::Key key;
  std::unique_ptr<FakeSendStream> stream = std::make_unique<FakeSendStream>();
  SendOrder::Place place;
};

/// Streams in the order of their insertion.
class Streams {
 public:
  FakeSendStream& add(std::uint8_t priority, std::uint64_t id, std::uint64_t group) {
    Entry& entry = entries_.emplace_back();
    entry.key = {.priority = priority, .subscribe_id = id, .group = group};
    entry.place = order.insert(entry.key, *entry.stream);
    return *entry.stream;
  }
  void remove(std::size_t at) {
    entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(at));
  }
  void set_priority(std::uint64_t id, std::uint8_t priority) {
    order.set_priority(id, priority);
    for (Entry& entry : entries_) {
      if (entry.key.subscribe_id == id) entry.key.priority = priority;
    }
  }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

  /// What each stream should have been told, by sorting all anew.
  void expect_sorted() const {
    std::vector<const Entry*> sorted;
    for (const Entry& entry : entries_) sorted.push_back(&entry);
    std::ranges::sort(sorted, [](const Entry* a, const Entry* b) {
      if (a->key.priority != b->key.priority) return a->key.priority > b->key.priority;
      if (a->key.subscribe_id != b->key.subscribe_id) {
        return a->key.subscribe_id < b->key.subscribe_id;
      }
      return a->key.group > b->key.group;
    });
    for (std::size_t rank = 0; rank < sorted.size(); ++rank) {
      ASSERT_EQ(sorted[rank]->stream->priority(), rank < 255 ? 255 - static_cast<int>(rank) : 0)
          << "rank " << rank;
    }
    EXPECT_EQ(order.size(), sorted.size());
  }

  SendOrder order;

 private:
  std::vector<Entry> entries_;
};

TEST(SendOrder, TheNewestGroupOfATrackIsFirst) {
  Streams streams;
  const FakeSendStream& old = streams.add(0, 0, 4);
  EXPECT_EQ(old.priority(), 255);
  const FakeSendStream& fresh = streams.add(0, 0, 5);
  EXPECT_EQ(fresh.priority(), 255);
  EXPECT_EQ(old.priority(), 254);
  streams.remove(1);
  EXPECT_EQ(old.priority(), 255);
}

TEST(SendOrder, SubscriptionsGoByPriorityThenId) {
  Streams streams;
  const FakeSendStream& video = streams.add(1, 7, 100);
  const FakeSendStream& audio = streams.add(2, 8, 3);
  const FakeSendStream& other = streams.add(2, 6, 1);
  EXPECT_EQ(other.priority(), 255);
  EXPECT_EQ(audio.priority(), 254);
  EXPECT_EQ(video.priority(), 253);
}

TEST(SendOrder, AnUpdateMovesAllStreamsOfASubscription) {
  Streams streams;
  streams.add(5, 0, 1);
  streams.add(5, 0, 2);
  const FakeSendStream& other = streams.add(4, 1, 9);
  EXPECT_EQ(other.priority(), 253);
  streams.set_priority(0, 3);
  EXPECT_EQ(other.priority(), 255);
  streams.expect_sorted();
  // A stream opened after the update goes by it, whatever its key still says.
  Entry late{.key = {.priority = 5, .subscribe_id = 0, .group = 3}};
  late.place = streams.order.insert(late.key, *late.stream);
  EXPECT_EQ(late.stream->priority(), 254);
}

TEST(SendOrder, AnUpdateOfNobodyDoesNothing) {
  Streams streams;
  const FakeSendStream& stream = streams.add(5, 0, 1);
  const int calls = stream.calls();
  streams.order.set_priority(9, 200);
  streams.order.set_priority(0, 5);
  EXPECT_EQ(stream.calls(), calls);
}

TEST(SendOrder, PastTheRanksAllShareZero) {
  Streams streams;
  for (std::uint64_t group = 0; group < 300; ++group) streams.add(0, 0, group);
  streams.expect_sorted();
  const FakeSendStream& first = streams.add(1, 1, 0);
  EXPECT_EQ(first.priority(), 255);
  streams.expect_sorted();
}

TEST(SendOrder, AChangeTellsOnlyThoseThatMove) {
  Streams streams;
  std::vector<FakeSendStream*> before;
  for (std::uint64_t id = 0; id < 10; ++id) before.push_back(&streams.add(0, id, 0));
  std::vector<int> calls;
  for (const FakeSendStream* stream : before) calls.push_back(stream->calls());
  streams.add(0, 20, 0);
  for (std::size_t i = 0; i < before.size(); ++i) EXPECT_EQ(before[i]->calls(), calls[i]);
}

TEST(SendOrder, APlaceIsLeftOnceHoweverItIsMoved) {
  SendOrder order;
  FakeSendStream a;
  FakeSendStream b;
  SendOrder::Place first = order.insert({.group = 1}, a);
  SendOrder::Place second = order.insert({.group = 2}, b);
  second = std::move(first);  // Leaves the place of `b`.
  EXPECT_EQ(order.size(), 1U);
  EXPECT_EQ(a.priority(), 255);
  second.leave();
  second.leave();
  EXPECT_EQ(order.size(), 0U);
}

TEST(SendOrder, PlacesMayOutliveTheOrder) {
  FakeSendStream stream;
  SendOrder::Place place;
  {
    SendOrder order;
    place = order.insert({}, stream);
  }
  place.leave();
  EXPECT_EQ(stream.priority(), 255);
}

TEST(SendOrder, AnySequenceOfChangesEndsSorted) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    Streams streams;
    std::uint64_t group = 0;
    const std::uint64_t crowd = seed % 2 == 0 ? 20 : 400;
    for (int step = 0; step < 600; ++step) {
      const std::uint64_t choice = random.below(10);
      if (streams.size() < crowd / 2 || (choice < 5 && streams.size() < crowd)) {
        const std::uint64_t id = random.below(8);
        // All streams of one subscription carry its one priority.
        streams.add(7, id, group++);
        streams.set_priority(id, static_cast<std::uint8_t>(random.below(4)));
      } else if (choice < 8) {
        streams.remove(random.below(streams.size()));
      } else {
        streams.set_priority(random.below(8), static_cast<std::uint8_t>(random.below(4)));
      }
      if (step % 10 == 0) streams.expect_sorted();
    }
    streams.expect_sorted();
  }
}

}  // namespace
}  // namespace moq::net
