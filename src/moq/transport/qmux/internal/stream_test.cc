#include "moq/transport/qmux/internal/stream.h"

#include <gtest/gtest.h>

#include "moq/transport/session_helpers_test.h"

namespace moq::transport::qmux {
namespace {

using contract::pattern;

TEST(SendBuffer, GivesBackWhatWasWrittenInOrder) {
  SendBuffer buffer;
  buffer.push(Bytes::copy("hello "));
  buffer.push({});
  buffer.push(Bytes::copy("world"));
  EXPECT_EQ(buffer.size(), 11u);
  EXPECT_EQ(buffer.take(4).text(), "hell");
  EXPECT_EQ(buffer.take(100).text(), "o ");
  EXPECT_EQ(buffer.take(100).text(), "world");
  EXPECT_TRUE(buffer.take(100).empty());
  EXPECT_EQ(buffer.size(), 0u);
}

TEST(RecvBuffer, KeepsLargePiecesAndJoinsSmallOnes) {
  const Bytes large = pattern(4000);
  for (const std::size_t max : {std::size_t{1}, std::size_t{7}, std::size_t{5000}}) {
    RecvBuffer buffer;
    std::vector<Bytes> sent;
    const auto push = [&](const Bytes& data, std::size_t record) {
      buffer.push(data, record);
      sent.push_back(data);
    };
    for (int i = 0; i < 50; ++i) push(large.slice(static_cast<std::size_t>(i), 20), 100);
    push(large, 4010);
    for (int i = 0; i < 50; ++i) push(large.slice(static_cast<std::size_t>(i), 33), 16000);
    push({}, 10);
    std::vector<Bytes> got;
    std::size_t left = join(sent).size();
    EXPECT_EQ(buffer.size(), left);
    while (buffer.size() > 0) {
      got.push_back(buffer.take(max));
      ASSERT_LE(got.back().size(), max);
      left -= got.back().size();
      ASSERT_EQ(buffer.size(), left);
    }
    EXPECT_TRUE(join(got) == join(sent)) << max;
  }
}

TEST(RecvBuffer, ALargePieceIsNotCopied) {
  const Bytes record = pattern(8000);
  RecvBuffer buffer;
  buffer.push(record.slice(10), record.size());
  EXPECT_EQ(buffer.take(9000).data(), record.data() + 10);
}

TEST(RecvBuffer, ReadsAndWritesMayAlternate) {
  RecvBuffer buffer;
  std::string got;
  for (int i = 0; i < 1000; ++i) {
    buffer.push(Bytes::copy(std::to_string(i)), 100);
    if (i % 3 == 0) got += buffer.take(2).text();
  }
  while (buffer.size() > 0) got += buffer.take(100).text();
  std::string wanted;
  for (int i = 0; i < 1000; ++i) wanted += std::to_string(i);
  EXPECT_EQ(got, wanted);
}

TEST(Window, StopsThePeerAtItsEnd) {
  Window window(10);
  EXPECT_TRUE(window.use(10));
  EXPECT_TRUE(window.use(0));
  EXPECT_FALSE(window.use(1));
  EXPECT_FALSE(window.use(UINT64_MAX));
}

TEST(Window, IsRaisedOnceMoreIsFreeThanLeft) {
  Window window(100);
  EXPECT_TRUE(window.use(40));
  window.release(40);
  EXPECT_FALSE(window.raise()) << "60 are left";
  EXPECT_TRUE(window.use(20));
  window.release(1);
  EXPECT_EQ(window.raise(), 141u);
  EXPECT_FALSE(window.raise());
}

TEST(Window, APeerAtItsEndIsToldOfEveryByte) {
  Window window(100);
  EXPECT_TRUE(window.use(100));
  EXPECT_FALSE(window.raise());
  window.release(1);
  EXPECT_EQ(window.raise(), 101u);
}

TEST(SendQueue, OrdersByPriorityAndThenByTurn) {
  Stream a(0);
  Stream b(4);
  Stream c(8);
  SendQueue queue;
  queue.push(a);
  queue.push(b);
  queue.push(c);
  queue.push(a);
  EXPECT_EQ(queue.front(), &a);
  queue.set_priority(c, 9);
  EXPECT_EQ(queue.front(), &c);
  queue.remove(c);
  queue.remove(c);
  queue.remove(a);
  queue.push(a);
  EXPECT_EQ(queue.front(), &b);
  queue.set_priority(c, 0);
  queue.clear();
  EXPECT_TRUE(queue.empty());
  queue.push(c);
  EXPECT_EQ(queue.front(), &c);
}

}  // namespace
}  // namespace moq::transport::qmux
