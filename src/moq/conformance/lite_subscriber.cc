#include <fmt/format.h>

#include <algorithm>

#include "moq/conformance/door.h"
#include "moq/conformance/lite.h"
#include "moq/conformance/media.h"

// A client that plays: what it asks for, and what a publisher may do to it.
namespace moq::conformance::lite {
namespace {

kio::Task<Result<std::unique_ptr<Publisher>>> publish(Script& script) {
  std::vector<std::string> broadcasts;
  broadcasts.push_back(script.bench->broadcast);
  auto out = co_await Publisher::start(script, broadcasts);
  co_return std::move(out);
}

/// The body of a SUBSCRIBE of `version`, to the byte.
Verdict check_subscribe(const Script& script, const Request& asked) {
  const Version version = version_of(script);
  Reader in(asked.body);
  in.varint();
  const std::string_view broadcast = in.text();
  in.text();
  in.u8();
  if (version < Version::v06) in.u8();
  for (int left = version >= Version::v06 ? 5 : 3; left > 0; --left) in.varint();
  if (!in.finish(0)) return mismatch("a SUBSCRIBE of this version's layout", to_hex(asked.body));
  if (broadcast != script.bench->broadcast) {
    return mismatch("SUBSCRIBE to '" + script.bench->broadcast + "'",
                    "'" + std::string(broadcast) + "'");
  }
  return {};
}

kio::Task<Verdict> asks(Script& script) {
  MOQ_CO_TRY(auto publisher, co_await publish(script));
  MOQ_CO_TRY(Request first, co_await publisher->next_subscribe());
  co_return check_subscribe(script, first);
}

kio::Task<Verdict> ids_differ(Script& script) {
  MOQ_CO_TRY(auto publisher, co_await publish(script));
  std::vector<std::uint64_t> seen;
  std::vector<Stream> open;
  for (;;) {
    MOQ_CO_TRY(Request asked, co_await publisher->next_subscribe());
    MOQ_CO_CHECK(check_subscribe(script, asked));
    const std::uint64_t id = asked.subscription();
    if (std::ranges::find(seen, id) != seen.end()) {
      co_return mismatch("an id of its own for each subscription", fmt::format("{} again", id));
    }
    seen.push_back(id);
    if (asked.track() == media::kVideoTrack) co_return Verdict();
    if (asked.track() != media::kCatalogTrack) {
      asked.stream.reset(kNotFound);
      continue;
    }
    asked.stream.write(publisher->session->wire.subscribe_ok(0));
    std::vector<Frame> frames;
    frames.push_back({0, media::catalog()});
    MOQ_CO_CHECK(co_await publisher->session->send_group(id, 0, std::move(frames)));
    open.push_back(std::move(asked.stream));
  }
}

kio::Task<Verdict> end_of_track(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  MOQ_CO_CHECK(co_await joined->begin());
  Stream& answers = joined->request->stream;
  answers.write(joined->publisher->session->wire.subscribe_end(joined->sequence + 1));
  answers.finish();
  MOQ_CO_CHECK(co_await answers.expect_end("the subscriber's end of a track that is over"));
  co_return Verdict();
}

kio::Task<Verdict> fin_without_end(Script& script) {
  MOQ_CO_CHECK(require(script, Version::v05));
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  MOQ_CO_CHECK(co_await joined->begin());
  joined->request->stream.finish();
  MOQ_CO_CHECK(
      co_await joined->request->stream.expect_end("the subscriber's end of a broken track"));
  co_return co_await joined->upstream().expect_alive();
}

kio::Task<Verdict> group_twice(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  MOQ_CO_CHECK(co_await joined->begin());
  Session& session = *joined->publisher->session;
  MOQ_CO_TRY(Stream again, co_await session.peer->open_uni(
                               session.wire.group_header(joined->id(), joined->sequence)));
  again.write(session.wire.frames(joined->dressed(sample_frames())));
  again.finish();
  MOQ_CO_CHECK(co_await again.expect_taken(true, "the same group again, taken or stopped"));
  MOQ_CO_CHECK(co_await joined->next());
  co_return co_await session.expect_alive();
}

kio::Task<Verdict> group_before_the_answer(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  // Its stream may overtake OK or START.
  MOQ_CO_CHECK(co_await joined->pass(5, sample_frames()));
  joined->accept(5);
  co_return co_await joined->next();
}

kio::Task<Verdict> timescale_zero(Script& script) {
  MOQ_CO_CHECK(require(script, Version::v05));
  MOQ_CO_TRY(auto publisher, co_await publish(script));
  publisher->break_next_track();
  // That track is of no use. Whether the client asks again is its own affair.
  co_return co_await publisher->session->expect_alive();
}

kio::Task<Verdict> unknown_announcement(Script& script) {
  MOQ_CO_CHECK(require(script, Version::v06));
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  // Skipped by its length; it takes no number, so that the next START has id 1.
  joined->publisher->announce(from_hex("3f 03 010203"));
  joined->publisher->announce(joined->publisher->session->wire.active(script.base + "/b"));
  joined->publisher->announce(joined->publisher->session->wire.ended("", 1));
  co_return co_await joined->begin();
}

kio::Task<Verdict> unknown_ended(Script& script) {
  if (version_of(script) == Version::v06) co_return fail(kSkip, "06 numbers announcements");
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  joined->publisher->announce(joined->publisher->session->wire.ended(script.base + "/never", 0));
  co_return co_await joined->begin();
}

kio::Task<Verdict> broadcast_ends(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  MOQ_CO_CHECK(co_await joined->begin());
  joined->publisher->announce(joined->publisher->session->wire.ended(script.bench->broadcast, 0));
  co_return co_await joined->upstream().expect_alive();
}

/// Of both kinds of client.
kio::Task<Verdict> clean_end(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  MOQ_CO_CHECK(co_await joined->begin());
  if (!script.bench->door->has_command()) co_return fail(kSkip, "the client was started by hand");
  script.bench->door->terminate();
  co_return co_await joined->upstream().peer->expect_closed(Codes(0),
                                                            "a client that is asked to end");
}

}  // namespace

std::vector<Case> subscriber_cases() {
  return {
      {"subscribe/asks-for-the-broadcast", "moq-lite §6.2", asks, false, kSubscribers},
      {"subscribe/ids-are-not-reused", "moq-lite §6.2", ids_differ, false, kSubscribers},
      {"subscribe/track-that-is-over-is-let-go", "moq-lite §6.2", end_of_track, false,
       kSubscribers},
      {"subscribe/end-without-saying-so-is-survived", "moq-lite §6.2", fin_without_end, true,
       kSubscribers},
      {"group/twice-is-survived", "moq-lite §6.5", group_twice, true, kSubscribers},
      {"group/may-overtake-the-answer", "moq-lite §6.2", group_before_the_answer, false,
       kSubscribers},
      {"track/timescale-0-is-survived", "moq-lite §6.3", timescale_zero, true, kSubscribers},
      {"announce/unknown-types-do-no-harm", "moq-lite §6.1", unknown_announcement, true,
       kSubscribers},
      {"announce/end-of-the-unknown-does-no-harm", "moq-lite §6.1", unknown_ended, true,
       kSubscribers},
      {"announce/end-of-the-broadcast-is-survived", "moq-lite §6.1", broadcast_ends, false,
       kSubscribers},
      {"close/client-ends-with-code-0", "moq-lite §3.4", clean_end, false, kClients},
  };
}

}  // namespace moq::conformance::lite
