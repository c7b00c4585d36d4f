#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "moq/kio/executor.h"
#include "moq/transport/session.h"

/// The contract of `transport::Session` as a test suite, for every carrier that implements it. For
/// test programs alone. A carrier brings a `Bed` and says, in one `_test.cc` of its own:
/// ```
/// INSTANTIATE_TEST_SUITE_P(Quic, SessionContract, testing::Values(Carrier{"quic",
/// make_quic_bed}));
/// ```
namespace moq::transport::contract {

/// What both sides grant each other in these tests. Small, so that the limits are reached.
inline constexpr std::uint64_t kMaxStreams = 8;  ///< Open at one time, of each kind and side.
inline constexpr std::string_view kProtocol = "moq-lite-06";
/// Virtual or real time that one step may take.
inline constexpr Duration kStepLimit = 20s;

/// Where a carrier's sessions run: simulated or on loopback.
class Bed {
 public:
  virtual ~Bed() = default;
  virtual kio::Executor& executor() = 0;
  /// Drives until `done()`; false if `limit` passes before.
  virtual bool run_until(const std::function<bool()>& done, Duration limit) = 0;

  struct Pair {
    std::unique_ptr<Session> client;
    std::unique_ptr<Session> server;
  };
  /// Two connected sessions that negotiated `kProtocol` and grant `kMaxStreams` of each kind, a
  /// window per stream of at most 1 MiB and datagrams. Idle timeout: 10 s or less.
  virtual Pair connect() = 0;
  /// Cuts the path of all sessions for good, silently. False if the bed cannot.
  virtual bool cut_path() { return false; }
};

struct Carrier {
  const char* name;
  std::unique_ptr<Bed> (*make)();
};
inline void PrintTo(const Carrier& carrier, std::ostream* out) { *out << carrier.name; }

class SessionContract : public testing::TestWithParam<Carrier> {
 protected:
  void SetUp() override {
    bed_ = GetParam().make();
    Bed::Pair pair = bed_->connect();
    client = std::move(pair.client);
    server = std::move(pair.server);
    ASSERT_TRUE(client);
    ASSERT_TRUE(server);
  }
  void TearDown() override {
    client.reset();
    server.reset();
  }

  /// Runs `task` to its end, or fails the test.
  void run(kio::Task<void> task) {
    const auto spawned = bed_->executor().spawn(std::move(task));
    EXPECT_TRUE(bed_->run_until([&spawned] { return spawned.finished(); }, kStepLimit))
        << "the step did not end";
  }
  /// Runs until `done()`, or fails the test.
  void until(const std::function<bool()>& done) {
    EXPECT_TRUE(bed_->run_until(done, kStepLimit)) << "the condition did not come true";
  }
  /// Lets time pass, for what should not happen.
  void pass(Duration duration) {
    static_cast<void>(bed_->run_until([] { return false; }, duration));
  }

  std::unique_ptr<Bed> bed_;
  std::unique_ptr<Session> client;
  std::unique_ptr<Session> server;
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(SessionContract);

/// `size` bytes that tell a lost or swapped piece.
inline Bytes pattern(std::size_t size) {
  auto buffer = Buffer::allocate(size);
  for (std::size_t i = 0; i < size; ++i) {
    buffer->data()[i] = static_cast<std::uint8_t>((i * 31) ^ (i >> 8) ^ (i >> 16));
  }
  return {std::move(buffer), 0, size};
}

/// All bytes up to the clean end.
inline kio::Task<Result<Bytes>> read_all(RecvStream& stream) {
  std::vector<Bytes> parts;
  for (;;) {
    Result<Bytes> part = co_await stream.read(4096);
    if (!part) co_return std::unexpected(std::move(part).error());
    if (part->empty()) break;
    EXPECT_LE(part->size(), 4096u);
    parts.push_back(*std::move(part));
  }
  co_return join(parts);
}

/// Writes `data` in pieces as the stream wants them.
inline kio::Task<Result<void>> write_all(SendStream& stream, Bytes data, std::size_t piece) {
  while (!data.empty()) {
    Result<void> writable = co_await stream.writable();
    if (!writable) co_return writable;
    stream.write(data.take_front(piece));
  }
  co_return Result<void>();
}

/// Opens a unidirectional stream on `from` with `text` on it and accepts it on `to`.
inline kio::Task<void> make_uni(Session& from, Session& to, std::string text,
                                std::unique_ptr<SendStream>& send,
                                std::unique_ptr<RecvStream>& recv) {
  auto opened = co_await from.open_uni();
  EXPECT_TRUE(opened);
  if (!opened) co_return;
  send = *std::move(opened);
  send->write(Bytes::copy(text));
  auto accepted = co_await to.accept_uni();
  EXPECT_TRUE(accepted);
  if (accepted) recv = *std::move(accepted);
}

/// The same with a bidirectional stream.
inline kio::Task<void> make_bidi(Session& from, Session& to, std::string text, BidiStream& near,
                                 BidiStream& far) {
  auto opened = co_await from.open_bidi();
  EXPECT_TRUE(opened);
  if (!opened) co_return;
  near = *std::move(opened);
  near.send->write(Bytes::copy(text));
  auto accepted = co_await to.accept_bidi();
  EXPECT_TRUE(accepted);
  if (accepted) far = *std::move(accepted);
}

inline kio::Task<void> expect_read(RecvStream& stream, std::string text) {
  std::string got;
  while (got.size() < text.size()) {
    Result<Bytes> part = co_await stream.read(text.size() - got.size());
    EXPECT_TRUE(part) << part.error().describe();
    if (!part || part->empty()) break;
    got += part->text();
  }
  EXPECT_EQ(got, text);
}

inline kio::Task<void> expect_end(RecvStream& stream) {
  const Result<Bytes> end = co_await stream.read(100);
  EXPECT_TRUE(end) << end.error().describe();
  if (end) {
    EXPECT_TRUE(end->empty());
  }
}

/// Reads on, past what may still come, until the stream fails with the peer's `code`.
inline kio::Task<void> expect_reset(RecvStream& stream, std::uint32_t code) {
  const Result<Bytes> rest = co_await read_all(stream);
  EXPECT_FALSE(rest);
  if (rest) co_return;
  EXPECT_EQ(rest.error().code, Code::application);
  EXPECT_EQ(rest.error().wire, std::uint64_t{code});
}

/// Writes on until the stream fails with the peer's `code`.
inline kio::Task<void> expect_stopped(SendStream& stream, std::uint32_t code) {
  for (;;) {
    const Result<void> writable = co_await stream.writable();
    if (writable) {
      stream.write(pattern(1000));
      co_await kio::yield();
      continue;
    }
    EXPECT_EQ(writable.error().code, Code::application);
    EXPECT_EQ(writable.error().wire, std::uint64_t{code});
    break;
  }
  const Result<void> finished = co_await stream.finished();
  EXPECT_FALSE(finished);
  if (!finished) {
    EXPECT_EQ(finished.error().wire, std::uint64_t{code});
  }
}

}  // namespace moq::transport::contract

#include "moq/transport/session_contract_cases_test.h"
