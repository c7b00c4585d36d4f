#include "moq/transport/quic/internal/stream.h"

#include <gtest/gtest.h>

#include <array>
#include <set>

namespace moq::transport::quic::internal {
namespace {

std::string peek_all(const SendBuffer& buffer, std::size_t enough = SIZE_MAX) {
  std::array<ngtcp2_vec, 4> pieces;
  std::size_t bytes = 0;
  const std::size_t count = buffer.peek(pieces, enough, bytes);
  std::string out;
  for (std::size_t i = 0; i < count; ++i) {
    out.append(reinterpret_cast<const char*>(pieces[i].base), pieces[i].len);
  }
  EXPECT_EQ(out.size(), bytes);
  return out;
}

TEST(Ring, KeepsLittleMemoryWhenCleared) {
  Ring<int> ring;
  for (int i = 0; i < 4; ++i) ring.push_back(i);
  ring.clear(4);
  EXPECT_EQ(ring.capacity(), 4u);
  for (int i = 0; i < 5; ++i) ring.push_back(i);
  ring.clear(4);
  EXPECT_EQ(ring.capacity(), 0u);
}

TEST(SendBuffer, GivesOutWhatIsUnsentInOrder) {
  SendBuffer buffer;
  buffer.push(Bytes::copy("hello "));
  buffer.push(Bytes());
  buffer.push(Bytes::copy("world"));
  EXPECT_EQ(peek_all(buffer), "hello world");
  EXPECT_EQ(peek_all(buffer, 3), "hello ");  // Whole pieces, until enough.
  buffer.mark_sent(8);
  EXPECT_EQ(peek_all(buffer), "rld");
  EXPECT_EQ(buffer.unsent(), 3u);
  buffer.mark_sent(3);
  EXPECT_EQ(peek_all(buffer), "");
  buffer.push(Bytes::copy("!"));
  EXPECT_EQ(peek_all(buffer), "!");
  EXPECT_EQ(buffer.end(), 12u);
}

TEST(SendBuffer, HoldsPayloadUntilAllOfItIsAcknowledged) {
  auto block = Buffer::allocate(10);
  Bytes payload(block, 0, 10);
  SendBuffer buffer;
  buffer.push(payload.slice(0, 5));
  buffer.push(payload.slice(5, 5));
  payload = Bytes();
  EXPECT_FALSE(block->unique());
  buffer.mark_sent(10);
  buffer.mark_acked(9);
  EXPECT_FALSE(block->unique());
  buffer.mark_acked(10);
  EXPECT_TRUE(block->unique());
}

TEST(SendBuffer, NeverCopies) {
  const Bytes payload = Bytes::copy("payload");
  SendBuffer buffer;
  buffer.push(payload);
  std::array<ngtcp2_vec, 1> pieces;
  std::size_t bytes = 0;
  buffer.peek(pieces, 100, bytes);
  EXPECT_EQ(pieces[0].base, payload.data());
}

TEST(SendBuffer, DropsTheUnsentButKeepsWhatIsPointedTo) {
  auto first = Buffer::allocate(10);
  auto second = Buffer::allocate(10);
  SendBuffer buffer;
  buffer.push(Bytes(first, 0, 10));
  buffer.push(Bytes(second, 0, 10));
  buffer.mark_sent(3);
  buffer.drop_unsent();
  EXPECT_EQ(buffer.unsent(), 0u);
  EXPECT_TRUE(second->unique());
  EXPECT_FALSE(first->unique());
  buffer.recycle();
  EXPECT_TRUE(first->unique());
}

TEST(RecvBuffer, GivesAtMostWhatIsAsked) {
  RecvBuffer buffer;
  buffer.push(as_bytes("hello"));
  buffer.push(as_bytes(" world"));
  EXPECT_EQ(buffer.size(), 11u);
  EXPECT_EQ(buffer.take(3).text(), "hel");
  std::string rest;
  while (buffer.size() > 0) rest += buffer.take(100).text();
  EXPECT_EQ(rest, "lo world");
  EXPECT_TRUE(buffer.take(100).empty());
}

TEST(RecvBuffer, SlicesStayTrueWhileTheBlockGoesOnFilling) {
  RecvBuffer buffer;
  buffer.push(as_bytes("first block is exact"));
  std::vector<Bytes> slices;
  std::string expected;
  for (int i = 0; i < 5000; ++i) {
    const std::string piece = std::to_string(i) + ",";
    buffer.push(as_bytes(piece));
    expected += piece;
    if (i % 7 == 0) slices.push_back(buffer.take(11));
  }
  while (buffer.size() > 0) slices.push_back(buffer.take(1000));
  EXPECT_EQ(join(slices).text(), "first block is exact" + expected);
}

TEST(RecvBuffer, ManySmallPiecesShareBlocks) {
  RecvBuffer buffer;
  buffer.push(as_bytes("x"));
  for (int i = 0; i < 1000; ++i) buffer.push(as_bytes("y"));
  EXPECT_EQ(buffer.take(100).size(), 1u);
  EXPECT_EQ(buffer.take(10000).size(), 1000u);
}

TEST(StreamTable, FindsWhatIsThereThroughRemovals) {
  StreamTable table;
  std::set<std::int64_t> there;
  SeededRandom random(3);
  for (int i = 0; i < 20000; ++i) {
    const auto id = static_cast<std::int64_t>(random.below(400));
    if (there.contains(id)) {
      Stream* stream = table.find(id);
      ASSERT_NE(stream, nullptr);
      ASSERT_EQ(stream->id, id);
      table.remove(stream);
      there.erase(id);
    } else {
      ASSERT_EQ(table.find(id), nullptr);
      table.create(id, id % 2 == 0);
      there.insert(id);
    }
    ASSERT_EQ(table.size(), there.size());
  }
  std::set<std::int64_t> visited;
  table.for_each([&](Stream& stream) { visited.insert(stream.id); });
  EXPECT_EQ(visited, there);
}

TEST(StreamTable, AReusedStreamIsLikeNew) {
  StreamTable table;
  Stream* used = table.create(4, true);
  used->out.push(Bytes::copy("data"));
  used->in.push(as_bytes("data"));
  used->fin_queued = used->stopped = used->reset_received = true;
  used->priority = 9;
  table.remove(used);
  Stream* again = table.create(8, false);
  EXPECT_EQ(again, used);
  EXPECT_EQ(again->out.end(), 0u);
  EXPECT_EQ(again->in.size(), 0u);
  EXPECT_FALSE(again->fin_queued || again->stopped || again->reset_received);
  EXPECT_EQ(again->priority, 0);
  EXPECT_EQ(again->queue_place, kNotInHeap);
}

TEST(SendQueue, HigherNumbersFirstEqualsInTurn) {
  StreamTable table;
  SendQueue queue;
  const auto add = [&](std::int64_t id, Priority priority) {
    Stream* stream = table.create(id, true);
    stream->priority = priority;
    queue.push(stream);
    return stream;
  };
  add(0, 5);
  add(4, 9);
  Stream* middle = add(8, 5);
  add(12, 5);
  std::vector<std::int64_t> order;
  const auto turn = [&] {
    order.push_back(queue.front()->id);
    queue.rotate();
  };
  turn();
  turn();  // Alone at its level, it stays in front.
  queue.remove(table.find(4));
  for (int i = 0; i < 6; ++i) turn();
  EXPECT_EQ(order, (std::vector<std::int64_t>{4, 4, 0, 8, 12, 0, 8, 12}));
  queue.set_priority(middle, 6);
  EXPECT_EQ(queue.front(), middle);
  queue.set_priority(middle, 1);
  EXPECT_EQ(queue.front()->id, 0);
  queue.push(middle);  // Already there.
  queue.clear();
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(middle->queue_place, kNotInHeap);
}

}  // namespace
}  // namespace moq::transport::quic::internal
