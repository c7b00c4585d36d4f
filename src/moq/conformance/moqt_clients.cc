#include <fmt/format.h>

#include <algorithm>

#include "moq/conformance/door.h"
#include "moq/conformance/moqt.h"

// Clients that publish, and clients that play.
namespace moq::conformance::moqt {
namespace {

constexpr std::uint64_t kDuplicateAlias = 5;

kio::Task<Verdict> announces(Script& script) {
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  MOQ_CO_CHECK(co_await session->wait_for(name_of(script.bench->broadcast)));
  co_return co_await session->expect_alive();
}

kio::Task<Verdict> catalog(Script& script) {
  if (!script.bench->broadcast.ends_with(".hang")) co_return fail(kSkip, "no hang broadcast");
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  const Name name = name_of(script.bench->broadcast);
  MOQ_CO_CHECK(co_await session->wait_for(name));
  MOQ_CO_TRY(const std::string text, co_await session->read_catalog(name));
  if (!text.starts_with('{') || !text.ends_with('}')) co_return mismatch("a catalog in JSON", text);
  co_return co_await session->expect_alive();
}

kio::Task<Verdict> track_nobody_has(Script& script) {
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  const Name name = name_of(script.bench->broadcast);
  MOQ_CO_CHECK(co_await session->wait_for(name));
  const std::uint64_t id = session->next_id();
  MOQ_CO_TRY(
      const Request asked,
      co_await session->send(id, session->wire.subscribe(id, name, "conformance-nobody-has-this")));
  MOQ_CO_TRY(const Message said, co_await session->answer(asked, "DOES_NOT_EXIST"));
  Reader in = session->wire.reader(said.body);
  if (session->wire.one_control_stream()) in.varint();
  const std::uint64_t code = in.varint();
  const std::uint64_t wanted = session->wire.draft() == 14 ? 4 : 0x10;
  if (said.type != kRequestError || code != wanted) {
    co_return mismatch(fmt::format("an error with code {:#x}", wanted),
                       fmt::format("a message {:#x} with {:#x}", said.type, code));
  }
  co_return co_await session->expect_alive();
}

kio::Task<Verdict> each_once(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  std::vector<std::uint64_t> seen;
  for (int i = 0; i < 3; ++i) {
    MOQ_CO_CHECK(co_await joined->next());
    if (std::ranges::find(seen, joined->sequence) != seen.end()) {
      co_return mismatch("each group once", fmt::format("group {} again", joined->sequence));
    }
    seen.push_back(joined->sequence);
  }
  co_return Verdict();
}

kio::Task<Verdict> stops_one(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  MOQ_CO_TRY(Stream stream, co_await joined->subscriber->peer->accept_uni("a group to stop"));
  stream.stop(1);
  co_return co_await joined->next();
}

kio::Task<Verdict> goes_on(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  MOQ_CO_CHECK(co_await joined->next());
  joined->upstream().control_out().write(joined->upstream().wire.goaway());
  MOQ_CO_CHECK(co_await joined->next());
  co_return co_await joined->upstream().expect_alive();
}

kio::Task<Verdict> clean_end(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  MOQ_CO_CHECK(co_await joined->next());
  if (!script.bench->door->has_command()) co_return fail(kSkip, "the client was started by hand");
  script.bench->door->terminate();
  co_return co_await joined->upstream().peer->expect_closed(Codes(0),
                                                            "a client that is asked to end");
}

kio::Task<Verdict> asks(Script& script) {
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  const Name name = name_of(script.bench->broadcast);
  MOQ_CO_CHECK(co_await announce(*session, name));
  MOQ_CO_TRY(const Message asked, co_await session->next(kSubscribe, "SUBSCRIBE from the client"));
  Writer named = session->wire.writer();
  session->wire.write_name(named, name);
  const Bytes wanted = named.take();
  Reader in = session->wire.after_id(asked.body);
  const Bytes rest = asked.body.slice(in.position());
  if (rest.size() < wanted.size() || rest.slice(0, wanted.size()) != wanted) {
    co_return mismatch("SUBSCRIBE to '" + script.bench->broadcast + "'", to_hex(asked.body.span()));
  }
  if (session->wire.reader(asked.body).varint() % 2 != 0) {
    co_return mismatch("an even id of a client's request", to_hex(asked.body.span()));
  }
  co_return Verdict();
}

kio::Task<Verdict> refused(Script& script) {
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  MOQ_CO_CHECK(co_await announce(*session, name_of(script.bench->broadcast)));
  MOQ_CO_TRY(const Message asked, co_await next_media(*session, kCatalogAlias));
  const std::uint64_t id = session->wire.reader(asked.body).varint();
  session->reply(asked, session->wire.refuse_subscribe(id));
  co_return co_await session->expect_alive();
}

kio::Task<Verdict> alias_in_use(Script& script) {
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  MOQ_CO_CHECK(co_await announce(*session, name_of(script.bench->broadcast)));
  MOQ_CO_TRY(const Message asked, co_await next_media(*session, kCatalogAlias));
  const std::uint64_t id = session->wire.reader(asked.body).varint();
  session->reply(asked, session->wire.subscribe_ok(id, kCatalogAlias));
  co_return co_await session->peer->expect_closed(Codes(kDuplicateAlias),
                                                  "an alias of another live track");
}

kio::Task<Verdict> out_of_order(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  for (const std::uint64_t sequence : {7U, 5U, 6U, 1'000'000U}) {
    MOQ_CO_CHECK(co_await joined->pass(sequence, sample_payloads()));
  }
  co_return co_await joined->upstream().expect_alive();
}

kio::Task<Verdict> reset(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  Session& session = *joined->publisher;
  const Bytes whole = session.wire.group(kAlias, 5, joined->dressed(sample_payloads()));
  MOQ_CO_TRY(Stream stream, co_await session.peer->open_uni(whole.slice(0, 12)));
  stream.reset(1);
  MOQ_CO_CHECK(co_await joined->pass(6, sample_payloads()));
  co_return co_await session.expect_alive();
}

kio::Task<Verdict> empty_stream(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  Session& session = *joined->publisher;
  // A header and nothing else: legal, and of no use.
  MOQ_CO_TRY(Stream stream, co_await session.peer->open_uni(session.wire.group(kAlias, 5, {})));
  stream.finish();
  MOQ_CO_CHECK(co_await joined->pass(6, sample_payloads()));
  co_return co_await session.expect_alive();
}

kio::Task<Verdict> data_first(Script& script) {
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  MOQ_CO_CHECK(co_await announce(*session, name_of(script.bench->broadcast)));
  MOQ_CO_TRY(const Message asked, co_await next_media(*session, kCatalogAlias));
  std::vector<std::string> payloads;
  payloads.emplace_back("early");
  MOQ_CO_CHECK(co_await session->send_group(kAlias, 1, payloads));
  const std::uint64_t id = session->wire.reader(asked.body).varint();
  session->reply(asked, session->wire.subscribe_ok(id, kAlias));
  co_return co_await session->expect_alive();
}

}  // namespace

std::vector<Case> publisher_cases() {
  return {
      {"namespace/broadcast-is-announced", "MOQT, PUBLISH_NAMESPACE", announces, false,
       kPublishers},
      {"catalog/is-there", "hang §2", catalog, false, kPublishers},
      {"subscribe/track-nobody-has-is-refused", "MOQT, SUBSCRIBE", track_nobody_has, false,
       kPublishers},
      {"group/each-comes-once", "MOQT §10, subgroups", each_once, false, kPublishers},
      {"group/stopped-one-breaks-no-other", "MOQT §10, subgroups", stops_one, false, kPublishers},
      {"goaway/what-is-subscribed-goes-on", "MOQT, GOAWAY", goes_on, false, kClients},
      {"close/client-ends-with-code-0", "MOQT §3.5, termination", clean_end, false, kClients},
  };
}

std::vector<Case> subscriber_cases() {
  return {
      {"subscribe/asks-for-the-broadcast", "MOQT, SUBSCRIBE", asks, false, kSubscribers},
      {"subscribe/refusal-is-survived", "MOQT, REQUEST_ERROR", refused, false, kSubscribers},
      {"subscribe/alias-in-use-closes", "MOQT, SUBSCRIBE_OK", alias_in_use, true, kSubscribers},
      {"group/out-of-order", "MOQT §10, subgroups", out_of_order, false, kSubscribers},
      {"group/reset-is-survived", "MOQT §10, subgroups", reset, true, kSubscribers},
      {"group/without-objects-is-survived", "MOQT §10, subgroups", empty_stream, true,
       kSubscribers},
      {"group/may-overtake-the-answer", "MOQT §10, subgroups", data_first, true, kSubscribers},
  };
}

}  // namespace moq::conformance::moqt
