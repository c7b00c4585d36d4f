#include "moq/conformance/lite.h"

// Types of streams, framing of messages, and what malformed ones may break.
namespace moq::conformance::lite {
namespace {

/// Opens a bidirectional stream that begins with `first`: only that stream may die.
kio::Task<Verdict> expect_reset(Script& script, Bytes first, bool finish, Codes codes,
                                std::string what) {
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  MOQ_CO_TRY(Stream stream, co_await session->peer->open_bidi(std::move(first)));
  if (finish) stream.finish();
  MOQ_CO_CHECK(co_await stream.expect_reset(codes, what));
  co_return co_await session->expect_alive();
}

kio::Task<Verdict> expect_stopped(Script& script, Bytes first, std::string what) {
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  MOQ_CO_TRY(Stream stream, co_await session->peer->open_uni(std::move(first)));
  MOQ_CO_CHECK(co_await stream.expect_stop(Codes::any(), what));
  co_return co_await session->expect_alive();
}

kio::Task<Verdict> unknown_bidi(Script& script) {
  auto done = co_await expect_reset(script, from_hex("3f 01 00"), false, Codes::any(),
                                    "a bidirectional stream of type 63");
  co_return done;
}
kio::Task<Verdict> huge_bidi_type(Script& script) {
  auto done = co_await expect_reset(script, from_hex("ffffffffffffffff"), false, Codes::any(),
                                    "a bidirectional stream of type 2^62-1");
  co_return done;
}
kio::Task<Verdict> session_type(Script& script) {
  auto done = co_await expect_reset(script, from_hex("00 01 00"), false, Codes::any(),
                                    "a bidirectional stream of type 0");
  co_return done;
}
kio::Task<Verdict> unknown_uni(Script& script) {
  auto done =
      co_await expect_stopped(script, from_hex("3f 01 00"), "a unidirectional stream of type 63");
  co_return done;
}

kio::Task<Verdict> not_in_this_version(Script& script) {
  if (version_of(script) >= Version::v05) co_return fail(kSkip, "all types are in this version");
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  MOQ_CO_TRY(Stream fetch, co_await session->peer->open_bidi(session->wire.fetch("a", "b", 0, {})));
  MOQ_CO_CHECK(co_await fetch.expect_reset(Codes::any(), "FETCH, which this version has not"));
  MOQ_CO_TRY(Stream track, co_await session->peer->open_bidi(session->wire.track("a", "b")));
  MOQ_CO_CHECK(co_await track.expect_reset(Codes::any(), "TRACK, which this version has not"));
  co_return co_await session->expect_alive();
}

kio::Task<Verdict> empty_bidi(Script& script) {
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  MOQ_CO_TRY(Stream stream, co_await session->peer->open_bidi(Bytes()));
  stream.finish();
  MOQ_CO_CHECK(co_await stream.expect_end("the end of a stream that says nothing"));
  co_return co_await session->expect_alive();
}

kio::Task<Verdict> empty_and_reset_uni(Script& script) {
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  MOQ_CO_TRY(Stream empty, co_await session->peer->open_uni(Bytes()));
  empty.finish();
  MOQ_CO_TRY(Stream cut, co_await session->peer->open_uni(from_hex("40")));
  cut.finish();
  MOQ_CO_TRY(Stream reset, co_await session->peer->open_uni(from_hex("00")));
  reset.reset(kCancelled);
  co_return co_await session->expect_alive();
}

kio::Task<Verdict> truncated_message(Script& script) {
  auto done = co_await expect_reset(script, from_hex("02 14 00 05 616c"), true, Codes::any(),
                                    "a SUBSCRIBE that ends early");
  co_return done;
}
kio::Task<Verdict> field_past_the_end(Script& script) {
  auto done = co_await expect_reset(script, from_hex("02 03 00 05 61"), false, Codes::any(),
                                    "a SUBSCRIBE whose path is longer than the message");
  co_return done;
}
kio::Task<Verdict> trailing_bytes(Script& script) {
  Subscription what;
  what.broadcast = "a";
  const Wire wire(version_of(script));
  const Bytes body = wire.subscribe(what).slice(2);
  Writer out;
  out.varint(kSubscribe).varint(body.size() + 1).bytes(body).u8(0);
  auto done = co_await expect_reset(script, out.take(), false, Codes::any(),
                                    "a SUBSCRIBE with a byte too many");
  co_return done;
}
kio::Task<Verdict> oversize_message(Script& script) {
  auto done = co_await expect_reset(script, from_hex("02 84000001 00"), false, Codes::any(),
                                    "a message of 64 MiB and a byte");
  co_return done;
}
kio::Task<Verdict> largest_length(Script& script) {
  auto done = co_await expect_reset(script, from_hex("02 ffffffffffffffff 00"), false, Codes::any(),
                                    "a message of 2^62-1 bytes");
  co_return done;
}
kio::Task<Verdict> bad_utf8(Script& script) {
  auto done = co_await expect_reset(script, from_hex("01 04 02 c328 00"), false, Codes::any(),
                                    "a prefix that is not UTF-8");
  co_return done;
}
kio::Task<Verdict> too_many_segments(Script& script) {
  std::string path = "a";
  for (int i = 0; i < 32; ++i) path += "/a";
  Subscription what;
  what.broadcast = path;
  auto done = co_await expect_reset(script, Wire(version_of(script)).subscribe(what), false,
                                    Codes::any(), "a path of 33 segments");
  co_return done;
}

kio::Task<Verdict> most_segments(Script& script) {
  // The endpoint may put its own root in front.
  std::string path = script.base;
  for (int i = 0; i < 20; ++i) path += "/a";
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  Subscription what;
  what.broadcast = path;
  MOQ_CO_TRY(Stream stream, co_await session->peer->open_bidi(session->wire.subscribe(what)));
  MOQ_CO_CHECK(co_await stream.expect_reset(refusals(script), "a long path that nobody publishes"));
  co_return co_await session->expect_alive();
}

kio::Task<Verdict> stops_everything(Script& script) {
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  MOQ_CO_TRY(Stream asked, co_await session->peer->open_bidi(session->wire.announce_request("")));
  asked.stop(kCancelled);
  if (session->wire.from(Version::v05)) {
    MOQ_CO_TRY(Stream setup, co_await session->peer->accept_uni("the endpoint's SETUP"));
    setup.stop(kCancelled);
  }
  co_return co_await session->expect_alive();
}

kio::Task<Verdict> group_on_bidi(Script& script) {
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  MOQ_CO_TRY(Stream stream, co_await session->peer->open_bidi(session->wire.group_header(0, 5)));
  MOQ_CO_CHECK(co_await stream.expect_reset(Codes::any(), "a group on a bidirectional stream"));
  co_return co_await session->expect_alive();
}

kio::Task<Verdict> session_code(Script& script) {
  // A peer that closes with a code of its own harms nobody else.
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  MOQ_CO_CHECK(co_await session->expect_alive());
  session->peer->close(0xffff);
  co_return Verdict();
}

}  // namespace

std::vector<Case> stream_cases() {
  return {
      {"streams/unknown-bidirectional-type-is-refused", "moq-lite §4", unknown_bidi, true, kAll},
      {"streams/largest-type-is-refused", "moq-lite §4", huge_bidi_type, true, kAll},
      {"streams/type-0-is-refused", "moq-lite §4", session_type, true, kAll},
      {"streams/unknown-unidirectional-type-is-refused", "moq-lite §4", unknown_uni, true, kAll},
      {"streams/types-of-later-versions-are-refused", "moq-lite §4", not_in_this_version, true,
       kAll},
      {"streams/empty-bidirectional-stream", "moq-lite §4", empty_bidi, true, kAll},
      {"streams/empty-and-reset-unidirectional-streams", "moq-lite §4", empty_and_reset_uni, true,
       kAll},
      {"streams/group-on-a-bidirectional-stream", "moq-lite §4", group_on_bidi, true, kAll},
      {"streams/everything-is-stopped", "moq-lite §10.2", stops_everything, true, kAll},
      {"messages/truncated-message-resets", "moq-lite §11", truncated_message, true, kAll},
      {"messages/field-past-the-end-resets", "moq-lite §11", field_past_the_end, true, kAll},
      {"messages/bytes-left-over-reset", "moq-lite §5", trailing_bytes, true, kAll},
      {"messages/oversize-length-resets", "moq-lite §5", oversize_message, true, kAll},
      {"messages/largest-length-resets", "moq-lite §5", largest_length, true, kAll},
      {"messages/text-that-is-not-utf8-resets", "moq-lite §2.3", bad_utf8, true, kAll},
      {"messages/too-many-segments-reset", "moq-lite §2.4", too_many_segments, true, kAll},
      {"messages/long-paths-are-taken", "moq-lite §2.4", most_segments, false, kAll},
      {"close/any-code-is-taken", "moq-lite §3.4", session_code, true, kAll},
  };
}

}  // namespace moq::conformance::lite
