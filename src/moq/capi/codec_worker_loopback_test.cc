#include <gtest/gtest.h>

#include <latch>

#include "moq/capi/internal/codec_worker.h"

namespace moq::capi {
namespace {

/// Makes `copies` numbers of each packet, which is its time; waits for a latch before the first.
struct FakeDecoder {
  std::latch* begin = nullptr;
  int copies = 1;

  av::Made<int> decode(std::uint64_t time, const Bytes&, bool) const {
    begin->wait();
    if (time == 0) return {{}, Error(Code::decode, "no packet")};
    if (time == 99) return {{}, Error(Code::internal, "broken")};
    return {std::vector<int>(static_cast<std::size_t>(copies), static_cast<int>(time)),
            std::nullopt};
  }
  static av::Made<int> flush() { return {{-1}, std::nullopt}; }
};
using Worker = CodecWorker<FakeDecoder, int>;

const kio::Waiter& now() { return kio::Waiter::none(); }

av::Packet packet(std::uint64_t time) { return {.timestamp_us = time, .payload = {}}; }

/// Blocks until the worker has something, or has ended.
Result<std::optional<int>> poll(Worker& worker) {
  for (;;) {
    auto polled = worker.poll_next(now());
    if (!polled.pending()) return *std::move(polled);
    std::this_thread::yield();
  }
}

/// The next number; none at the end.
std::optional<int> next(Worker& worker) {
  const Result<std::optional<int>> polled = poll(worker);
  EXPECT_TRUE(polled);
  return polled.value_or(std::nullopt);
}
std::string failure(Worker& worker) {
  const Result<std::optional<int>> polled = poll(worker);
  return polled ? "none" : polled.error().text;
}

TEST(CodecWorker, DecodesInOrderSkipsWhatIsRefusedAndFlushes) {
  std::latch begin(1);
  Result<Worker> worker =
      Worker::start([&]() -> Result<FakeDecoder> { return FakeDecoder{&begin}; });
  ASSERT_TRUE(worker);
  constexpr std::uint64_t kTimes[] = {1, 0, 2};
  for (const std::uint64_t time : kTimes) worker->push(packet(time));
  worker->finish();
  begin.count_down();
  EXPECT_EQ(next(*worker), std::optional(1));
  EXPECT_EQ(next(*worker), std::optional(2));
  EXPECT_EQ(next(*worker), std::optional(-1));
  EXPECT_EQ(next(*worker), std::optional<int>());
  EXPECT_TRUE(worker->poll_ended(now()));
}

TEST(CodecWorker, TakesNoMorePacketsThanItHasRoomFor) {
  std::latch begin(1);
  Result<Worker> worker =
      Worker::start([&]() -> Result<FakeDecoder> { return FakeDecoder{&begin}; });
  ASSERT_TRUE(worker);
  std::size_t pushed = 0;
  // One more once the first has gone to the decoder, which waits.
  while (pushed < kMaxWaitingPackets + 1) {
    if (worker->poll_room(now()).pending()) {
      std::this_thread::yield();
      continue;
    }
    worker->push(packet(++pushed));
  }
  EXPECT_TRUE(worker->poll_room(now()).pending());
  begin.count_down();
  for (std::size_t i = 1; i <= pushed; ++i)
    EXPECT_EQ(next(*worker), std::optional(static_cast<int>(i)));
  EXPECT_FALSE(worker->poll_room(now()).pending());
}

TEST(CodecWorker, StopsWhileNobodyTakesWhatItMade) {
  std::latch begin(0);
  Result<Worker> worker =
      Worker::start([&]() -> Result<FakeDecoder> { return FakeDecoder{&begin, 100}; });
  ASSERT_TRUE(worker);
  worker->push(packet(5));
  EXPECT_EQ(next(*worker), std::optional(5));
  worker->stop();
  while (worker->poll_ended(now()).pending()) std::this_thread::yield();
  int left = 0;
  while (next(*worker)) ++left;
  EXPECT_LE(left, static_cast<int>(kMaxDecodedFrames));
}

TEST(CodecWorker, TellsWhyItDoesNotOpenOrGoOn) {
  std::latch begin(0);
  Result<Worker> closed = Worker::start(
      []() -> Result<FakeDecoder> { return fail(Code::unsupported, "no such codec"); });
  Result<Worker> broken =
      Worker::start([&]() -> Result<FakeDecoder> { return FakeDecoder{&begin}; });
  ASSERT_TRUE(closed && broken);
  EXPECT_EQ(failure(*closed), "no such codec");
  broken->push(packet(99));
  EXPECT_EQ(failure(*broken), "broken");
}

TEST(CodecWorker, IsStoppedWithItsHandle) {
  std::latch begin(0);
  Result<Worker> worker =
      Worker::start([&]() -> Result<FakeDecoder> { return FakeDecoder{&begin}; });
  ASSERT_TRUE(worker);
  worker->push(packet(1));
  // Its thread ends before this returns, or the sanitizers find it using what is gone.
}

}  // namespace
}  // namespace moq::capi
