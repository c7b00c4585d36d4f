#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "moq/base/bytes.h"
#include "moq/base/result.h"
#include "moq/kio/poll.h"
#include "moq/kio/task.h"
#include "moq/net/lite/group.h"
#include "moq/net/lite/message.h"
#include "moq/net/lite/subscribe.h"
#include "moq/net/stream_input.h"
#include "moq/net/version.h"
#include "moq/transport/session.h"

namespace moq::net::lite {

using kio::Poll;
using kio::Waiter;

/// A message that its type precedes.
struct TypedMessage {
  std::uint64_t type = 0;
  Bytes body;
  bool operator==(const TypedMessage&) const = default;
};

/// What `StreamReader::poll_typed` accepts.
struct TypedLimits {
  std::uint64_t max_bytes = 0;  ///< Of a body.
  /// Types from here on are skipped by their length, unread, up to `kMaxMessageBytes`.
  std::uint64_t known_types = UINT64_MAX;
};

/// Reads what a peer wrote on a stream: integers, messages, frames. Holds at most one message, up
/// to its limit, and one chunk of the transport beyond it; memory grows only with what arrived,
/// whatever a length claims.
///
/// Each poll function that returns an optional yields none at a FIN that comes between items. A FIN
/// inside one fails with `decode` (in a payload: `wrong_size`); a length above its limit fails as
/// soon as it is seen; RESET_STREAM fails with what its code means (`from_code`). A failure is for
/// good. A poll function that is pending must be called again until it is ready before another one
/// is.
///
/// Belongs to the executor's thread. Dropping it before the end stops the peer with code 0.
class StreamReader : public StreamInput {
 public:
  /// `version` decides how integers and frames look. What comes before a version is agreed
  /// (versions 01, 02) reads alike as either.
  StreamReader(std::unique_ptr<transport::RecvStream> stream, Version version);

  [[nodiscard]] Version version() const { return version_; }
  /// For the rest of the stream, once a version is agreed.
  void set_version(Version version) { version_ = version; }

  /// An integer, such as a stream's type.
  Poll<Result<std::optional<std::uint64_t>>> poll_varint(const Waiter& waiter);
  /// The body of a length-prefixed message of at most `max_bytes`.
  Poll<Result<std::optional<Bytes>>> poll_body(const Waiter& waiter, std::uint64_t max_bytes);
  /// Type, length, body.
  Poll<Result<std::optional<TypedMessage>>> poll_typed(const Waiter& waiter, TypedLimits limits);
  /// Type, two bytes of length, body: the greeting of 01 and 02.
  Poll<Result<std::optional<TypedMessage>>> poll_legacy(const Waiter& waiter);
  /// A whole message.
  template <Message M>
  Poll<Result<std::optional<M>>> poll_message(const Waiter& waiter) {
    auto body = poll_body(waiter, M::kMaxBytes);
    if (body.pending()) return kio::kPending;
    if (!*body) return std::unexpected(std::move(*body).error());
    if (!**body) return std::optional<M>();
    auto message = decode_message<M>((**body)->span(), version_);
    if (!message) return std::unexpected(fail_with(std::move(message).error()));
    return std::optional<M>(*std::move(message));
  }
  /// What a publisher answers to SUBSCRIBE.
  Poll<Result<std::optional<SubscribeAnswer>>> poll_answer(const Waiter& waiter);

  /// The next frame of a group stream or an answer to FETCH; the payload of the one before must be
  /// read. Fails with `frame_too_large` and `group_too_large` as soon as a size says so.
  Poll<Result<std::optional<FrameHeader>>> poll_frame(const Waiter& waiter);

  auto varint() {
    return kio::wait([this](const Waiter& waiter) { return poll_varint(waiter); });
  }
  auto body(std::uint64_t max_bytes) {
    return kio::wait(
        [this, max_bytes](const Waiter& waiter) { return poll_body(waiter, max_bytes); });
  }
  auto typed(TypedLimits limits) {
    return kio::wait([this, limits](const Waiter& waiter) { return poll_typed(waiter, limits); });
  }
  auto legacy() {
    return kio::wait([this](const Waiter& waiter) { return poll_legacy(waiter); });
  }
  template <Message M>
  auto message() {
    return kio::wait([this](const Waiter& waiter) { return poll_message<M>(waiter); });
  }
  auto answer() {
    return kio::wait([this](const Waiter& waiter) { return poll_answer(waiter); });
  }
  auto frame() {
    return kio::wait([this](const Waiter& waiter) { return poll_frame(waiter); });
  }

 private:
  [[nodiscard]] Error to_meaning(Error error) const override;
  /// `poll_varint` for one inside an item, where FIN is an error.
  Poll<Result<std::uint64_t>> poll_inner_varint(const Waiter& waiter);
  Poll<Result<std::uint64_t>> poll_u16(const Waiter& waiter);
  Poll<Result<Bytes>> poll_bytes(const Waiter& waiter, std::uint64_t size);
  Poll<Result<void>> poll_skip(const Waiter& waiter);
  Result<FrameHeader> accept_frame(std::uint64_t size);

  Version version_;

  // An item that has begun.
  std::array<std::uint8_t, 9> head_{};  ///< The bytes of an integer so far.
  std::size_t head_size_ = 0;
  std::optional<std::uint64_t> type_;
  std::optional<std::uint64_t> size_;
  std::uint64_t skip_left_ = 0;
  std::optional<std::int64_t> delta_;

  // The frames so far.
  std::uint64_t timestamp_ = 0;
  std::uint64_t group_bytes_ = 0;
  std::size_t group_frames_ = 0;
};

}  // namespace moq::net::lite
