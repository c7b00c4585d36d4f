#include "moq/net/moqt/internal/requests.h"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "moq/base/log.h"
#include "moq/net/moqt/internal/connection.h"
#include "moq/net/moqt/internal/control_stream.h"

namespace moq::net::moqt {
namespace {

constexpr std::string_view kLog = "net";
/// Of a reason that we send; peers show it in their logs.
constexpr std::size_t kMaxPhraseBytes = 256;

/// The beginning of `text`, cut between characters.
std::string phrase(std::string_view text) {
  if (text.size() <= kMaxPhraseBytes) return std::string(text);
  std::size_t end = kMaxPhraseBytes;
  while (end > 0 && (static_cast<std::uint8_t>(text[end]) & 0xc0) == 0x80) --end;
  return std::string(text.substr(0, end));
}

template <typename M>
concept IsRequest = requires(M& message) {
  { message.request_id } -> std::same_as<std::uint64_t&>;
} && requires(M& message) { message.parameters; };

void set_request_id(Message& message, std::uint64_t id) {
  std::visit(
      [id]<typename M>(M& body) {
        if constexpr (IsRequest<M>) body.request_id = id;
        // Ids of a session are unique among both sides, and the aliases of subscriptions are
        // theirs.
        if constexpr (std::is_same_v<M, Publish>) body.track_alias = id;
      },
      message);
}

/// The message that ends `request`, for drafts that have one.
std::optional<Message> cancel_message(const Message& request, std::uint64_t id, Draft draft) {
  if (std::holds_alternative<Subscribe>(request)) return Unsubscribe{.request_id = id};
  if (std::holds_alternative<Fetch>(request)) return FetchCancel{.request_id = id};
  if (const auto* offer = std::get_if<PublishNamespace>(&request)) {
    return PublishNamespaceDone{.request_id = id, .track_namespace = offer->track_namespace};
  }
  // In 14 Rust peers take the prefix for the id of another request.
  if (const auto* wish = std::get_if<SubscribeNamespace>(&request);
      wish != nullptr && !unsubscribes_namespaces_by_name(draft)) {
    return UnsubscribeNamespace{.request_id = id, .prefix = wish->prefix};
  }
  return std::nullopt;
}

/// Whether `message` may be the first answer to a request.
bool is_answer(const Message& message, RequestKind kind) {
  if (const auto* error = std::get_if<RequestError>(&message)) {
    return !error->kind || *error->kind == kind;
  }
  switch (kind) {
    case RequestKind::subscribe:
      return std::holds_alternative<SubscribeOk>(message);
    case RequestKind::fetch:
      return std::holds_alternative<FetchOk>(message);
    default: {
      const auto* ok = std::get_if<RequestOk>(&message);
      return ok != nullptr && (!ok->kind || *ok->kind == kind);
    }
  }
}

/// Whether `message` may follow the first answer.
bool may_follow(const Message& message, RequestKind kind) {
  switch (kind) {
    case RequestKind::subscribe:
      return std::holds_alternative<PublishDone>(message) ||
             std::holds_alternative<PublishStateNotify>(message);
    case RequestKind::publish:
      return std::holds_alternative<RequestUpdate>(message);
    case RequestKind::subscribe_namespace:
      return std::holds_alternative<Namespace>(message) ||
             std::holds_alternative<NamespaceDone>(message) ||
             std::holds_alternative<PublishBlocked>(message);
    case RequestKind::subscribe_tracks:
      return std::holds_alternative<PublishBlocked>(message);
    default:
      return false;
  }
}

/// A request on a stream of its own.
class StreamChannel final : public RequestChannel {
 public:
  explicit StreamChannel(Bidi stream) : stream_(std::move(stream)) {}

  Poll<Result<std::optional<Message>>> poll_message(const Waiter& waiter) override {
    return stream_.reader.poll_message(waiter);
  }
  Poll<Result<void>> poll_writable(const Waiter& waiter) override {
    auto writable = stream_.send->poll_writable(waiter);
    if (writable && !*writable) return Result<void>(std::unexpected(read(writable->error())));
    return writable;
  }
  Poll<Error> poll_stopped(const Waiter& waiter) override {
    auto finished = stream_.send->poll_finished(waiter);
    if (finished.pending() || *finished) return kio::kPending;
    return read(finished->error());
  }
  void send(Bytes message) override {
    if (!done_) stream_.send->write(std::move(message));
  }
  void finish() override {
    if (!std::exchange(done_, true)) stream_.send->finish();
  }
  Poll<Result<void>> poll_finished(const Waiter& waiter) override {
    return stream_.send->poll_finished(waiter);
  }
  void abort(const Error& error, std::optional<Message>) override {
    const std::uint32_t code = to_reset_code(error, stream_.reader.draft());
    if (!std::exchange(done_, true)) stream_.send->reset(code);
    stream_.reader.stop(code);
  }

 private:
  [[nodiscard]] Error read(Error error) const {
    return from_stream_error(std::move(error), stream_.reader.draft());
  }
  Bidi stream_;
  bool done_ = false;  ///< Nothing more is sent.
};

/// What an answer is about.
struct About {
  std::uint64_t id = 0;
  RequestKind kind = RequestKind::subscribe;
};

/// Says `message`, with the id and the kind of what it is about unless it has its own; false, and
/// the request is broken off, for one that cannot be written.
bool say_on(const Connection& connection, RequestChannel& channel, const About& about,
            Message message) {
  const Draft draft = connection.draft();
  std::visit(
      [&]<typename M>(M& body) {
        if constexpr (requires { body.request_id = std::optional<std::uint64_t>(); }) {
          if (!body.request_id && has_request_ids_in_replies(draft)) body.request_id = about.id;
        }
        if constexpr (requires { body.kind = std::optional<RequestKind>(); }) {
          if (!body.kind) body.kind = about.kind;
        }
      },
      message);
  auto bytes = encode_message(message, draft);
  if (bytes) {
    channel.send(*std::move(bytes));
    return true;
  }
  MOQ_LOG(warn, kLog, "{}: {} not sent: {}", describe(connection), name_of(message),
          bytes.error().describe());
  channel.abort(Error(Code::internal), std::nullopt);
  return false;
}

RequestOk ok_to(const RequestUpdate& update, Draft draft) {
  RequestOk ok;
  if (has_request_ids_in_replies(draft)) ok.request_id = update.request_id;
  ok.kind = RequestKind::update;
  return ok;
}

RequestError refusal_of(const RequestUpdate& update, RequestCode code, std::string_view reason,
                        Draft draft) {
  RequestError refusal;
  if (has_request_ids_in_replies(draft)) refusal.request_id = update.request_id;
  refusal.kind = RequestKind::update;
  refusal.code = code;
  refusal.reason = phrase(reason);
  return refusal;
}

/// Each parameter that `newer` has takes the place of the one before.
void merge(Parameters& into, const Parameters& newer) {
  const auto take = [](auto& to, const auto& from) {
    if (from) to = from;
  };
  take(into.delivery_timeout, newer.delivery_timeout);
  take(into.subgroup_delivery_timeout, newer.subgroup_delivery_timeout);
  take(into.forward, newer.forward);
  take(into.priority, newer.priority);
  take(into.filter, newer.filter);
  take(into.group_order, newer.group_order);
  take(into.fill, newer.fill);
  take(into.new_group_request, newer.new_group_request);
  take(into.namespace_prefix, newer.namespace_prefix);
  if (!newer.tokens.empty()) into.tokens = newer.tokens;
  if (!newer.ranges.empty()) into.ranges = newer.ranges;
}

}  // namespace

std::unique_ptr<RequestChannel> stream_channel(Bidi stream) {
  return std::make_unique<StreamChannel>(std::move(stream));
}

std::optional<RequestKind> request_kind(const Message& message) {
  if (std::holds_alternative<Subscribe>(message)) return RequestKind::subscribe;
  if (std::holds_alternative<Publish>(message)) return RequestKind::publish;
  if (std::holds_alternative<Fetch>(message)) return RequestKind::fetch;
  if (std::holds_alternative<TrackStatus>(message)) return RequestKind::track_status;
  if (std::holds_alternative<PublishNamespace>(message)) return RequestKind::publish_namespace;
  if (std::holds_alternative<SubscribeNamespace>(message)) return RequestKind::subscribe_namespace;
  if (std::holds_alternative<SubscribeTracks>(message)) return RequestKind::subscribe_tracks;
  return std::nullopt;
}

std::uint64_t request_id_of(const Message& message) {
  return std::visit(
      []<typename M>(const M& body) -> std::uint64_t {
        if constexpr (IsRequest<M>) return body.request_id;
        return 0;
      },
      message);
}

// --- Ids ----------------------------------------------------------------------------------------

Poll<std::uint64_t> RequestIds::poll_next(const Waiter& waiter) {
  if (next_ >= limit_) {
    on_raised_.add(waiter);
    return kio::kPending;
  }
  const std::uint64_t id = next_;
  next_ += 2;
  return id;
}

Result<void> RequestIds::raise(std::uint64_t limit) {
  if (limit < limit_) {
    return std::unexpected(close_error(CloseCode::protocol_violation, "MAX_REQUEST_ID fell"));
  }
  limit_ = limit;
  on_raised_.wake();
  return {};
}

Result<void> RequestIds::accept(std::uint64_t id) {
  if (is_ours(id)) {
    return std::unexpected(close_error(CloseCode::invalid_request_id, "a Request ID of ours"));
  }
  if (id >= peer_limit_) {
    return std::unexpected(close_error(CloseCode::too_many_requests, "more than MAX_REQUEST_ID"));
  }
  if (peer_used_.contains(id / 2)) {
    return std::unexpected(close_error(CloseCode::invalid_request_id, "a Request ID twice"));
  }
  peer_used_.insert(id / 2);
  return {};
}

// --- Updates ------------------------------------------------------------------------------------

void Updates::add(const Parameters& parameters) {
  if (!next_) next_.emplace();
  merge(*next_, parameters);
}

void Updates::send(Connection& connection, RequestChannel& channel, RequestKind kind,
                   std::uint64_t id, const Waiter& waiter) {
  if (!next_) return;
  const Draft draft = connection.draft();
  const std::uint64_t limit = connection.peer_setup().max_updates;
  if (limit != 0 && pending_ >= limit) return;  // The next answer makes room.
  const auto own_id = connection.ids().poll_next(waiter);
  if (own_id.pending()) return;
  RequestUpdate message;
  message.request_id = *own_id;
  if (has_request_ids_in_replies(draft)) message.updated_request = id;
  message.parameters = *std::exchange(next_, std::nullopt);
  auto bytes = encode_message(message, draft);
  if (!bytes) {
    MOQ_LOG(warn, kLog, "{}: update not sent: {}", describe(connection), bytes.error().describe());
    return;
  }
  if (has_update_reply(draft)) {
    ++pending_;
    if (!connection.has_own_stream(kind)) connection.control().add_update(*own_id, id);
  }
  channel.send(*std::move(bytes));
}

bool Updates::take_reply(const Message& message) {
  if (pending_ == 0) return false;
  if (const auto* error = std::get_if<RequestError>(&message)) {
    MOQ_LOG(debug, kLog, "an update was refused: {}", error->reason);
  } else if (!std::holds_alternative<RequestOk>(message)) {
    return false;
  }
  --pending_;
  return true;
}

// --- Ours ---------------------------------------------------------------------------------------

OutgoingRequest::OutgoingRequest(Connection& connection, Message request)
    : connection_(&connection), request_(std::move(request)), kind_(*request_kind(request_)) {}

OutgoingRequest& OutgoingRequest::operator=(OutgoingRequest&& other) noexcept {
  if (this == &other) return *this;
  cancel();
  connection_ = other.connection_;
  request_ = std::move(other.request_);
  kind_ = other.kind_;
  id_ = other.id_;
  channel_ = std::move(other.channel_);
  opened_ = std::exchange(other.opened_, std::nullopt);
  failed_ = std::move(other.failed_);
  answered_ = other.answered_;
  over_ = other.over_;
  done_ = other.done_;
  left_ = other.left_;
  updates_ = std::move(other.updates_);
  return *this;
}

OutgoingRequest::~OutgoingRequest() { cancel(); }

Poll<Result<void>> OutgoingRequest::poll_sent(const Waiter& waiter) {
  using Out = Result<void>;
  if (failed_) return Out(std::unexpected(*failed_));
  if (channel_) return Out();
  const auto give_up = [this](Error error) {
    failed_ = std::move(error);
    opened_.reset();
    return Out(std::unexpected(*failed_));
  };
  if (connection_->draining()) return give_up(Error(Code::going_away, "nothing new is asked"));
  const Draft draft = connection_->draft();
  const bool own_stream = connection_->has_own_stream(kind_);
  if (own_stream && !opened_) {
    auto opened = connection_->transport().poll_open_bidi(waiter);
    if (opened.pending()) return kio::kPending;
    if (!*opened) return give_up(opened->error());
    opened_ = *std::move(*opened);
  }
  const auto id = connection_->ids().poll_next(waiter);
  if (id.pending()) return kio::kPending;
  id_ = *id;
  set_request_id(request_, id_);
  auto bytes = encode_message(request_, draft);
  if (!bytes) return give_up(bytes.error());
  if (own_stream) {
    opened_->send->set_priority(transport::kControlPriority);
    channel_ = stream_channel(
        Bidi{std::move(opened_->send), StreamReader(std::move(opened_->recv), draft)});
    opened_.reset();
  } else {
    channel_ = connection_->control().add_request(id_, request_);
  }
  channel_->send(*std::move(bytes));
  return Out();
}

Poll<Result<std::optional<Message>>> OutgoingRequest::over(Error error) {
  over_ = true;
  failed_ = std::move(error);
  return Result<std::optional<Message>>(std::unexpected(*failed_));
}

Poll<Result<std::optional<Message>>> OutgoingRequest::poll_reply(const Waiter& waiter) {
  using Out = Result<std::optional<Message>>;
  auto sent = poll_sent(waiter);
  if (sent.pending()) return kio::kPending;
  if (!*sent) return Out(std::unexpected(sent->error()));
  for (;;) {
    if (over_) return Out(std::nullopt);
    if (answered_) updates_.send(*connection_, *channel_, kind_, id_, waiter);
    auto next = channel_->poll_message(waiter);
    if (next.pending()) {
      updates_.on_update.add(waiter);
      return kio::kPending;
    }
    if (!*next) {
      // What cannot be decoded, or ends in the middle, breaks the session.
      if (next->error().code == Code::decode) connection_->violated(next->error());
      channel_->abort(Error(Code::cancelled), std::nullopt);
      return over(next->error());
    }
    if (!**next) {
      over_ = true;
      return Out(std::nullopt);
    }
    Message& message = ***next;
    if (std::holds_alternative<Goaway>(message) && has_goaway_on_requests(connection_->draft())) {
      channel_->abort(Error(Code::cancelled), std::nullopt);
      return over(Error(Code::going_away, "the peer moves the request"));
    }
    if (answered_ && updates_.take_reply(message)) continue;
    if (answered_ ? !may_follow(message, kind_) : !is_answer(message, kind_)) {
      Error error(Code::protocol_violation, std::string(name_of(message)) + " as an answer to " +
                                                std::string(name_of(request_)));
      connection_->violated(error);
      channel_->abort(error, std::nullopt);
      return over(std::move(error));
    }
    answered_ = true;
    over_ = std::holds_alternative<RequestError>(message) ||
            std::holds_alternative<PublishDone>(message);
    return Out(std::move(message));
  }
}

void OutgoingRequest::update(const Parameters& parameters) {
  if (over_ || failed_) return;
  updates_.add(parameters);
  if (answered_) updates_.send(*connection_, *channel_, kind_, id_, Waiter::none());
  if (updates_.waiting()) updates_.on_update.wake();
}

void OutgoingRequest::cancel(const Error& error) {
  opened_.reset();
  if (!failed_) failed_ = error;
  if (!channel_) return;
  // Where the peer has said all, the end of our half must not come before what it still sends.
  if (std::exchange(over_, true)) return channel_->finish();
  channel_->abort(error, cancel_message(request_, id_, connection_->draft()));
}

Poll<Result<RequestUpdate>> OutgoingRequest::poll_update(const Waiter& waiter) {
  using Out = Result<RequestUpdate>;
  const auto leave = [this](Error error) {
    left_ = true;
    return Out(std::unexpected(std::move(error)));
  };
  const Draft draft = connection_->draft();
  if (!over_ && !failed_) {
    auto next = poll_reply(waiter);
    if (next && !*next) return leave(next->error());
    if (next && **next) {
      auto update = std::get<RequestUpdate>(***std::move(next));
      // On the control stream it was looked at there.
      if (!connection_->has_own_stream(kind_)) return Out(std::move(update));
      if (auto accepted = connection_->ids().accept(update.request_id); !accepted) {
        connection_->violated(accepted.error());
        return leave(accepted.error());
      }
      return Out(std::move(update));
    }
    // Later drafts only mean that no update follows.
    if (next && (!has_request_streams(draft) || fin_cancels_request(draft))) {
      return leave(Error(Code::cancelled, "the peer left"));
    }
  }
  if (failed_) return leave(*failed_);
  if (auto stopped = channel_->poll_stopped(waiter)) return leave(*std::move(stopped));
  return kio::kPending;
}

void OutgoingRequest::say(Message message) {
  if (!channel_ || done_) return;
  done_ = !say_on(*connection_, *channel_, {.id = id_, .kind = kind_}, std::move(message));
}

void OutgoingRequest::reply(Message message) { say(std::move(message)); }

void OutgoingRequest::finish() {
  if (!channel_ || std::exchange(done_, true)) return;
  over_ = true;
  channel_->finish();
}

void OutgoingRequest::accept_update(const RequestUpdate& update) {
  if (has_update_reply(connection_->draft())) say(ok_to(update, connection_->draft()));
}

void OutgoingRequest::reject_update(const RequestUpdate& update, RequestCode code,
                                    std::string reason) {
  if (!has_update_reply(connection_->draft())) return;
  say(refusal_of(update, code, reason, connection_->draft()));
}

// --- The peer's ---------------------------------------------------------------------------------

IncomingRequest::IncomingRequest(Connection& connection, Message request,
                                 std::unique_ptr<RequestChannel> channel)
    : connection_(&connection),
      message_(std::move(request)),
      kind_(*request_kind(message_)),
      id_(request_id_of(message_)),
      channel_(std::move(channel)) {
  ++connection.served();
  MOQ_LOG(trace, kLog, "{}: {} {}", describe(connection), name_of(message_), id_);
}

IncomingRequest::~IncomingRequest() {
  if (!channel_) return;
  --connection_->served();
  if (over_) return;
  if (answered_ || left_) {
    channel_->abort(Error(Code::cancelled), std::nullopt);
  } else {
    reject(RequestCode::internal, "not served");
  }
}

void IncomingRequest::say(Message message) {
  if (say_on(*connection_, *channel_, {.id = id_, .kind = kind_}, std::move(message))) return;
  over_ = true;
}

void IncomingRequest::reply(Message message) {
  if (over_) return;
  answered_ = true;
  say(std::move(message));
}

void IncomingRequest::reject(const Error& error) { reject(to_request_code(error), error.text); }

void IncomingRequest::reject(RequestCode code, std::string reason) {
  if (over_) return;
  MOQ_LOG(debug, kLog, "{}: {} refused: {}", describe(*connection_), name_of(message_), reason);
  RequestError refusal;
  refusal.code = code;
  refusal.reason = phrase(reason);
  reply(std::move(refusal));
  finish();
}

void IncomingRequest::finish() {
  if (std::exchange(over_, true)) return;
  channel_->finish();
}

Poll<Result<void>> IncomingRequest::poll_finished(const Waiter& waiter) {
  return channel_->poll_finished(waiter);
}

void IncomingRequest::revoke(const Error& error) {
  if (std::exchange(over_, true)) return;
  std::optional<Message> message;
  if (const auto* offer = std::get_if<PublishNamespace>(&message_)) {
    message = PublishNamespaceCancel{.request_id = id_,
                                     .track_namespace = offer->track_namespace,
                                     .code = to_request_code(error),
                                     .reason = phrase(error.text)};
  } else if (std::holds_alternative<Publish>(message_)) {
    message = Unsubscribe{.request_id = id_};
  }
  channel_->abort(error, std::move(message));
}

void IncomingRequest::update(const Parameters& parameters) {
  if (over_ || left_) return;
  updates_.add(parameters);
  updates_.send(*connection_, *channel_, kind_, id_, Waiter::none());
  if (updates_.waiting()) updates_.on_update.wake();
}

bool IncomingRequest::take_aside(const Message& message) {
  if (kind_ != RequestKind::publish) return false;
  return updates_.take_reply(message) || std::holds_alternative<PublishStateNotify>(message);
}

Poll<Result<std::optional<Message>>> IncomingRequest::poll_message(const Waiter& waiter) {
  auto next = poll_next(waiter);
  if (next && (!*next || !**next)) left_ = true;
  return next;
}

Poll<Result<std::optional<Message>>> IncomingRequest::poll_next(const Waiter& waiter) {
  using Out = Result<std::optional<Message>>;
  for (;;) {
    updates_.send(*connection_, *channel_, kind_, id_, waiter);
    auto next = channel_->poll_message(waiter);
    if (next && *next && !**next) {
      // Later drafts only mean that no update follows, but who offers something holds on to it.
      const bool offers = kind_ == RequestKind::publish || kind_ == RequestKind::publish_namespace;
      if (offers || !has_request_streams(connection_->draft()) ||
          fin_cancels_request(connection_->draft())) {
        return Out(std::nullopt);
      }
    }
    if (next.pending() || (*next && !**next)) {
      if (auto stopped = channel_->poll_stopped(waiter)) {
        return Out(std::unexpected(*std::move(stopped)));
      }
      updates_.on_update.add(waiter);
      return kio::kPending;
    }
    if (!*next) {
      if (next->error().code == Code::decode) connection_->violated(next->error());
      return next;
    }
    const Message& message = ***next;
    if (const auto* update = std::get_if<RequestUpdate>(&message)) {
      // On the control stream it was looked at there.
      if (connection_->has_own_stream(kind_)) {
        if (auto accepted = connection_->ids().accept(update->request_id); !accepted) {
          connection_->violated(accepted.error());
          return Out(std::unexpected(accepted.error()));
        }
      }
      return next;
    }
    if (std::holds_alternative<PublishDone>(message) && kind_ == RequestKind::publish) return next;
    if (take_aside(message)) continue;
    if (std::holds_alternative<Goaway>(message) && has_goaway_on_requests(connection_->draft()) &&
        !std::exchange(moved_, true)) {
      continue;  // We have no other place for it to go to, and serve it on.
    }
    Error error(Code::protocol_violation, std::string(name_of(message)) + " on the stream of " +
                                              std::string(name_of(message_)));
    connection_->violated(error);
    return Out(std::unexpected(std::move(error)));
  }
}

Poll<Result<RequestUpdate>> IncomingRequest::poll_update(const Waiter& waiter) {
  using Out = Result<RequestUpdate>;
  auto next = poll_message(waiter);
  if (next.pending()) return kio::kPending;
  if (!*next) return Out(std::unexpected(next->error()));
  if (!**next) return Out(std::unexpected(Error(Code::cancelled, "the peer left")));
  return Out(std::get<RequestUpdate>(***std::move(next)));
}

void IncomingRequest::accept_update(const RequestUpdate& update) {
  if (over_ || !has_update_reply(connection_->draft())) return;
  say(ok_to(update, connection_->draft()));
}

void IncomingRequest::reject_update(const RequestUpdate& update, RequestCode code,
                                    std::string reason) {
  if (over_ || !has_update_reply(connection_->draft())) return;
  say(refusal_of(update, code, reason, connection_->draft()));
}

}  // namespace moq::net::moqt
