#include "moq/net/moqt/internal/control_stream.h"

#include <utility>

#include "moq/base/log.h"
#include "moq/net/moqt/internal/connection.h"
#include "moq/net/moqt/limits.h"

namespace moq::net::moqt {
namespace {

/// A peer that does not read what it asked for holds up its own requests, at most for this long.
constexpr Duration kMaxBlocked = 10s;

std::unexpected<Error> violation(std::string text) {
  return std::unexpected(close_error(CloseCode::protocol_violation, std::move(text)));
}

}  // namespace

/// A request on the control stream.
class ControlChannel final : public RequestChannel {
 public:
  ControlChannel(ControlStream& control, bool ours, std::uint64_t id,
                 std::shared_ptr<ControlStream::Mailbox> mailbox,
                 std::optional<TrackNamespace> name)
      : control_(control),
        ours_(ours),
        id_(id),
        mailbox_(std::move(mailbox)),
        name_(std::move(name)) {}
  ~ControlChannel() override { leave(); }
  ControlChannel(const ControlChannel&) = delete;
  ControlChannel& operator=(const ControlChannel&) = delete;

  Poll<Result<std::optional<Message>>> poll_message(const Waiter& waiter) override {
    using Out = Result<std::optional<Message>>;
    if (!mailbox_->messages.empty()) {
      Message next = std::move(mailbox_->messages.front());
      mailbox_->messages.pop_front();
      return Out(std::move(next));
    }
    if (mailbox_->failed) return Out(std::unexpected(*mailbox_->failed));
    if (mailbox_->ended) return Out(std::nullopt);
    mailbox_->on_change.add(waiter);
    return kio::kPending;
  }
  Poll<Result<void>> poll_writable(const Waiter& waiter) override {
    return control_.poll_writable(waiter);
  }
  Poll<Error> poll_stopped(const Waiter& waiter) override { return control_.poll_stopped(waiter); }
  void send(Bytes message) override {
    if (!done_) control_.send(std::move(message));
  }
  void finish() override { leave(); }
  Poll<Result<void>> poll_finished(const Waiter&) override { return Result<void>(); }
  void abort(const Error&, std::optional<Message> message) override {
    if (!done_ && message) {
      if (auto bytes = encode_message(*message, control_.connection_.draft())) {
        control_.send(*std::move(bytes));
      }
    }
    leave();
  }

 private:
  void leave() {
    if (!std::exchange(done_, true)) control_.remove(ours_, id_, name_);
  }

  ControlStream& control_;
  const bool ours_;
  const std::uint64_t id_;
  const std::shared_ptr<ControlStream::Mailbox> mailbox_;
  const std::optional<TrackNamespace> name_;
  bool done_ = false;
};

void ControlStream::open(std::unique_ptr<transport::SendStream> send) {
  send_ = std::move(send);
  send_->set_priority(transport::kControlPriority);
  for (Bytes& message : std::exchange(early_, {})) send_->write(std::move(message));
  on_open_.wake();
}

void ControlStream::send(Bytes message) {
  if (send_) {
    send_->write(std::move(message));
  } else {
    early_.push_back(std::move(message));
  }
}

Poll<Result<void>> ControlStream::poll_writable(const Waiter& waiter) {
  if (send_) return send_->poll_writable(waiter);
  on_open_.add(waiter);
  return kio::kPending;
}

Poll<Error> ControlStream::poll_stopped(const Waiter& waiter) {
  if (!send_) {
    on_open_.add(waiter);
    return kio::kPending;
  }
  auto finished = send_->poll_finished(waiter);
  if (finished.pending() || *finished) return kio::kPending;
  return finished->error();
}

kio::Task<void> ControlStream::read(StreamReader reader) {
  kio::Timer blocked(connection_.clock());
  for (;;) {
    auto message = co_await reader.message();
    Result<void> taken;
    if (message && *message) {
      taken = receive(**std::move(message));
    } else if (!message && message.error().code == Code::decode) {
      taken = std::unexpected(message.error());
    } else {
      co_await connection_.close_to_follow();
      taken = violation(message ? "control stream ended" : "control stream reset");
    }
    if (!taken) {
      connection_.violated(taken.error());
      co_return;
    }
    // Its answers must not pile up here.
    blocked.set_after(kMaxBlocked);
    const bool writable = co_await kio::wait([&](const Waiter& waiter) -> Poll<bool> {
      if (poll_writable(waiter)) return true;
      if (blocked.poll(waiter)) return false;
      return kio::kPending;
    });
    if (!writable) {
      connection_.violated(Error(Code::control_timeout, "the peer does not read its answers"));
      co_return;
    }
  }
}

std::unique_ptr<RequestChannel> ControlStream::add_request(std::uint64_t id,
                                                           const Message& request) {
  auto mailbox = std::make_shared<Mailbox>();
  mailbox->published = std::holds_alternative<Publish>(request);
  ours_.emplace(id, mailbox);
  std::optional<TrackNamespace> name;
  if (const auto* offer = std::get_if<PublishNamespace>(&request)) {
    name = offer->track_namespace;
    our_names_.insert_or_assign(*name, id);
  }
  return std::make_unique<ControlChannel>(*this, true, id, std::move(mailbox), std::move(name));
}

void ControlStream::remove(bool ours, std::uint64_t id, const std::optional<TrackNamespace>& name) {
  mailboxes(ours).erase(id);
  std::erase_if(updates_, [id](const auto& entry) { return entry.second == id; });
  if (!name) return;
  const auto forget = [&](Names& names) {
    const auto known = names.find(*name);
    if (known != names.end() && known->second == id) names.erase(known);
  };
  if (ours) return forget(our_names_);
  forget(their_names_);
  forget(their_prefixes_);
}

std::optional<std::uint64_t> ControlStream::find(const Names& names,
                                                 const TrackNamespace& name) const {
  const auto known = names.find(name);
  if (known == names.end()) return std::nullopt;
  return known->second;
}

Result<void> ControlStream::receive(Message message) {
  const Draft draft = connection_.draft();
  if (const auto* goaway = std::get_if<Goaway>(&message)) {
    connection_.apply_goaway(*goaway);
    return {};
  }
  if (has_request_streams(draft)) {
    return violation(std::string(name_of(message)) + " on the control stream");
  }
  if (const auto* limit = std::get_if<MaxRequestId>(&message)) {
    return connection_.ids().raise(limit->limit);
  }
  if (std::holds_alternative<RequestsBlocked>(message)) return {};
  if (const auto kind = request_kind(message)) {
    if (connection_.has_own_stream(*kind)) {
      return violation(std::string(name_of(message)) + " on the control stream");
    }
    const std::uint64_t id = request_id_of(message);
    return receive_request(std::move(message), id);
  }
  if (auto* update = std::get_if<RequestUpdate>(&message)) {
    return receive_update(std::move(*update));
  }
  const auto gone = [] { return Error(Code::cancelled, "the peer left"); };
  if (const auto* end_of = std::get_if<Unsubscribe>(&message)) {
    const auto ours = ours_.find(end_of->request_id);
    const bool published = ours != ours_.end() && ours->second->published;
    // One that has ended is as good as one of the peer's that has.
    if (!published && connection_.ids().was_used(end_of->request_id) && ours == ours_.end())
      return {};
    return end(published, end_of->request_id, gone());
  }
  if (const auto* end_of = std::get_if<FetchCancel>(&message)) {
    return end(false, end_of->request_id, gone());
  }
  if (const auto* end_of = std::get_if<UnsubscribeNamespace>(&message)) {
    const auto id = unsubscribes_namespaces_by_name(draft) ? find(their_prefixes_, end_of->prefix)
                                                           : std::optional(end_of->request_id);
    if (!id) return {};  // It crossed our refusal.
    return end(false, *id, gone());
  }
  if (const auto* end_of = std::get_if<PublishNamespaceDone>(&message)) {
    const auto id = ends_namespaces_by_name(draft) ? find(their_names_, end_of->track_namespace)
                                                   : std::optional(end_of->request_id);
    if (!id) return {};
    return end(false, *id, std::nullopt);
  }
  if (const auto* end_of = std::get_if<PublishNamespaceCancel>(&message)) {
    const auto id = ends_namespaces_by_name(draft) ? find(our_names_, end_of->track_namespace)
                                                   : std::optional(end_of->request_id);
    if (!id) return {};
    return end(true, *id, std::nullopt);
  }
  if (const auto* done = std::get_if<PublishDone>(&message)) {
    const std::uint64_t id = done->request_id.value_or(0);
    if (connection_.ids().is_ours(id)) return receive_reply(id, std::move(message));
    const auto known = theirs_.find(id);
    if (known == theirs_.end()) return {};
    return deliver(*known->second, std::move(message));
  }
  if (const auto* ok = std::get_if<SubscribeOk>(&message)) {
    return receive_reply(ok->request_id, std::move(message));
  }
  if (const auto* ok = std::get_if<FetchOk>(&message)) {
    return receive_reply(ok->request_id, std::move(message));
  }
  if (const auto* ok = std::get_if<RequestOk>(&message)) {
    return receive_reply(ok->request_id, std::move(message));
  }
  if (const auto* error = std::get_if<RequestError>(&message)) {
    return receive_reply(error->request_id, std::move(message));
  }
  return violation(std::string(name_of(message)) + " on the control stream");
}

Result<void> ControlStream::receive_request(Message message, std::uint64_t id) {
  MOQ_CHECK(connection_.ids().accept(id));
  auto mailbox = std::make_shared<Mailbox>();
  theirs_.emplace(id, mailbox);
  std::optional<TrackNamespace> name;
  if (const auto* offer = std::get_if<PublishNamespace>(&message)) {
    name = offer->track_namespace;
    their_names_.insert_or_assign(*name, id);
  } else if (const auto* wish = std::get_if<SubscribeNamespace>(&message)) {
    name = wish->prefix;
    their_prefixes_.insert_or_assign(*name, id);
  }
  connection_.serve(IncomingRequest(
      connection_, std::move(message),
      std::make_unique<ControlChannel>(*this, false, id, std::move(mailbox), std::move(name))));
  return {};
}

Result<void> ControlStream::receive_update(RequestUpdate update) {
  MOQ_CHECK(connection_.ids().accept(update.request_id));
  const std::uint64_t updated = update.updated_request.value_or(0);
  const auto known = theirs_.find(updated);
  if (known != theirs_.end()) return deliver(*known->second, std::move(update));
  const auto ours = ours_.find(updated);
  if (ours != ours_.end() && ours->second->published) {
    return deliver(*ours->second, std::move(update));
  }
  // It crossed the end of what it was for.
  const Draft draft = connection_.draft();
  if (!has_update_reply(draft)) return {};
  RequestError refusal;
  refusal.request_id = update.request_id;
  refusal.kind = RequestKind::update;
  refusal.code = RequestCode::does_not_exist;
  if (auto bytes = encode_message(refusal, draft)) send(*std::move(bytes));
  return {};
}

Result<void> ControlStream::receive_reply(std::optional<std::uint64_t> id, Message message) {
  if (!id || !connection_.ids().was_used(*id)) {
    return violation(std::string(name_of(message)) + " for no request of ours");
  }
  if (const auto update = updates_.find(*id); update != updates_.end()) {
    id = update->second;
    updates_.erase(update);
  }
  auto& asked = mailboxes(connection_.ids().is_ours(*id));
  const auto known = asked.find(*id);
  if (known == asked.end()) return {};  // It crossed our cancelling.
  return deliver(*known->second, std::move(message));
}

Result<void> ControlStream::end(bool ours, std::uint64_t id, std::optional<Error> error) {
  if (connection_.ids().is_ours(id) != ours) return violation("the end of another's request");
  const auto known = mailboxes(ours).find(id);
  if (known == mailboxes(ours).end()) return {};
  const std::shared_ptr<Mailbox> mailbox = known->second;
  mailbox->ended = true;
  mailbox->failed = std::move(error);
  mailbox->on_change.wake();
  return {};
}

Result<void> ControlStream::deliver(Mailbox& mailbox, Message message) {
  if (mailbox.messages.size() >= kMaxWaitingMessages) {
    return std::unexpected(
        close_error(CloseCode::too_many_updates, "messages for one request pile up"));
  }
  mailbox.messages.push_back(std::move(message));
  mailbox.on_change.wake();
  return {};
}

}  // namespace moq::net::moqt
