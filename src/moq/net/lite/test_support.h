#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "moq/base/bytes.h"
#include "moq/net/lite/message.h"
#include "moq/net/lite/stream_reader.h"
#include "moq/transport/session.h"

/// For the tests of the codec alone.
namespace moq::net::lite {

inline constexpr Version kAllVersions[] = {Version::lite_01,    Version::lite_02, Version::lite_03,
                                           Version::lite_04,    Version::lite_05, Version::lite_06,
                                           Version::lite_07_wip};

/// The bytes written as "01 0a ff".
inline std::vector<std::uint8_t> from_hex(std::string_view hex) {
  std::vector<std::uint8_t> out;
  int digits = 0;
  for (const char c : hex) {
    if (c == ' ') continue;
    const int digit = c <= '9' ? c - '0' : c - 'a' + 10;
    if (digits++ % 2 == 0) {
      out.push_back(static_cast<std::uint8_t>(digit << 4));
    } else {
      out.back() = static_cast<std::uint8_t>(out.back() | digit);
    }
  }
  return out;
}

inline std::string to_hex(ByteSpan bytes) {
  std::string out;
  for (const std::uint8_t byte : bytes) {
    if (!out.empty()) out.push_back(' ');
    out.push_back("0123456789abcdef"[byte >> 4]);
    out.push_back("0123456789abcdef"[byte & 15]);
  }
  return out;
}

/// A stream that delivers what a test gave it, in the pieces the test chose.
class FakeRecvStream : public transport::RecvStream {
 public:
  /// What the test sees of the stream after the reader has it.
  struct Log {
    std::size_t largest_read = 0;
    std::optional<std::uint32_t> stopped;
  };
  enum class End : std::uint8_t { fin, open, reset };

  explicit FakeRecvStream(std::vector<Bytes> chunks, End end = End::fin, std::uint64_t code = 0)
      : chunks_(std::make_move_iterator(chunks.begin()), std::make_move_iterator(chunks.end())),
        end_(end),
        code_(code) {}

  /// The bytes in chunks of `size`; each is preceded by a poll that finds nothing.
  static std::unique_ptr<FakeRecvStream> chunked(ByteSpan bytes, std::size_t size,
                                                 End end = End::fin, std::uint64_t code = 0) {
    std::vector<Bytes> chunks;
    const Bytes whole = Bytes::copy(bytes);
    for (std::size_t at = 0; at < whole.size(); at += size) chunks.push_back(whole.slice(at, size));
    return std::make_unique<FakeRecvStream>(std::move(chunks), end, code);
  }

  Poll<Result<Bytes>> poll_read(const Waiter&, std::size_t max) override {
    EXPECT_GT(max, 0U);
    log_->largest_read = std::max(log_->largest_read, max);
    if (std::exchange(was_pending_, !was_pending_) == false) return kio::kPending;
    if (chunks_.empty()) {
      if (end_ == End::open) return kio::kPending;
      if (end_ == End::fin) return Bytes();
      return std::unexpected(Error(Code::application, "reset by peer", code_));
    }
    Bytes part = chunks_.front().take_front(max);
    if (chunks_.front().empty()) chunks_.pop_front();
    return part;
  }
  void stop(std::uint32_t code) override { log_->stopped = code; }
  [[nodiscard]] std::shared_ptr<const Log> log() const { return log_; }

 private:
  std::deque<Bytes> chunks_;
  End end_;
  std::uint64_t code_;
  bool was_pending_ = false;
  std::shared_ptr<Log> log_ = std::make_shared<Log>();
};

/// Polls until ready. Each wait of a `FakeRecvStream` ends at the next poll, unless it is left
/// open.
template <typename PollFunction>
auto wait_for(PollFunction poll) {
  for (int i = 0; i < 1000000; ++i) {
    auto result = poll(Waiter::none());
    if (result.ready()) return *std::move(result);
  }
  ADD_FAILURE() << "never ready";
  std::abort();
}

/// Checks one message against bytes of known origin (moq-lite.md §12): written and read alike, in
/// every chunking; refused when cut anywhere and with a byte too many.
template <Message M>
void expect_vector(const M& message, Version version, std::string_view hex) {
  SCOPED_TRACE(std::string(M::kName) + " of " + std::string(to_string(version)) + ": " +
               std::string(hex));
  const std::vector<std::uint8_t> bytes = from_hex(hex);
  EXPECT_EQ(to_hex(encode_message(message, version).span()), hex);

  for (const std::size_t chunk : {std::size_t{1}, std::size_t{3}, bytes.size()}) {
    StreamReader reader(FakeRecvStream::chunked(bytes, chunk), version);
    const auto poll = [&](const Waiter& waiter) { return reader.poll_message<M>(waiter); };
    const Result<std::optional<M>> read = wait_for(poll);
    ASSERT_TRUE(read.has_value()) << read.error().describe();
    EXPECT_EQ(*read, message);
    const Result<std::optional<M>> end = wait_for(poll);
    ASSERT_TRUE(end.has_value());
    EXPECT_EQ(*end, std::nullopt);
  }
  // FIN inside the message.
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    StreamReader reader(FakeRecvStream::chunked({bytes.data(), cut}, 2), version);
    const auto read =
        wait_for([&](const Waiter& waiter) { return reader.poll_message<M>(waiter); });
    ASSERT_FALSE(read.has_value()) << "cut at " << cut;
    EXPECT_EQ(read.error().code, Code::decode);
  }
  // A length that cuts the fields, and one that leaves a byte over.
  Reader head(bytes, varint_kind(version));
  std::vector<std::uint8_t> body(bytes.end() - static_cast<std::ptrdiff_t>(head.varint()),
                                 bytes.end());
  for (std::size_t cut = 0; cut < body.size(); ++cut) {
    EXPECT_FALSE(decode_message<M>({body.data(), cut}, version)) << "body cut at " << cut;
  }
  body.push_back(0);
  EXPECT_FALSE(decode_message<M>(body, version));
}

}  // namespace moq::net::lite
