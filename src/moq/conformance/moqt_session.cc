#include <fmt/format.h>

#include "moq/conformance/moqt.h"

namespace moq::conformance::moqt {
namespace {

/// A namespace as people read it.
std::string text_of(const Name& name) {
  std::string out;
  for (const std::string& field : name) out += (out.empty() ? "" : "-") + field;
  return "'" + out + "'";
}

Name read_name(Reader& in) {
  Name out;
  for (std::uint64_t left = in.count(32); left > 0 && in.ok(); --left) out.emplace_back(in.text());
  return out;
}

}  // namespace

kio::Task<Result<std::unique_ptr<Session>>> Session::open(Script& script, Bytes setup) {
  const Wire wire(draft_of(script));
  auto peer = co_await Peer::dial(*script.bench, script.version, wire.kind());
  if (!peer) co_return std::unexpected(peer.error());
  auto out = std::make_unique<Session>(wire, *std::move(peer));
  if (wire.one_control_stream()) {
    MOQ_CO_TRY(Stream control, co_await out->peer->open_bidi(std::move(setup)));
    out->control_out_ = std::make_shared<Stream>(std::move(control));
    out->control_in_ = out->control_out_;
  } else {
    MOQ_CO_TRY(Stream control, co_await out->peer->open_uni(std::move(setup)));
    out->control_out_ = std::make_shared<Stream>(std::move(control));
  }
  co_return std::move(out);
}

kio::Task<Result<std::unique_ptr<Session>>> Session::connect(Script& script) {
  Setup setup;
  if (!script.bench->target.webtransport) {
    setup.path = script.bench->target.path;
    setup.authority = script.bench->target.authority;
  }
  auto session = co_await connect_with(script, Wire(draft_of(script)).setup(setup));
  co_return std::move(session);
}

kio::Task<Result<std::unique_ptr<Session>>> Session::connect_with(Script& script, Bytes setup) {
  auto session = co_await open(script, std::move(setup));
  if (!session) co_return std::unexpected(session.error());
  MOQ_CO_CHECK(co_await (*session)->read_setup());
  (*session)->start();
  co_return session;
}

kio::Task<Verdict> Session::read_setup() {
  const std::string what = "the endpoint's SETUP";
  const std::uint64_t wanted = wire.one_control_stream() ? kServerSetup : kSetup;
  while (!control_in_) {
    MOQ_CO_TRY(Stream stream, co_await peer->accept_uni(what));
    control_in_ = std::make_shared<Stream>(std::move(stream));
  }
  MOQ_CO_TRY(const std::uint64_t type, co_await control_in_->varint(what));
  if (type != wanted) co_return mismatch(what, fmt::format("a message of type {:#x}", type));
  MOQ_CO_TRY(const Bytes body, co_await control_in_->message_u16(what));
  Reader in = wire.reader(body);
  if (wire.draft() == 14 && in.varint() != 0xff00000e) {
    co_return mismatch("draft 14 in SERVER_SETUP", to_hex(body));
  }
  std::uint64_t left = wire.one_control_stream() ? in.varint() : 64;
  std::uint64_t id = 0;
  while (left-- > 0 && (wire.one_control_stream() || in.remaining() > 0) && in.ok()) {
    id = wire.from(16) ? id + in.varint() : in.varint();
    if (id % 2 == 0) {
      in.varint();
    } else {
      in.prefixed();
    }
  }
  if (!in.finish(0)) co_return mismatch("a SETUP that decodes", to_hex(body));
  co_return Verdict();
}

void Session::start() {
  tasks_ = std::make_unique<kio::TaskGroup>(*peer->bench().loop);
  tasks_->spawn(take_control());
  tasks_->spawn(take_streams());
}

kio::Task<void> Session::take_control() {
  control_in_->set_beside(true);
  for (;;) {
    auto type = co_await control_in_->varint_or_fin("a control message");
    if (!type || !*type) break;
    auto body = co_await control_in_->message_u16("a control message");
    if (!body) break;
    take(Message(**type, *std::move(body), nullptr));
  }
  failed_ = Error(Code::protocol_violation, "the control stream has ended");
  changed_.wake();
}

kio::Task<void> Session::take_streams() {
  for (;;) {
    auto accepted = co_await peer->session().accept_bidi();
    if (!accepted) break;
    auto stream = std::make_shared<Stream>(peer->bench(), wire.kind(), std::move(accepted->send),
                                           std::move(accepted->recv));
    tasks_->spawn(take_requests(std::move(stream)));
  }
}

kio::Task<void> Session::take_requests(std::shared_ptr<Stream> stream) {
  stream->set_beside(true);
  std::optional<Name> named;
  for (;;) {
    auto type = co_await stream->varint_or_fin("a request");
    if (!type || !*type) break;
    auto body = co_await stream->message_u16("a request");
    if (!body) break;
    if (**type == kPublishNamespace) {
      Reader in = wire.reader(*body);
      in.varint();
      if (wire.draft() == 17) in.varint();
      named = read_name(in);
    }
    take(Message(**type, *std::move(body), stream));
  }
  // From 17 on the end of the stream withdraws a namespace.
  if (named) announced_[*named] = false;
  changed_.wake();
}

/// Answers what is the same each time, and keeps the rest for the script.
void Session::take(Message message) {
  Reader in = wire.reader(message.body);
  const std::uint64_t id = in.varint();
  const bool is_reply = message.stream == nullptr && !wire.one_control_stream();
  if (!is_reply && message.type == kPublishNamespace) {
    if (wire.draft() == 17) in.varint();
    const Name name = read_name(in);
    announced_[name] = true;
    announced_ids_[id] = name;
    reply(message, wire.namespace_ok(id));
  } else if (wire.one_control_stream() && message.type == kPublishNamespaceDone) {
    Reader again = wire.reader(message.body);
    const Name name = wire.from(16) ? announced_ids_[id] : read_name(again);
    announced_[name] = false;
  } else if (message.type == wire.subscribe_namespace_type()) {
    reply(message, wire.subscribe_namespace_ok(id));
    if (message.stream) messages_.push_back(std::move(message));
  } else if (message.type == kFetch) {
    reply(message, wire.refuse_fetch(id));
  } else {
    messages_.push_back(std::move(message));
  }
  changed_.wake();
}

void Session::reply(const Message& message, Bytes bytes) {
  (message.stream ? *message.stream : *control_out_).write(std::move(bytes));
}

kio::Task<Result<Request>> Session::send(std::uint64_t id, Bytes bytes, bool own_stream) {
  Request out{.id = id, .stream = nullptr};
  if (wire.one_control_stream() && !own_stream) {
    control_out_->write(std::move(bytes));
    co_return out;
  }
  MOQ_CO_TRY(Stream stream, co_await peer->open_bidi(std::move(bytes)));
  out.stream = std::make_shared<Stream>(std::move(stream));
  co_return out;
}

kio::Task<Result<Message>> Session::answer(Request request, std::string what) {
  if (request.stream) {
    MOQ_CO_TRY(const std::uint64_t type, co_await request.stream->varint(what));
    MOQ_CO_TRY(const Bytes body, co_await request.stream->message_u16(what));
    co_return Message(type, body, request.stream);
  }
  peer->bench().wait_for(what);
  std::optional<Message> found;
  auto ready = co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<Verdict> {
    for (auto it = messages_.begin(); it != messages_.end(); ++it) {
      Reader in = wire.reader(it->body);
      if (it->type == kSubscribe || in.varint() != request.id) continue;
      found = std::move(*it);
      messages_.erase(it);
      return Verdict();
    }
    if (failed_) return Verdict(mismatch(what, failed_->text));
    changed_.add(waiter);
    return kio::kPending;
  });
  if (!ready) co_return std::unexpected(ready.error());
  co_return *std::move(found);
}

kio::Task<Result<Message>> Session::next(std::uint64_t type, std::string what) {
  peer->bench().wait_for(what);
  std::optional<Message> found;
  auto ready = co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<Verdict> {
    for (auto it = messages_.begin(); it != messages_.end(); ++it) {
      if (it->type != type) continue;
      found = std::move(*it);
      messages_.erase(it);
      return Verdict();
    }
    if (failed_) return Verdict(mismatch(what, failed_->text));
    changed_.add(waiter);
    return kio::kPending;
  });
  if (!ready) co_return std::unexpected(ready.error());
  co_return *std::move(found);
}

kio::Task<Verdict> Session::announced(Name name, bool active) {
  const std::string what = text_of(name) + (active ? " to be announced" : " to be withdrawn");
  peer->bench().wait_for(what);
  auto ready = co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<Verdict> {
    const auto known = announced_.find(name);
    if (known != announced_.end() && known->second == active) return Verdict();
    if (failed_) return Verdict(mismatch(what, failed_->text));
    changed_.add(waiter);
    return kio::kPending;
  });
  co_return ready;
}

kio::Task<Verdict> Session::expect_alive() {
  const std::uint64_t id = next_id();
  Name nobody;
  nobody.emplace_back("conformance");
  nobody.emplace_back("nothing-is-here");
  MOQ_CO_TRY(const Request request, co_await send(id, wire.subscribe(id, nobody, "video")));
  MOQ_CO_TRY(const Message said, co_await answer(request, "a live session refuses a subscription"));
  if (said.type != kRequestError) {
    co_return mismatch("a refused subscription", fmt::format("a message {:#x}", said.type));
  }
  co_return Verdict();
}

kio::Task<Result<std::uint64_t>> Session::subscribed(Request request) {
  MOQ_CO_TRY(const Message said, co_await answer(request, "SUBSCRIBE_OK"));
  if (said.type != kSubscribeOk) {
    co_return mismatch("SUBSCRIBE_OK",
                       fmt::format("a message {:#x}: {}", said.type, to_hex(said.body.span())));
  }
  Reader in = wire.reader(said.body);
  if (wire.one_control_stream()) in.varint();
  const std::uint64_t alias = in.varint();
  if (!in.ok()) co_return mismatch("SUBSCRIBE_OK with an alias", to_hex(said.body.span()));
  co_return alias;
}

kio::Task<Verdict> Session::expect_group(std::uint64_t alias, std::uint64_t sequence,
                                         std::vector<std::string> payloads) {
  const std::string what = fmt::format("group {}", sequence);
  MOQ_CO_TRY(Stream stream, co_await peer->accept_uni(what));
  MOQ_CO_TRY(const std::uint64_t type, co_await stream.varint(what));
  const std::uint64_t bits = type & ~std::uint64_t{0x7f};
  const bool is_subgroup = bits == 0 && (type & 0x10) != 0 && (type & 0x06) != 0x06 &&
                           (wire.from(15) || (type & 0x20) == 0) &&
                           (wire.from(18) || (type & 0x40) == 0);
  if (!is_subgroup) co_return mismatch(what, fmt::format("a stream of type {:#x}", type));
  MOQ_CO_TRY(const std::uint64_t its_alias, co_await stream.varint(what));
  MOQ_CO_TRY(const std::uint64_t its_group, co_await stream.varint(what));
  if (its_alias != alias || its_group != sequence) {
    co_return mismatch(fmt::format("alias {}, {}", alias, what),
                       fmt::format("alias {}, group {}", its_alias, its_group));
  }
  if ((type & 0x06) == 0x04) {
    MOQ_CO_TRY(const std::uint64_t subgroup, co_await stream.varint(what));
    if (subgroup != 0) co_return mismatch("subgroup 0", std::to_string(subgroup));
  }
  if ((type & 0x20) == 0) {
    MOQ_CO_TRY(const Bytes priority, co_await stream.take(1, what));
  }
  for (const std::string& payload : payloads) {
    MOQ_CO_TRY(const std::uint64_t delta, co_await stream.varint("an object of " + what));
    if (delta != 0) co_return mismatch("objects without holes", fmt::format("a step of {}", delta));
    if ((type & 0x01) != 0) {
      MOQ_CO_TRY(const Bytes properties, co_await stream.message("properties of an object"));
    }
    Writer object = wire.writer();
    object.text(payload);
    MOQ_CO_CHECK(co_await stream.expect(object.take(), "the payload of an object of " + what));
    if (payload.empty()) {
      MOQ_CO_TRY(const std::uint64_t status, co_await stream.varint("an object's status"));
      if (status != 0) co_return mismatch("status 0", std::to_string(status));
    }
  }
  co_return co_await stream.expect_fin("the end of " + what);
}

kio::Task<Verdict> Session::send_group(std::uint64_t alias, std::uint64_t sequence,
                                       std::vector<std::string> payloads) {
  MOQ_CO_TRY(Stream stream, co_await peer->open_uni(wire.group(alias, sequence, payloads)));
  stream.finish();
  co_return Verdict();
}

kio::Task<Result<std::unique_ptr<Joined>>> Joined::make(Script& script) {
  auto out = std::make_unique<Joined>();
  out->name = name_of(script, "live");
  MOQ_CO_TRY(out->publisher, co_await Session::connect(script));
  Session& publisher = *out->publisher;
  const std::uint64_t id = publisher.next_id();
  MOQ_CO_TRY(const Request offered,
             co_await publisher.send(id, publisher.wire.publish_namespace(id, out->name)));
  MOQ_CO_TRY(const Message accepted,
             co_await publisher.answer(offered, "the namespace to be taken"));
  if (accepted.type != kRequestOk) {
    co_return mismatch("the namespace to be taken", fmt::format("a message {:#x}", accepted.type));
  }
  MOQ_CO_TRY(out->subscriber, co_await Session::connect(script));
  Session& subscriber = *out->subscriber;
  const std::uint64_t wanted = subscriber.next_id();
  MOQ_CO_TRY(out->subscription, co_await subscriber.send(
                                    wanted, subscriber.wire.subscribe(wanted, out->name, "video")));
  auto asked = co_await publisher.next(kSubscribe, "SUBSCRIBE to the publisher");
  if (!asked) co_return std::unexpected(asked.error());
  out->request.emplace(*std::move(asked));
  out->request_id = publisher.wire.reader(out->request->body).varint();
  publisher.reply(*out->request, publisher.wire.subscribe_ok(out->request_id, kAlias));
  MOQ_CO_TRY(out->alias, co_await subscriber.subscribed(out->subscription));
  co_return std::move(out);
}

kio::Task<Verdict> Joined::pass(std::uint64_t sequence, std::vector<std::string> payloads) {
  MOQ_CO_CHECK(co_await publisher->send_group(kAlias, sequence, payloads));
  co_return co_await subscriber->expect_group(alias, sequence, payloads);
}

kio::Task<Verdict> still_serves(Script& script) {
  auto joined = co_await Joined::make(script);
  if (!joined) co_return std::unexpected(joined.error());
  std::vector<std::string> payloads;
  payloads.emplace_back("hello");
  payloads.emplace_back("");
  co_return co_await (*joined)->pass(6, payloads);
}

}  // namespace moq::conformance::moqt
