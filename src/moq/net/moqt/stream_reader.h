#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "moq/base/bytes.h"
#include "moq/base/result.h"
#include "moq/base/wire.h"
#include "moq/kio/poll.h"
#include "moq/kio/task.h"
#include "moq/net/moqt/data.h"
#include "moq/net/moqt/draft.h"
#include "moq/net/moqt/message.h"
#include "moq/net/stream_input.h"
#include "moq/transport/session.h"

namespace moq::net::moqt {

using kio::Poll;
using kio::Waiter;

/// Reads what a peer wrote on a stream: integers, control messages, objects. Holds at most one
/// item, up to its limit, and one chunk of the transport beyond it; memory grows only with what
/// arrived, whatever a length claims. Payloads and (where they arrived in one chunk) message bodies
/// are slices of what the transport gave.
///
/// Each poll function that returns an optional yields none at a FIN that comes between items. A FIN
/// inside one fails with `decode` (in a payload: `wrong_size`); RESET_STREAM fails with what its
/// code means (`from_stream_error`). A failure is for good. A poll function that is pending must be
/// called again until it is ready before another one is.
///
/// Belongs to the executor's thread. Dropping it before the end stops the peer with code 0.
class StreamReader : public StreamInput {
 public:
  StreamReader(std::unique_ptr<transport::RecvStream> stream, Draft draft);

  [[nodiscard]] Draft draft() const { return draft_; }
  /// For the rest of the stream, once a version is agreed; 14 to 16 read alike until then.
  void set_draft(Draft draft) { draft_ = draft; }

  /// An integer, such as the type of a unidirectional stream.
  Poll<Result<std::optional<std::uint64_t>>> poll_varint(const Waiter& waiter);

  /// A control message, not yet decoded.
  Poll<Result<std::optional<RawMessage>>> poll_raw(const Waiter& waiter);
  /// What follows a type that `poll_varint` has read, as SETUP's on its stream.
  Poll<Result<Bytes>> poll_body(const Waiter& waiter);
  /// A control message.
  Poll<Result<std::optional<Message>>> poll_message(const Waiter& waiter);

  /// What follows the type of a subgroup stream; begins its objects.
  Poll<Result<SubgroupHeader>> poll_subgroup_header(const Waiter& waiter, std::uint64_t type);
  /// What follows the type of a fetch stream. Before its objects, `begin_fetch`.
  Poll<Result<FetchHeader>> poll_fetch_header(const Waiter& waiter);
  /// The objects that follow are those of a fetch of this order.
  void begin_fetch(GroupOrder order);

  /// The next object of the stream; the payload of the one before must be read. Fails with
  /// `frame_too_large` as soon as a size says so.
  Poll<Result<std::optional<Object>>> poll_object(const Waiter& waiter);

  auto varint() {
    return kio::wait([this](const Waiter& waiter) { return poll_varint(waiter); });
  }
  auto raw() {
    return kio::wait([this](const Waiter& waiter) { return poll_raw(waiter); });
  }
  auto body() {
    return kio::wait([this](const Waiter& waiter) { return poll_body(waiter); });
  }
  auto message() {
    return kio::wait([this](const Waiter& waiter) { return poll_message(waiter); });
  }
  auto subgroup_header(std::uint64_t type) {
    return kio::wait(
        [this, type](const Waiter& waiter) { return poll_subgroup_header(waiter, type); });
  }
  auto fetch_header() {
    return kio::wait([this](const Waiter& waiter) { return poll_fetch_header(waiter); });
  }
  auto object() {
    return kio::wait([this](const Waiter& waiter) { return poll_object(waiter); });
  }

 private:
  [[nodiscard]] Error to_meaning(Error error) const override;
  template <typename Parse>
  using ParsedBy = std::invoke_result_t<Parse, Reader&, const Bytes*>;
  /// Takes what `parse(Reader&, const Bytes* chunk)` reads once all of it is there; none at FIN. It
  /// must change nothing where the reader fails; `chunk` is what the reader reads, if that is one.
  template <typename Parse>
  auto poll_item(const Waiter& waiter, Parse parse) -> Poll<Result<std::optional<ParsedBy<Parse>>>>;
  /// The same where FIN is an error.
  template <typename Parse>
  auto poll_inner(const Waiter& waiter, Parse parse) -> Poll<Result<ParsedBy<Parse>>>;

  Draft draft_;
  std::variant<std::monostate, SubgroupObjectReader, FetchObjectReader> objects_;
};

}  // namespace moq::net::moqt
