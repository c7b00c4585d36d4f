#include <fmt/format.h>

#include "moq/conformance/lite.h"

// SUBSCRIBE and its answers.
namespace moq::conformance::lite {
namespace {

Subscription subscription_of(const Script& script, std::string name = "/nobody") {
  Subscription out;
  out.broadcast = script.base + name;
  return out;
}

kio::Task<Verdict> delivers(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  MOQ_CO_CHECK(co_await joined->begin());
  co_return co_await joined->next();
}

kio::Task<Verdict> unknown_broadcast(Script& script) {
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  MOQ_CO_TRY(Stream stream,
             co_await session->peer->open_bidi(session->wire.subscribe(subscription_of(script))));
  MOQ_CO_CHECK(co_await stream.expect_reset(refusals(script), "an unknown broadcast"));
  co_return co_await session->expect_alive();
}

kio::Task<Verdict> unknown_track(Script& script) {
  std::vector<std::string> broadcasts;
  broadcasts.push_back(script.base + "/live");
  MOQ_CO_TRY(auto publisher, co_await Publisher::start(script, broadcasts));
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  MOQ_CO_CHECK(co_await session->wait_for(script.base + "/live"));
  publisher->refuse_with(kNotFound);
  MOQ_CO_TRY(Stream stream, co_await session->peer->open_bidi(
                                session->wire.subscribe(subscription_of(script, "/live"))));
  MOQ_CO_CHECK(co_await stream.expect_reset(Codes(kNotFound, kUnroutable), "an unknown track"));
  MOQ_CO_CHECK(co_await publisher->session->expect_alive());
  co_return co_await session->expect_alive();
}

kio::Task<Verdict> ok_first(Script& script) {
  if (version_of(script) >= Version::v05) co_return fail(kSkip, "05 has no SUBSCRIBE_OK");
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  joined->accept(0);
  MOQ_CO_CHECK(co_await joined->expect_ok());
  co_return co_await joined->pass(3, sample_frames());
}

/// SUBSCRIBE_START, which may name an earlier group than the first one that came: lower ones may
/// still follow.
kio::Task<Verdict> expect_start(Stream& answers, std::uint64_t first) {
  const std::string what = fmt::format("SUBSCRIBE_START of group {} at most", first);
  MOQ_CO_TRY(const std::uint64_t type, co_await answers.varint(what));
  MOQ_CO_TRY(const Bytes body, co_await answers.message(what));
  Reader in(body);
  const std::uint64_t group = in.varint();
  if (type != 0 || !in.finish(0) || group > first) {
    co_return mismatch(what, fmt::format("an answer {}: {}", type, to_hex(body)));
  }
  co_return Verdict();
}

kio::Task<Verdict> start(Script& script) {
  MOQ_CO_CHECK(require(script, Version::v05));
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  MOQ_CO_CHECK(co_await joined->begin());
  co_return co_await expect_start(*joined->subscription, joined->sequence);
}

kio::Task<Verdict> end(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  MOQ_CO_CHECK(co_await joined->begin());
  joined->request->stream.write(joined->publisher->session->wire.subscribe_end(6));
  joined->request->stream.finish();
  const Wire& wire = joined->subscriber->wire;
  Stream& answers = *joined->subscription;
  if (!wire.from(Version::v05)) co_return co_await answers.expect_end("the end of a track");
  MOQ_CO_CHECK(co_await expect_start(answers, 5));
  MOQ_CO_CHECK(co_await answers.expect(wire.subscribe_end(6), "SUBSCRIBE_END 6"));
  co_return co_await answers.expect_fin("the end of the track");
}

kio::Task<Verdict> publisher_refuses(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  joined->publisher->refuse_with(kNotFound);
  joined->request->stream.reset(kNotFound);
  if (joined->subscription) {
    MOQ_CO_CHECK(co_await joined->subscription->expect_reset(
        Codes(kNotFound, kUnroutable, kCancelled), "a subscription that the publisher refuses"));
  }
  co_return co_await joined->downstream().expect_alive();
}

kio::Task<Verdict> update(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  MOQ_CO_CHECK(co_await joined->begin());
  Subscription changed = subscription_of(script);
  changed.max_age_ms = 30'000;
  joined->subscription->write(joined->subscriber->wire.subscribe_update(changed));
  MOQ_CO_CHECK(co_await joined->subscriber->expect_alive());
  co_return co_await joined->next();
}

kio::Task<Verdict> malformed_update(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  MOQ_CO_CHECK(co_await joined->begin());
  joined->subscription->write(from_hex("01 ff"));
  MOQ_CO_CHECK(co_await joined->subscription->expect_reset(Codes::any(), "a malformed update"));
  co_return co_await joined->subscriber->expect_alive();
}

kio::Task<Verdict> unsubscribe(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  MOQ_CO_CHECK(co_await joined->begin());
  joined->subscription->finish();
  MOQ_CO_CHECK(
      co_await joined->subscription->expect_end("the end of a subscription that we ended"));
  co_return co_await joined->subscriber->expect_alive();
}

kio::Task<Verdict> reset_subscription(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  MOQ_CO_CHECK(co_await joined->begin());
  joined->subscription->reset(kCancelled);
  MOQ_CO_CHECK(
      co_await joined->subscription->expect_end("the end of a subscription that we reset"));
  co_return co_await joined->subscriber->expect_alive();
}

kio::Task<Verdict> several_subscribers(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  MOQ_CO_TRY(auto second, co_await Session::connect(script));
  Subscription what;
  what.id = 7;
  what.broadcast = joined->broadcast;
  MOQ_CO_CHECK(co_await second->wait_for(joined->broadcast));
  MOQ_CO_TRY(Stream stream, co_await second->peer->open_bidi(second->wire.subscribe(what)));
  MOQ_CO_CHECK(co_await joined->begin());
  // The second may have come too late for the group's beginning, never for the group.
  co_return co_await second->expect_group(7, 5, sample_frames());
}

kio::Task<Verdict> from_a_group(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  joined->accept(5);
  for (std::uint64_t sequence = 5; sequence < 9; ++sequence) {
    MOQ_CO_CHECK(co_await joined->pass(sequence, sample_frames()));
  }
  // Another subscription of the same session asks for two of them alone.
  Subscription what;
  what.id = 1;
  what.broadcast = joined->broadcast;
  what.range.first = 6;
  what.range.last = 7;
  auto& session = *joined->subscriber;
  MOQ_CO_TRY(Stream stream, co_await session.peer->open_bidi(session.wire.subscribe(what)));
  bool six = false;
  for (int i = 0; i < 2; ++i) {
    // The newest comes first, as a rule; not as a promise.
    MOQ_CO_TRY(Stream group, co_await session.peer->accept_uni("groups 6 and 7"));
    MOQ_CO_TRY(const Bytes bytes, co_await group.rest(1000, "groups 6 and 7"));
    const std::uint64_t sequence = i == 0 ? 7 : 6;
    const auto whole = [&](std::uint64_t number) {
      const std::array<Bytes, 2> out = {session.wire.group_header(1, number),
                                        session.wire.frames(sample_frames())};
      return join(out);
    };
    if (bytes != whole(6) && bytes != whole(7)) {
      co_return mismatch(fmt::format("group {} byte by byte", sequence), to_hex(bytes));
    }
    six = six || bytes == whole(6);
  }
  if (!six) co_return mismatch("group 6", "group 7 twice");
  co_return Verdict();
}

kio::Task<Verdict> drop(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  MOQ_CO_CHECK(co_await joined->begin());
  joined->request->stream.write(joined->publisher->session->wire.subscribe_drop(6, 7));
  co_return co_await joined->pass(8, sample_frames());
}

kio::Task<Verdict> unknown_answer(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  MOQ_CO_CHECK(co_await joined->begin());
  joined->request->stream.write(from_hex("3f 01 00"));
  // That subscription ends, and not the session of who answered so.
  MOQ_CO_CHECK(co_await joined->request->stream.expect_end("the end of the subscription upstream"));
  co_return co_await joined->publisher->session->expect_alive();
}

kio::Task<Verdict> frame_end_without_group(Script& script) {
  MOQ_CO_CHECK(require(script, Version::v06));
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  Subscription what = subscription_of(script);
  what.range.last_frame = 3;
  MOQ_CO_TRY(Stream stream, co_await session->peer->open_bidi(session->wire.subscribe(what)));
  MOQ_CO_CHECK(co_await stream.expect_reset(Codes::any(), "a last frame without its group"));
  co_return co_await session->expect_alive();
}

}  // namespace

std::vector<Case> subscribe_cases() {
  return {
      {"subscribe/delivers-a-group", "moq-lite §6.2", delivers, false, kAll},
      {"subscribe/unknown-broadcast-is-refused", "moq-lite §6.2", unknown_broadcast, false, kAll},
      {"subscribe/unknown-track-is-refused", "moq-lite §6.2", unknown_track},
      {"subscribe/ok-comes-first", "moq-lite §6.2", ok_first},
      {"subscribe/start-comes", "moq-lite §6.2", start, false, kRelays | kPublishers},
      {"subscribe/end-of-the-track", "moq-lite §6.2", end},
      {"subscribe/refusal-reaches-the-subscriber", "moq-lite §6.2", publisher_refuses, false,
       kRelays | kSubscribers},
      {"subscribe/update", "moq-lite §6.2", update, false, kRelays | kPublishers},
      {"subscribe/malformed-update-resets", "moq-lite §11", malformed_update, true,
       kRelays | kPublishers},
      {"subscribe/unsubscribe-by-fin", "moq-lite §6.2", unsubscribe, false, kRelays | kPublishers},
      {"subscribe/unsubscribe-by-reset", "moq-lite §6.2", reset_subscription, false,
       kRelays | kPublishers},
      {"subscribe/several-subscribers", "moq-lite §6.2", several_subscribers},
      {"subscribe/a-range-of-groups", "moq-lite §6.2", from_a_group},
      {"subscribe/drop-is-understood", "moq-lite §6.2", drop, false, kRelays | kSubscribers},
      {"subscribe/unknown-answer-ends-it", "moq-lite §6.2", unknown_answer, true,
       kRelays | kSubscribers},
      {"subscribe/frame-end-without-group-end-resets", "moq-lite §6.2", frame_end_without_group,
       true, kAll},
  };
}

}  // namespace moq::conformance::lite
