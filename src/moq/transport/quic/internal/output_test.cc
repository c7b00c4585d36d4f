#include "moq/transport/quic/internal/output.h"

#include <gtest/gtest.h>

#include <cstring>

namespace moq::transport::quic::internal {
namespace {

class Recorder final : public DatagramSocket {
 public:
  SocketAddress local_address() const override { return {}; }
  std::size_t send(std::span<const SendBatch> batches) override {
    ++calls;
    const std::size_t taken = std::min(batches.size(), allowed);
    allowed -= taken;
    for (const SendBatch& batch : batches.first(taken)) {
      sent.push_back({batch.data.size(), batch.segment_size});
    }
    return taken;
  }
  kio::Poll<kio::Unit> poll_writable(const kio::Waiter&) override { return kio::kPending; }
  kio::Poll<Result<std::span<const ReceivedBatch>>> poll_receive(const kio::Waiter&) override {
    return kio::kPending;
  }
  struct Sent {
    std::size_t bytes;
    std::size_t segment;
    bool operator==(const Sent&) const = default;
  };
  std::vector<Sent> sent;
  std::size_t allowed = 1000;
  int calls = 0;
};

class OutputTest : public testing::Test {
 protected:
  bool add(std::size_t size, std::uint16_t port = 1, std::uint8_t ecn = 0) {
    auto room = output.room(kRoom);
    if (room.empty()) return false;
    std::memset(room.data(), static_cast<int>(size), size);
    SocketAddress to;
    to.port = port;
    output.add({.size = size, .to = to, .ecn = ecn, .socket = &socket});
    return true;
  }
  static constexpr std::size_t kRoom = 1500;
  Recorder socket;
  Output output{200 * 1000};
};

TEST_F(OutputTest, JoinsPacketsOfOneSizeAndAShorterLast) {
  for (int i = 0; i < 3; ++i) add(1200);
  add(700);
  add(700);
  EXPECT_TRUE(output.send());
  EXPECT_EQ(socket.sent, (std::vector<Recorder::Sent>{{3 * 1200 + 700, 1200}, {700, 700}}));
  EXPECT_EQ(socket.calls, 1);
}

TEST_F(OutputTest, ALargerPacketAnotherPeerAndAnotherMarkBeginAnew) {
  add(1200);
  add(1300);
  add(1300, 2);
  add(1300, 2, 1);
  EXPECT_TRUE(output.send());
  EXPECT_EQ(socket.sent.size(), 4u);
  EXPECT_EQ(socket.calls, 1);
}

TEST_F(OutputTest, ABatchHasALimitInPacketsAndBytes) {
  for (std::size_t i = 0; i < Output::kMaxSegments + 1; ++i) add(100);
  EXPECT_TRUE(output.send());
  ASSERT_EQ(socket.sent.size(), 2u);
  EXPECT_EQ(socket.sent[0].bytes, Output::kMaxSegments * 100);
  socket.sent.clear();
  for (int i = 0; i < 50; ++i) add(1400);
  EXPECT_TRUE(output.send());
  for (const auto& batch : socket.sent) EXPECT_LE(batch.bytes, Output::kMaxBatchBytes);
}

TEST_F(OutputTest, WhatASocketDoesNotTakeWaitsInOrder) {
  for (std::uint16_t port = 1; port <= 5; ++port) add(1000, port);
  socket.allowed = 2;
  EXPECT_FALSE(output.send());
  EXPECT_EQ(output.front_socket(), &socket);
  socket.allowed = 100;
  EXPECT_TRUE(output.send());
  EXPECT_EQ(socket.sent.size(), 5u);
  EXPECT_TRUE(output.empty());
}

TEST_F(OutputTest, AFullBufferGivesNoRoomUntilItIsSent) {
  int packets = 0;
  while (add(1000)) ++packets;
  EXPECT_EQ(packets, 199);  // The last packet might have needed more room than is left.
  EXPECT_FALSE(output.has_room(kRoom));
  EXPECT_TRUE(output.send());
  EXPECT_TRUE(add(1000));
}

TEST_F(OutputTest, ForgetsASocketThatIsGone) {
  Recorder other;
  add(1000);
  output.room(kRoom);
  output.add({.size = 1000, .socket = &other});
  output.forget(&socket);
  EXPECT_TRUE(output.send());
  EXPECT_TRUE(socket.sent.empty());
  EXPECT_EQ(other.sent.size(), 1u);
}

}  // namespace
}  // namespace moq::transport::quic::internal
