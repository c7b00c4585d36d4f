#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "moq/kio/poll.h"
#include "moq/kio/task.h"
#include "moq/net/internal/sequence_set.h"
#include "moq/net/moqt/message.h"
#include "moq/net/moqt/stream_reader.h"
#include "moq/transport/session.h"

/// Requests, alike for all drafts. Up to 16 they share the control stream, and messages name them
/// by id; since, each has a bidirectional stream of its own. Here is where that differs; the two
/// halves of a session do not know.
namespace moq::net::moqt {

class Connection;

/// The two halves of an opened or accepted bidirectional stream.
struct Bidi {
  std::unique_ptr<transport::SendStream> send;
  StreamReader reader;
};

/// The messages of one request, both ways.
class RequestChannel {
 public:
  virtual ~RequestChannel() = default;
  /// The peer's next message; none once it has ended cleanly. Fails once it has cancelled, or the
  /// session is over.
  virtual Poll<Result<std::optional<Message>>> poll_message(const Waiter& waiter) = 0;
  virtual Poll<Result<void>> poll_writable(const Waiter& waiter) = 0;
  /// A failure that comes by the way we write: the peer will not read.
  virtual Poll<Error> poll_stopped(const Waiter& waiter) = 0;
  virtual void send(Bytes message) = 0;
  /// Nothing more is sent.
  virtual void finish() = 0;
  /// After `finish`: ready once the peer has all of it, as far as that can be known.
  virtual Poll<Result<void>> poll_finished(const Waiter& waiter) = 0;
  /// Nothing more is wanted or sent. `message` says so where messages do.
  virtual void abort(const Error& error, std::optional<Message> message) = 0;
};

/// What our SETUP allows up to 16, as Rust peers do; how many requests may be open at a time is
/// another matter: `kMaxRequests`.
inline constexpr std::uint64_t kMaxRequestId = 0xffffffff;

/// The Request IDs of a session.
class RequestIds {
 public:
  RequestIds(bool server, Draft draft)
      : next_(server ? 1 : 0),
        limit_(has_max_request_id(draft) ? 0 : UINT64_MAX),
        peer_limit_(has_max_request_id(draft) ? kMaxRequestId : UINT64_MAX),
        peer_parity_(server ? 0 : 1) {}

  /// Takes the next id of ours, once the peer allows one more.
  Poll<std::uint64_t> poll_next(const Waiter& waiter);
  /// The peer's MAX_REQUEST_ID. Fails where it falls.
  Result<void> raise(std::uint64_t limit);
  /// An id of the peer's. Fails with INVALID_REQUEST_ID for one that is ours or was used before.
  Result<void> accept(std::uint64_t id);
  [[nodiscard]] bool is_ours(std::uint64_t id) const { return id % 2 != peer_parity_; }
  /// Of ours, and in use once.
  [[nodiscard]] bool was_used(std::uint64_t id) const { return is_ours(id) && id < next_; }

 private:
  std::uint64_t next_;
  std::uint64_t limit_;  ///< The first that we may not use.
  std::uint64_t peer_limit_;
  std::uint64_t peer_parity_;
  SequenceSet peer_used_{kMaxUsedRanges};  ///< Halved. Streams may overtake each other.
  kio::WaiterList on_raised_;
  static constexpr std::size_t kMaxUsedRanges = 256;
};

/// What a request asks for; none for a message that is no request.
std::optional<RequestKind> request_kind(const Message& message);
/// The Request ID of a request.
std::uint64_t request_id_of(const Message& message);

/// The REQUEST_UPDATEs that we send for one request, of either side: one waits at most, and of
/// several each parameter is as it was said last.
class Updates {
 public:
  void add(const Parameters& parameters);
  /// Sends what waits for request `id`, which came or went as `kind`, if the peer's limits allow.
  /// `waiter` is woken when they might.
  void send(Connection& connection, RequestChannel& channel, RequestKind kind, std::uint64_t id,
            const Waiter& waiter);
  /// Takes in an answer to one; whether it was that.
  bool take_reply(const Message& message);
  [[nodiscard]] bool waiting() const { return next_.has_value(); }
  /// Woken when one waits to be sent.
  kio::WaiterList on_update;

 private:
  std::optional<Parameters> next_;
  std::uint64_t pending_ = 0;  ///< Sent and not answered.
};

/// A request of ours. It goes out, under an id of its own, as soon as the peer's limits allow;
/// polling drives that. Dropping it cancels the request, unless the peer has ended it.
///
///     OutgoingRequest request(connection, Subscribe{...});
///     auto reply = co_await request.reply();  // SubscribeOk, RequestError
class OutgoingRequest {
 public:
  /// `request` is Subscribe, Publish, Fetch, TrackStatus, PublishNamespace, SubscribeNamespace or
  /// SubscribeTracks; its id is set on sending, and so is the alias of Publish, which is the same
  /// number. `connection` must outlive this.
  OutgoingRequest(Connection& connection, Message request);
  OutgoingRequest(OutgoingRequest&& other) noexcept = default;
  /// Cancels what was here before.
  OutgoingRequest& operator=(OutgoingRequest&& other) noexcept;
  ~OutgoingRequest();

  /// Ready once it is sent. Fails with `going_away` when the session drains, and with the session's
  /// or the codec's error.
  Poll<Result<void>> poll_sent(const Waiter& waiter);
  /// The next message about it, in order: first the OK that fits (SubscribeOk, FetchOk, RequestOk)
  /// or RequestError, then what the request has: PublishDone, PublishStateNotify, Namespace,
  /// NamespaceDone, PublishBlocked. None once the peer has ended it: there the answer is over, or a
  /// namespace is not wanted any more. Fails as `poll_sent`, with `going_away` if the peer moves
  /// the request, and with what the peer's code means once it breaks the request off. Answers to
  /// updates are not among them: a publisher that refuses one ends the subscription with
  /// PublishDone.
  ///
  /// A message that does not fit closes the session.
  Poll<Result<std::optional<Message>>> poll_reply(const Waiter& waiter);
  /// Its Request ID, once it is sent.
  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] bool sent() const { return channel_ != nullptr; }

  /// Changes what is asked for: REQUEST_UPDATE, when the peer's limits allow (`poll_reply` drives
  /// that); of several that wait, each parameter is as it was said last. For 14, give filter,
  /// priority and forward always.
  void update(const Parameters& parameters);
  /// Nothing more is wanted: UNSUBSCRIBE and its kin, or the reset of the stream. Goes without
  /// saying when dropped; then the cause is `cancelled`.
  void cancel(const Error& error = Error(Code::cancelled));

  auto reply() {
    return kio::wait([this](const Waiter& waiter) { return poll_reply(waiter); });
  }

  // Of Publish, which is a subscription that the publisher begins: once accepted, what
  // `IncomingRequest` has of Subscribe.

  Poll<Result<RequestUpdate>> poll_update(const Waiter& waiter);
  void accept_update(const RequestUpdate& update);
  void reject_update(const RequestUpdate& update, RequestCode code, std::string reason);
  void reply(Message message);
  void finish();
  Poll<Result<void>> poll_finished(const Waiter& waiter) { return channel_->poll_finished(waiter); }
  [[nodiscard]] bool left() const { return left_; }

 private:
  Poll<Result<std::optional<Message>>> over(Error error);
  void say(Message message);

  Connection* connection_;
  Message request_;
  RequestKind kind_;
  std::uint64_t id_ = 0;
  std::unique_ptr<RequestChannel> channel_;  ///< Once sent.
  std::optional<transport::BidiStream> opened_;
  std::optional<Error> failed_;
  bool answered_ = false;  ///< The first reply has come.
  bool over_ = false;      ///< The peer has said its last.
  bool done_ = false;      ///< We have.
  bool left_ = false;      ///< The peer wants it no more, of Publish.
  Updates updates_;
};

/// A request of the peer. Dropping it before `finish` or `reject` refuses it, or breaks it off.
class IncomingRequest {
 public:
  IncomingRequest(Connection& connection, Message request, std::unique_ptr<RequestChannel> channel);
  IncomingRequest(IncomingRequest&& other) noexcept = default;
  IncomingRequest& operator=(IncomingRequest&&) = delete;
  ~IncomingRequest();

  [[nodiscard]] const Message& message() const { return message_; }
  /// The request, of the type that it is known to have.
  template <typename M>
  [[nodiscard]] const M& as() const {
    return std::get<M>(message_);
  }
  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] RequestKind kind() const { return kind_; }

  /// Sends an answer, or what follows it; its id and kind are set here. What is written to a peer
  /// that has left is dropped.
  void reply(Message message);
  /// Refuses, and ends: REQUEST_ERROR.
  void reject(const Error& error);
  void reject(RequestCode code, std::string reason);
  /// All is said: after the last message.
  void finish();
  /// After `finish`: ready once the peer has all of it.
  Poll<Result<void>> poll_finished(const Waiter& waiter);
  /// Takes back what was accepted: the peer's namespace or track is not wanted any more.
  void revoke(const Error& error);
  /// Of Publish, once accepted: changes what is asked for, as `OutgoingRequest::update` does;
  /// `poll_message` drives that. A publisher that refuses it ends the subscription.
  void update(const Parameters& parameters);

  /// What the requester says further: RequestUpdate; of Publish also PublishDone. None once it
  /// ended the request cleanly, as one does with a namespace. Fails once it cancelled.
  Poll<Result<std::optional<Message>>> poll_message(const Waiter& waiter);
  /// The same where only updates may come: fails with `cancelled` once the requester has left.
  Poll<Result<RequestUpdate>> poll_update(const Waiter& waiter);
  /// Whether one of these two has said so.
  [[nodiscard]] bool left() const { return left_; }
  /// Answers an update, in drafts that have that.
  void accept_update(const RequestUpdate& update);
  void reject_update(const RequestUpdate& update, RequestCode code, std::string reason);
  /// Ready while the peer reads what is written; wait for it before messages without limit.
  Poll<Result<void>> poll_writable(const Waiter& waiter) { return channel_->poll_writable(waiter); }

 private:
  void say(Message message);
  Poll<Result<std::optional<Message>>> poll_next(const Waiter& waiter);
  /// Of Publish: what answers an update, and what a publisher says of itself.
  bool take_aside(const Message& message);

  Connection* connection_;
  Message message_;
  RequestKind kind_;
  std::uint64_t id_ = 0;
  std::unique_ptr<RequestChannel> channel_;
  bool answered_ = false;
  bool over_ = false;
  bool left_ = false;   ///< The requester has cancelled or ended it.
  bool moved_ = false;  ///< GOAWAY came for it.
  Updates updates_;
};

/// A request whose stream is its own.
std::unique_ptr<RequestChannel> stream_channel(Bidi stream);

}  // namespace moq::net::moqt
