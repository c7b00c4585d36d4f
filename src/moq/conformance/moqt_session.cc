#include <fmt/format.h>

#include <algorithm>

#include "moq/conformance/media.h"
#include "moq/conformance/moqt.h"

namespace moq::conformance::moqt {
namespace {

/// A namespace as people read it.
std::string text_of(const Name& name) {
  std::string out;
  for (const std::string& field : name) out += (out.empty() ? "" : "-") + field;
  return "'" + out + "'";
}

}  // namespace

Name read_name(Reader& in) {
  Name out;
  for (std::uint64_t left = in.count(32); left > 0 && in.ok(); --left) out.emplace_back(in.text());
  return out;
}

kio::Task<Result<std::unique_ptr<Session>>> Session::open(Script& script, Bytes setup) {
  const Wire wire(draft_of(script));
  auto peer = co_await Peer::meet(*script.bench, script.version, wire.kind());
  if (!peer) co_return std::unexpected(peer.error());
  const bool server = script.end() != End::relay;
  auto out = std::make_unique<Session>(wire, *std::move(peer), server);
  if (!wire.one_control_stream()) {
    MOQ_CO_TRY(Stream control, co_await out->peer->open_uni(std::move(setup)));
    out->control_out_ = std::make_shared<Stream>(std::move(control));
    co_return std::move(out);
  }
  if (server) {
    // The client begins.
    MOQ_CO_TRY(Stream control, co_await out->peer->accept_bidi("the control stream"));
    out->control_out_ = std::make_shared<Stream>(std::move(control));
    out->control_in_ = out->control_out_;
    MOQ_CO_CHECK(co_await out->read_setup());
    out->control_out_->write(std::move(setup));
  } else {
    MOQ_CO_TRY(Stream control, co_await out->peer->open_bidi(std::move(setup)));
    out->control_out_ = std::make_shared<Stream>(std::move(control));
    out->control_in_ = out->control_out_;
  }
  co_return std::move(out);
}

kio::Task<Result<std::unique_ptr<Session>>> Session::connect(Script& script) {
  auto session = co_await connect_with(script, Wire(draft_of(script)).setup(setup_of(script)));
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
  if (std::exchange(setup_read_, true)) co_return Verdict();
  const std::string what = "the endpoint's SETUP";
  const std::uint64_t wanted =
      !wire.one_control_stream() ? kSetup : (server_ ? kClientSetup : kServerSetup);
  while (!control_in_) {
    MOQ_CO_TRY(Stream stream, co_await peer->accept_uni(what));
    control_in_ = std::make_shared<Stream>(std::move(stream));
  }
  MOQ_CO_TRY(const std::uint64_t type, co_await control_in_->varint(what));
  if (type != wanted) co_return mismatch(what, fmt::format("a message of type {:#x}", type));
  MOQ_CO_TRY(const Bytes body, co_await control_in_->message_u16(what));
  Reader in = wire.reader(body);
  if (wire.draft() == 14) {
    bool offered = false;
    for (std::uint64_t left = server_ ? in.varint() : 1; left > 0 && in.ok(); --left) {
      offered = in.varint() == 0xff00000e || offered;
    }
    if (!offered) co_return mismatch("draft 14 in SETUP", to_hex(body));
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

bool Session::is_subgroup(std::uint64_t type) const {
  return (type & ~std::uint64_t{0x7f}) == 0 && (type & 0x10) != 0 && (type & 0x06) != 0x06 &&
         (wire.from(15) || (type & 0x20) == 0) && (wire.from(18) || (type & 0x40) == 0);
}

kio::Task<Verdict> Session::expect_group(std::uint64_t alias, std::uint64_t sequence,
                                         std::vector<std::string> payloads) {
  const std::string what = fmt::format("group {}", sequence);
  MOQ_CO_TRY(Stream stream, co_await peer->accept_uni(what));
  MOQ_CO_TRY(const std::uint64_t type, co_await stream.varint(what));
  if (!is_subgroup(type)) co_return mismatch(what, fmt::format("a stream of type {:#x}", type));
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

kio::Task<void> Session::take_names(std::shared_ptr<Stream> stream, Name prefix) {
  stream->set_beside(true);
  for (;;) {
    auto type = co_await stream->varint_or_fin("an answer to SUBSCRIBE_NAMESPACE");
    if (!type || !*type) co_return;
    auto body = co_await stream->message_u16("an answer to SUBSCRIBE_NAMESPACE");
    if (!body) co_return;
    if (**type != kNamespace && **type != kNamespaceDone) continue;
    Reader in = wire.reader(*body);
    Name name = prefix;
    for (std::string& field : read_name(in)) name.push_back(std::move(field));
    announced_[name] = **type == kNamespace;
    changed_.wake();
  }
}

kio::Task<Verdict> Session::wait_for(Name name) {
  // Up to 15 a prefix has a field at least, and what it finds is announced as if unasked.
  Name prefix;
  if (!wire.from(16)) prefix.push_back(name.front());
  const std::uint64_t id = next_id();
  MOQ_CO_TRY(const Request asked,
             co_await send(id, wire.subscribe_namespace(id, prefix), wire.from(16)));
  if (asked.stream) tasks_->spawn(take_names(asked.stream, prefix));
  co_return co_await announced(name, true);
}

kio::Task<Result<Group>> Session::next_group(std::uint64_t alias) {
  const std::string what = "a group";
  for (;;) {
    MOQ_CO_TRY(Stream stream, co_await peer->accept_uni(what));
    auto read = co_await read_group(stream);
    if (!read) co_return std::unexpected(read.error());
    if (*read && (*read)->first == alias) co_return (*read)->second;
  }
}

kio::Task<Result<std::optional<std::pair<std::uint64_t, Group>>>> Session::read_group(
    Stream& stream) {
  using Value = Result<std::optional<std::pair<std::uint64_t, Group>>>;
  constexpr std::size_t kMostBytes = std::size_t{32} << 20;
  MOQ_CO_TRY(const auto whole, co_await stream.rest_or_reset(kMostBytes, "a group"));
  if (!whole) co_return Value(std::nullopt);
  Reader in = wire.reader(*whole);
  const std::uint64_t type = in.varint();
  if (!is_subgroup(type))
    co_return mismatch("a group", fmt::format("a stream of type {:#x}", type));
  const std::uint64_t alias = in.varint();
  Group group;
  group.sequence = in.varint();
  if ((type & 0x06) == 0x04) in.varint();
  if ((type & 0x20) == 0) in.u8();
  bool middle = false;
  while (in.ok() && in.remaining() > 0) {
    const std::uint64_t delta = in.varint();
    middle = middle || delta != 0;
    if ((type & 0x01) != 0) in.prefixed();
    const ByteSpan payload = in.prefixed();
    if (payload.empty() && in.varint() != 0) continue;  // The end of the group, or of the track.
    group.payloads.emplace_back(as_text(payload));
  }
  if (!in.ok()) co_return mismatch("whole objects in a group", to_hex(whole->span()));
  if (middle || group.payloads.empty()) co_return Value(std::nullopt);
  co_return Value(std::pair(alias, std::move(group)));
}

kio::Task<Result<std::string>> Session::read_catalog(Name name) {
  const std::uint64_t id = next_id();
  MOQ_CO_TRY(const Request asked,
             co_await send(id, wire.subscribe(id, name, media::kCatalogTrack, Wire::From::group)));
  MOQ_CO_TRY(const std::uint64_t alias, co_await subscribed(asked));
  MOQ_CO_TRY(const Group group, co_await next_group(alias));
  keep(asked);
  co_return group.payloads.front();
}

kio::Task<Verdict> announce(Session& session, Name name) {
  const std::uint64_t id = session.next_id();
  MOQ_CO_TRY(const Request offered,
             co_await session.send(id, session.wire.publish_namespace(id, name)));
  MOQ_CO_TRY(const Message accepted, co_await session.answer(offered, "the namespace to be taken"));
  if (accepted.type != kRequestOk) {
    co_return mismatch("the namespace to be taken", fmt::format("a message {:#x}", accepted.type));
  }
  session.keep(offered);
  co_return Verdict();
}

std::string track_of(const Wire& wire, const Message& subscribe) {
  Reader in = wire.after_id(subscribe.body);
  read_name(in);
  return std::string(in.text());
}

kio::Task<Result<Message>> next_media(Session& session, std::uint64_t catalog_alias) {
  for (;;) {
    MOQ_CO_TRY(const Message asked, co_await session.next(kSubscribe, "SUBSCRIBE from the client"));
    const std::uint64_t id = session.wire.reader(asked.body).varint();
    const std::string track = track_of(session.wire, asked);
    if (track == media::kVideoTrack) co_return asked;
    if (track != media::kCatalogTrack) {
      session.reply(asked, session.wire.refuse_subscribe(id));
      continue;
    }
    session.reply(asked, session.wire.subscribe_ok(id, catalog_alias));
    std::vector<std::string> payloads;
    payloads.push_back(media::catalog());
    MOQ_CO_CHECK(co_await session.send_group(catalog_alias, 0, std::move(payloads)));
  }
}

kio::Task<Verdict> Joined::join_relay(Script& script) {
  name = name_of(script, "live");
  MOQ_CO_TRY(publisher, co_await Session::connect(script));
  MOQ_CO_CHECK(co_await announce(*publisher, name));
  MOQ_CO_TRY(subscriber, co_await Session::connect(script));
  const std::uint64_t wanted = subscriber->next_id();
  MOQ_CO_TRY(subscription,
             co_await subscriber->send(wanted, subscriber->wire.subscribe(wanted, name, "video")));
  auto asked = co_await publisher->next(kSubscribe, "SUBSCRIBE to the publisher");
  if (!asked) co_return std::unexpected(asked.error());
  request.emplace(*std::move(asked));
  request_id = publisher->wire.reader(request->body).varint();
  publisher->reply(*request, publisher->wire.subscribe_ok(request_id, kAlias));
  MOQ_CO_TRY(alias, co_await subscriber->subscribed(subscription));
  co_return Verdict();
}

kio::Task<Verdict> Joined::join_publisher(Script& script) {
  name = name_of(script.bench->broadcast);
  MOQ_CO_TRY(subscriber, co_await Session::connect(script));
  MOQ_CO_CHECK(co_await subscriber->wait_for(name));
  std::string track = script.bench->track;
  if (track.empty()) {
    MOQ_CO_TRY(const std::string catalog, co_await subscriber->read_catalog(name));
    const auto named = media::first_track(catalog);
    if (!named) co_return mismatch("a catalog that names a track", catalog);
    track = *named;
  }
  const std::uint64_t wanted = subscriber->next_id();
  MOQ_CO_TRY(subscription,
             co_await subscriber->send(
                 wanted, subscriber->wire.subscribe(wanted, name, track, Wire::From::group)));
  MOQ_CO_TRY(alias, co_await subscriber->subscribed(subscription));
  co_return Verdict();
}

kio::Task<Verdict> Joined::join_subscriber(Script& script) {
  name = name_of(script.bench->broadcast);
  MOQ_CO_TRY(publisher, co_await Session::connect(script));
  MOQ_CO_CHECK(co_await announce(*publisher, name));
  auto asked = co_await next_media(*publisher, kCatalogAlias);
  if (!asked) co_return std::unexpected(asked.error());
  request.emplace(*std::move(asked));
  request_id = publisher->wire.reader(request->body).varint();
  publisher->reply(*request, publisher->wire.subscribe_ok(request_id, kAlias));
  co_return Verdict();
}

kio::Task<Result<std::unique_ptr<Joined>>> Joined::make(Script& script) {
  auto out = std::make_unique<Joined>(script.end());
  Verdict joined;
  if (script.end() == End::relay) {
    joined = co_await out->join_relay(script);
  } else if (script.end() == End::publisher) {
    joined = co_await out->join_publisher(script);
  } else {
    joined = co_await out->join_subscriber(script);
  }
  if (!joined) co_return std::unexpected(joined.error());
  co_return std::move(out);
}

std::vector<std::string> Joined::dressed(std::vector<std::string> payloads) {
  if (end != End::subscriber) return payloads;
  constexpr std::uint64_t kStepUs = 33'000;
  bool key = true;
  for (std::string& payload : payloads) {
    payload = media::frame(time_us_ += kStepUs, std::exchange(key, false), payload);
  }
  return payloads;
}

kio::Task<Verdict> Joined::pass(std::uint64_t group, std::vector<std::string> payloads) {
  const bool newest = group >= sequence;
  sequence = std::max(sequence, group);
  if (end == End::subscriber) {
    MOQ_CO_TRY(Stream stream, co_await publisher->peer->open_uni(publisher->wire.group(
                                  kAlias, group, dressed(std::move(payloads)))));
    stream.finish();
    MOQ_CO_CHECK(co_await stream.expect_taken(!newest, fmt::format("group {} to be taken", group)));
    co_return publisher->peer->still_open();
  }
  MOQ_CO_CHECK(co_await publisher->send_group(kAlias, group, payloads));
  co_return co_await subscriber->expect_group(alias, group, payloads);
}

kio::Task<Verdict> Joined::next() {
  if (end != End::publisher) {
    auto passed = co_await pass(sequence + 1, sample_payloads());
    co_return passed;
  }
  MOQ_CO_TRY(const Group group, co_await subscriber->next_group(alias));
  sequence = group.sequence;
  co_return Verdict();
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
