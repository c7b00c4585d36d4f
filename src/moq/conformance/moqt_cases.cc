#include <fmt/format.h>

#include "moq/conformance/moqt.h"

namespace moq::conformance::moqt {
namespace {

/// An option after those of `setup_of`, by its id; from 16 on the difference to the one before.
Bytes option(const Script& script, std::uint64_t id, std::uint64_t previous, const Bytes& value) {
  const Wire wire(draft_of(script));
  Writer out = wire.writer();
  out.varint(wire.from(16) ? id - previous : id);
  out.bytes(value);
  return out.take();
}

/// The greatest id that `setup_of` writes.
std::uint64_t last_option(const Script& script) {
  if (script.end() == End::relay && !script.bench->target.webtransport) return 0x05;
  return draft_of(script) <= 16 ? 0x02 : 0;
}

/// Sends that SETUP, and expects the end of the session.
kio::Task<Verdict> expect_refused(Script& script, Bytes setup, Codes codes, std::string what) {
  MOQ_CO_TRY(auto session, co_await Session::open(script, std::move(setup)));
  co_return co_await session->peer->expect_closed(codes, what);
}

kio::Task<Verdict> is_answered(Script& script) {
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  co_return co_await session->expect_alive();
}

kio::Task<Verdict> unknown_option(Script& script) {
  Setup setup = setup_of(script);
  setup.more = option(script, 0x3f, last_option(script), from_hex("03 616263"));
  setup.more_count = 1;
  MOQ_CO_TRY(auto session,
             co_await Session::connect_with(script, Wire(draft_of(script)).setup(setup)));
  co_return co_await session->expect_alive();
}

kio::Task<Verdict> repeated_option(Script& script) {
  Setup setup = setup_of(script);
  const Bytes one = option(script, 0x07, last_option(script), from_hex("01 61"));
  const std::array<Bytes, 2> both = {one, option(script, 0x07, 0x07, from_hex("01 62"))};
  setup.more = join(both);
  setup.more_count = 2;
  auto done = co_await expect_refused(script, Wire(draft_of(script)).setup(setup),
                                      Codes(kProtocolViolation, 6), "an option twice");
  co_return done;
}

kio::Task<Verdict> option_past_the_end(Script& script) {
  Setup setup = setup_of(script);
  setup.more = option(script, 0x07, last_option(script), from_hex("20 61"));
  setup.more_count = 1;
  auto done = co_await expect_refused(script, Wire(draft_of(script)).setup(setup),
                                      Codes(kProtocolViolation, 6), "an option that is cut");
  co_return done;
}

kio::Task<Verdict> not_a_setup(Script& script) {
  const Wire wire(draft_of(script));
  if (!wire.one_control_stream()) co_return fail(kSkip, "from 17 on other streams may come first");
  Writer body = wire.writer();
  body.varint(0);
  // Its type is none of a data stream's either.
  // The one that the endpoint itself has to send.
  const std::uint64_t wrong = script.end() == End::relay ? kServerSetup : kClientSetup;
  auto done = co_await expect_refused(script, wire.message(wrong, body), Codes(kProtocolViolation),
                                      "the SETUP of the other side");
  co_return done;
}

kio::Task<Verdict> unknown_message(Script& script) {
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  session->control_out().write(session->wire.message(0x3f, session->wire.writer()));
  co_return co_await session->peer->expect_closed(Codes(kProtocolViolation),
                                                  "an unknown control message");
}

kio::Task<Verdict> control_ends(Script& script) {
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  MOQ_CO_CHECK(co_await session->expect_alive());
  session->control_out().finish();
  co_return co_await session->peer->expect_closed(Codes::any(), "the end of the control stream");
}

kio::Task<Verdict> trailing_bytes(Script& script) {
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  Name nobody;
  nobody.emplace_back("nobody");
  const std::uint64_t id = session->next_id();
  const Bytes request = session->wire.publish_namespace(id, nobody);
  Writer body = session->wire.writer();
  body.bytes(request.slice(3).span()).u8(0);
  MOQ_CO_TRY(const Request sent,
             co_await session->send(id, session->wire.message(kPublishNamespace, body)));
  co_return co_await session->peer->expect_closed(Codes(kProtocolViolation),
                                                  "a message with a byte too many");
}

kio::Task<Verdict> unknown_uni(Script& script) {
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  MOQ_CO_TRY(Stream stream, co_await session->peer->open_uni(from_hex("3f 00")));
  co_return co_await session->peer->expect_closed(Codes(kProtocolViolation),
                                                  "a unidirectional stream of an unknown type");
}

kio::Task<Verdict> no_request(Script& script) {
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  // An answer, which is no request.
  MOQ_CO_TRY(Stream stream, co_await session->peer->open_bidi(session->wire.namespace_ok(0)));
  co_return co_await session->peer->expect_closed(Codes(kProtocolViolation),
                                                  "a bidirectional stream without a request");
}

kio::Task<Verdict> padding(Script& script) {
  MOQ_CO_CHECK(require(script, 18));
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  MOQ_CO_TRY(Stream stream, co_await session->peer->open_uni(from_hex("f0132b3e28 00000000")));
  stream.finish();
  co_return co_await session->expect_alive();
}

kio::Task<Verdict> unknown_track(Script& script) {
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  const std::uint64_t id = session->next_id();
  MOQ_CO_TRY(
      const Request request,
      co_await session->send(id, session->wire.subscribe(id, name_of(script, "nobody"), "video")));
  MOQ_CO_TRY(const Message said, co_await session->answer(request, "DOES_NOT_EXIST"));
  Reader in = session->wire.reader(said.body);
  if (session->wire.one_control_stream()) in.varint();
  const std::uint64_t code = in.varint();
  const std::uint64_t wanted = session->wire.draft() == 14 ? 4 : 0x10;
  // Who publishes nothing may say so otherwise.
  const bool right = code == wanted || script.end() == End::subscriber;
  if (said.type != kRequestError || !right) {
    co_return mismatch(fmt::format("an error with code {:#x}", wanted),
                       fmt::format("a message {:#x} with {:#x}", said.type, code));
  }
  co_return co_await session->expect_alive();
}

kio::Task<Verdict> fetch_unknown(Script& script) {
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  const std::uint64_t id = session->next_id();
  MOQ_CO_TRY(
      const Request request,
      co_await session->send(id, session->wire.fetch(id, name_of(script, "nobody"), "video", 3)));
  MOQ_CO_TRY(const Message said, co_await session->answer(request, "a refusal of FETCH"));
  if (said.type != (session->wire.draft() == 14 ? kFetchError14 : kRequestError)) {
    co_return mismatch("a refusal of FETCH", fmt::format("a message {:#x}", said.type));
  }
  co_return co_await session->expect_alive();
}

kio::Task<Verdict> publish_namespace(Script& script) {
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  const std::uint64_t id = session->next_id();
  MOQ_CO_TRY(const Request request, co_await session->send(id, session->wire.publish_namespace(
                                                                   id, name_of(script, "live"))));
  MOQ_CO_TRY(const Message said, co_await session->answer(request, "an OK"));
  if (said.type != kRequestOk) co_return mismatch("an OK", fmt::format("{:#x}", said.type));
  co_return co_await session->expect_alive();
}

/// Waits until the subscriber hears of the namespace, by whatever its draft tells it.
kio::Task<Verdict> hear(Session& subscriber, const Request& asked, Name name, bool active) {
  if (!subscriber.wire.from(16)) co_return co_await subscriber.announced(name, active);
  const std::uint64_t wanted = active ? kNamespace : kNamespaceDone;
  for (;;) {
    MOQ_CO_TRY(const Message said,
               co_await subscriber.answer(asked, active ? "NAMESPACE" : "NAMESPACE_DONE"));
    if (said.type != wanted) continue;
    Reader in = subscriber.wire.reader(said.body);
    const std::uint64_t fields = in.varint();
    if (fields == 1 && in.text() == name.back()) co_return Verdict();
  }
}

kio::Task<Verdict> subscribe_namespace(Script& script) {
  MOQ_CO_TRY(auto subscriber, co_await Session::connect(script));
  const std::uint64_t id = subscriber->next_id();
  MOQ_CO_TRY(
      const Request asked,
      co_await subscriber->send(id, subscriber->wire.subscribe_namespace(id, name_of(script, "")),
                                subscriber->wire.from(16)));
  MOQ_CO_TRY(const Message said, co_await subscriber->answer(asked, "an OK"));
  const bool ok = said.type == kRequestOk || (said.type == 0x12 && subscriber->wire.draft() == 14);
  if (!ok) co_return mismatch("an OK", fmt::format("a message {:#x}", said.type));
  MOQ_CO_TRY(auto publisher, co_await Session::connect(script));
  const std::uint64_t offer = publisher->next_id();
  MOQ_CO_TRY(const Request offered,
             co_await publisher->send(
                 offer, publisher->wire.publish_namespace(offer, name_of(script, "live"))));
  MOQ_CO_CHECK(co_await hear(*subscriber, asked, name_of(script, "live"), true));
  publisher->peer->close(0);
  co_return co_await hear(*subscriber, asked, name_of(script, "live"), false);
}

kio::Task<Verdict> delivers(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  co_return co_await joined->pass(300, sample_payloads());
}

kio::Task<Verdict> several_groups(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  for (std::uint64_t sequence = 0; sequence < 200; ++sequence) {
    MOQ_CO_CHECK(co_await joined->pass(sequence, sample_payloads()));
  }
  co_return Verdict();
}

kio::Task<Verdict> large_object(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  std::vector<std::string> payloads;
  payloads.emplace_back(std::size_t{2} << 20, 'x');
  co_return co_await joined->pass(5, payloads);
}

kio::Task<Verdict> publish_done(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  MOQ_CO_CHECK(co_await joined->pass(5, sample_payloads()));
  const Session& publisher = *joined->publisher;
  joined->publisher->reply(*joined->request, publisher.wire.publish_done(joined->request_id, 1));
  if (joined->request->stream) joined->request->stream->finish();
  if (joined->subscriber) {
    MOQ_CO_TRY(const Message said,
               co_await joined->subscriber->answer(joined->subscription, "PUBLISH_DONE"));
    if (said.type != kPublishDone) {
      co_return mismatch("PUBLISH_DONE", fmt::format("a message {:#x}", said.type));
    }
  }
  co_return co_await joined->downstream().expect_alive();
}

kio::Task<Verdict> unsubscribe(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  MOQ_CO_CHECK(co_await joined->next());
  Session& subscriber = *joined->subscriber;
  if (joined->subscription.stream) {
    joined->subscription.stream->stop(1);
    joined->subscription.stream->reset(1);
  } else {
    MOQ_CO_TRY(const Request sent,
               co_await subscriber.send(0, subscriber.wire.unsubscribe(joined->subscription.id)));
  }
  co_return co_await subscriber.expect_alive();
}

kio::Task<Verdict> rendezvous(Script& script) {
  MOQ_CO_CHECK(require(script, 17));
  const Name name = name_of(script, "live");
  MOQ_CO_TRY(auto subscriber, co_await Session::connect(script));
  const std::uint64_t id = subscriber->next_id();
  MOQ_CO_TRY(const Request asked,
             co_await subscriber->send(
                 id, subscriber->wire.subscribe_patiently(id, name, "video", 20000)));
  // It has been read by then.
  MOQ_CO_CHECK(co_await subscriber->expect_alive());
  MOQ_CO_TRY(auto publisher, co_await Session::connect(script));
  const std::uint64_t offer = publisher->next_id();
  MOQ_CO_TRY(const Request offered,
             co_await publisher->send(offer, publisher->wire.publish_namespace(offer, name)));
  MOQ_CO_TRY(const Message wanted, co_await publisher->next(kSubscribe, "SUBSCRIBE once it may"));
  const std::uint64_t its_id = publisher->wire.reader(wanted.body).varint();
  publisher->reply(wanted, publisher->wire.subscribe_ok(its_id, kAlias));
  MOQ_CO_TRY(const std::uint64_t alias, co_await subscriber->subscribed(asked));
  MOQ_CO_CHECK(co_await publisher->send_group(kAlias, 3, sample_payloads()));
  co_return co_await subscriber->expect_group(alias, 3, sample_payloads());
}

/// Who asked for tracks, and what it was offered.
struct Watcher {
  std::unique_ptr<Session> session;
  Request wish;
  Request offer;  ///< The endpoint's PUBLISH.
  std::uint64_t alias = 0;

  void reply(Bytes bytes) const {
    if (offer.stream) {
      offer.stream->write(std::move(bytes));
    } else {
      session->control_out().write(std::move(bytes));
    }
  }
};

/// Asks for the tracks below the script's namespace, and waits for the PUBLISH of "video".
kio::Task<Result<std::unique_ptr<Watcher>>> watch(Script& script, Name expected) {
  auto out = std::make_unique<Watcher>();
  MOQ_CO_TRY(out->session, co_await Session::connect(script));
  Session& session = *out->session;
  const std::uint64_t id = session.next_id();
  MOQ_CO_TRY(out->wish, co_await session.send(
                            id, session.wire.subscribe_tracks(id, name_of(script, "")), true));
  MOQ_CO_TRY(const Message said, co_await session.answer(out->wish, "an answer"));
  if (said.type == kRequestError) {
    Reader in = session.wire.reader(said.body);
    if (session.wire.one_control_stream()) in.varint();
    if (in.varint() == 3) co_return fail(kSkip, "NOT_SUPPORTED there");
  }
  if (said.type != kRequestOk) co_return mismatch("an OK", fmt::format("{:#x}", said.type));
  MOQ_CO_TRY(const Message published, co_await session.next(kPublish, "PUBLISH of the track"));
  Reader in = session.wire.reader(published.body);
  out->offer = Request{.id = in.varint(), .stream = published.stream};
  if (session.wire.draft() == 17) in.varint();
  const Name name = read_name(in);
  const std::string track(in.text());
  out->alias = in.varint();
  if (!in.ok() || name != expected || track != "video") {
    co_return mismatch("PUBLISH of the track 'video'", to_hex(published.body.span()));
  }
  co_return std::move(out);
}

kio::Task<Verdict> tracks_published(Script& script) {
  MOQ_CO_CHECK(require(script, 16));
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  MOQ_CO_TRY(auto watcher, co_await watch(script, joined->name));
  watcher->reply(watcher->session->wire.publish_ok(watcher->offer.id));
  MOQ_CO_CHECK(co_await watcher->session->expect_alive());
  MOQ_CO_CHECK(co_await joined->pass(7, sample_payloads()));
  MOQ_CO_CHECK(co_await watcher->session->expect_group(watcher->alias, 7, sample_payloads()));
  co_return co_await watcher->session->expect_alive();
}

kio::Task<Verdict> tracks_done(Script& script) {
  MOQ_CO_CHECK(require(script, 16));
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  MOQ_CO_TRY(auto watcher, co_await watch(script, joined->name));
  watcher->reply(watcher->session->wire.publish_ok(watcher->offer.id));
  MOQ_CO_CHECK(co_await watcher->session->expect_alive());
  const Session& publisher = *joined->publisher;
  joined->publisher->reply(*joined->request, publisher.wire.publish_done(joined->request_id, 0));
  if (joined->request->stream) joined->request->stream->finish();
  MOQ_CO_TRY(const Message said, co_await watcher->session->next(kPublishDone, "PUBLISH_DONE"));
  co_return co_await watcher->session->expect_alive();
}

kio::Task<Verdict> tracks_refused(Script& script) {
  MOQ_CO_CHECK(require(script, 16));
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  MOQ_CO_TRY(auto watcher, co_await watch(script, joined->name));
  watcher->reply(watcher->session->wire.refuse_publish(watcher->offer.id));
  if (watcher->offer.stream) watcher->offer.stream->finish();
  MOQ_CO_CHECK(co_await joined->pass(7, sample_payloads()));
  co_return co_await watcher->session->expect_alive();
}

kio::Task<Verdict> wrong_parity(Script& script) {
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  const std::uint64_t wrong = 1 - session->first_id();
  MOQ_CO_TRY(const Request request,
             co_await session->send(
                 wrong, session->wire.subscribe(wrong, name_of(script, "nobody"), "video")));
  co_return co_await session->peer->expect_closed(
      Codes(kInvalidRequestId),
      fmt::format("a {} request with an {} id", wrong == 1 ? "client's" : "server's",
                  wrong == 1 ? "odd" : "even"));
}

kio::Task<Verdict> reused_id(Script& script) {
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  MOQ_CO_CHECK(co_await session->expect_alive());
  const std::uint64_t again = session->first_id();
  MOQ_CO_TRY(const Request request,
             co_await session->send(
                 again, session->wire.subscribe(again, name_of(script, "nobody"), "video")));
  co_return co_await session->peer->expect_closed(Codes(kInvalidRequestId), "an id twice");
}

/// PUBLISH_NAMESPACE with parameters of the script's own.
kio::Task<Verdict> with_parameters(Script& script, std::uint64_t count, Bytes parameters,
                                   std::string what) {
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  const std::uint64_t id = session->next_id();
  const Bytes request = session->wire.publish_namespace(id, name_of(script, "live"));
  Writer body = session->wire.writer();
  // Without the frame in front and the count of parameters behind.
  body.bytes(request.slice(3, request.size() - 4).span()).varint(count).bytes(parameters.span());
  MOQ_CO_TRY(const Request sent,
             co_await session->send(id, session->wire.message(kPublishNamespace, body)));
  co_return co_await session->peer->expect_closed(Codes(kProtocolViolation, 6), what);
}

kio::Task<Verdict> unknown_parameter(Script& script) {
  MOQ_CO_CHECK(require(script, 16));
  auto done = co_await with_parameters(script, 1, from_hex("3e 01"), "an unknown parameter");
  co_return done;
}

kio::Task<Verdict> too_many_fields(Script& script) {
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  const std::uint64_t id = session->next_id();
  Name name;
  for (int i = 0; i < 33; ++i) name.emplace_back("a");
  MOQ_CO_TRY(const Request sent,
             co_await session->send(id, session->wire.publish_namespace(id, name)));
  co_return co_await session->peer->expect_closed(Codes(kProtocolViolation),
                                                  "a namespace of 33 fields");
}

kio::Task<Verdict> goaway(Script& script) {
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  session->control_out().write(session->wire.goaway());
  co_return co_await session->expect_alive();
}

kio::Task<Verdict> second_goaway(Script& script) {
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  session->control_out().write(session->wire.goaway());
  session->control_out().write(session->wire.goaway());
  co_return co_await session->peer->expect_closed(Codes(kProtocolViolation), "a second GOAWAY");
}

kio::Task<Verdict> unknown_alias(Script& script) {
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  MOQ_CO_CHECK(co_await session->send_group(99, 0, sample_payloads()));
  co_return co_await session->expect_alive();
}

}  // namespace

std::vector<Case> cases() {
  return {
      {"setup/is-answered", "MOQT §9.4, SETUP", is_answered, false, kAll},
      {"setup/unknown-options-are-ignored", "MOQT §9.4, SETUP", unknown_option, false, kAll},
      {"setup/repeated-option-closes", "MOQT §9.4, SETUP", repeated_option, true, kAll},
      {"setup/option-past-the-end-closes", "MOQT §9.4, SETUP", option_past_the_end, true, kAll},
      {"setup/another-message-first-closes", "MOQT §9, control messages", not_a_setup, true, kAll},
      {"control/unknown-message-closes", "MOQT §9, control messages", unknown_message, true, kAll},
      {"control/bytes-left-over-close", "MOQT §9, control messages", trailing_bytes, true, kAll},
      {"control/end-of-its-stream-closes", "MOQT §3.3, session", control_ends, true, kAll},
      {"streams/unknown-unidirectional-type-closes", "MOQT §10, data streams", unknown_uni, true,
       kAll},
      {"streams/bidirectional-without-request-closes", "MOQT §3.3, session", no_request, true,
       kAll},
      {"streams/padding-is-ignored", "MOQT §10, padding", padding, false, kAll},
      {"streams/unknown-alias-is-dropped", "MOQT §10, data streams", unknown_alias, true, kAll},
      {"request-id/wrong-parity-closes", "MOQT §9.1, request id", wrong_parity, true, kAll},
      {"request-id/reused-one-closes", "MOQT §9.1, request id", reused_id, true, kAll},
      {"parameters/unknown-one-closes", "MOQT §9.2, parameters", unknown_parameter, true, kAll},
      {"namespace/too-many-fields-close", "MOQT §2.4, names", too_many_fields, true, kAll},
      {"namespace/is-accepted", "MOQT, PUBLISH_NAMESPACE", publish_namespace, false,
       kRelays | kSubscribers},
      {"namespace/is-listed-and-withdrawn", "MOQT, SUBSCRIBE_NAMESPACE", subscribe_namespace},
      {"subscribe/unknown-track-does-not-exist", "MOQT, SUBSCRIBE", unknown_track, false, kAll},
      {"subscribe/delivers-a-group", "MOQT §10, subgroups", delivers, false,
       kRelays | kSubscribers},
      {"subscribe/delivers-many-groups", "MOQT §10, subgroups", several_groups, false,
       kRelays | kSubscribers},
      {"subscribe/delivers-a-large-object", "MOQT §10, subgroups", large_object, false,
       kRelays | kSubscribers},
      {"subscribe/done-reaches-the-subscriber", "MOQT, PUBLISH_DONE", publish_done, false,
       kRelays | kSubscribers},
      {"subscribe/unsubscribe", "MOQT, UNSUBSCRIBE", unsubscribe, false, kRelays | kPublishers},
      {"subscribe/waits-for-its-broadcast", "MOQT, RENDEZVOUS_TIMEOUT", rendezvous},
      {"tracks/are-published-to-who-asks", "MOQT, SUBSCRIBE_TRACKS", tracks_published},
      {"tracks/done-reaches-who-asked", "MOQT, PUBLISH_DONE", tracks_done},
      {"tracks/may-be-refused", "MOQT, PUBLISH", tracks_refused},
      {"fetch/unknown-track-is-refused", "MOQT, FETCH", fetch_unknown, false, kAll},
      {"goaway/is-taken", "MOQT, GOAWAY", goaway, false, kAll},
      {"goaway/second-one-closes", "MOQT, GOAWAY", second_goaway, true, kAll},
  };
}

}  // namespace moq::conformance::moqt
