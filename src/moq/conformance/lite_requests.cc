#include "moq/conformance/lite.h"

// TRACK, FETCH, PROBE and GOAWAY.
namespace moq::conformance::lite {
namespace {

kio::Task<Verdict> track_info(Script& script) {
  MOQ_CO_CHECK(require(script, Version::v05));
  std::vector<std::string> broadcasts;
  broadcasts.push_back(script.base + "/live");
  MOQ_CO_TRY(auto publisher, co_await Publisher::start(script, broadcasts));
  publisher->hold_tracks();
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  MOQ_CO_CHECK(co_await session->wait_for(script.base + "/live"));
  MOQ_CO_TRY(Stream stream, co_await session->peer->open_bidi(
                                session->wire.track(script.base + "/live", "video")));
  MOQ_CO_TRY(Request asked, co_await publisher->next_track());
  const Bytes info = publisher->session->wire.track_info(90'000);
  asked.stream.write(info);
  asked.stream.finish();
  MOQ_CO_CHECK(co_await stream.expect(info, "the publisher's TRACK_INFO"));
  co_return co_await stream.expect_fin("the end after TRACK_INFO");
}

kio::Task<Verdict> track_unknown(Script& script) {
  MOQ_CO_CHECK(require(script, Version::v05));
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  MOQ_CO_TRY(Stream stream, co_await session->peer->open_bidi(
                                session->wire.track(script.base + "/nobody", "video")));
  MOQ_CO_CHECK(co_await stream.expect_reset(refusals(script), "an unknown broadcast"));
  co_return co_await session->expect_alive();
}

kio::Task<Verdict> track_then_data(Script& script) {
  MOQ_CO_CHECK(require(script, Version::v05));
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  const std::array<Bytes, 2> request = {session->wire.track(script.base + "/nobody", "video"),
                                        from_hex("00")};
  MOQ_CO_TRY(Stream stream, co_await session->peer->open_bidi(join(request)));
  MOQ_CO_CHECK(co_await stream.expect_reset(Codes::any(), "a byte after TRACK"));
  co_return co_await session->expect_alive();
}

kio::Task<Verdict> timescale_zero(Script& script) {
  MOQ_CO_CHECK(require(script, Version::v05));
  std::vector<std::string> broadcasts;
  broadcasts.push_back(script.base + "/live");
  MOQ_CO_TRY(auto publisher, co_await Publisher::start(script, broadcasts));
  publisher->break_next_track();
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  MOQ_CO_CHECK(co_await session->wait_for(script.base + "/live"));
  MOQ_CO_TRY(Stream stream, co_await session->peer->open_bidi(
                                session->wire.track(script.base + "/live", "video")));
  // The endpoint refuses it, or has asked again, and heard better.
  MOQ_CO_TRY(const auto info, co_await stream.message_or_reset("a refusal, or another TRACK_INFO"));
  const Bytes good = publisher->session->wire.track_info();
  if (info && *info != good.slice(1)) {
    co_return mismatch("a TRACK_INFO of timescale 1000", to_hex(info->span()));
  }
  MOQ_CO_CHECK(co_await publisher->session->expect_alive());
  co_return co_await session->expect_alive();
}

kio::Task<Verdict> fetch_cached(Script& script) {
  MOQ_CO_CHECK(require(script, Version::v05));
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  joined->accept(5);
  MOQ_CO_CHECK(co_await joined->pass(5, sample_frames()));
  auto& session = *joined->subscriber;
  MOQ_CO_TRY(Stream stream, co_await session.peer->open_bidi(
                                session.wire.fetch(joined->broadcast, "video", 5, {})));
  MOQ_CO_CHECK(co_await stream.expect(session.wire.frames(sample_frames()), "group 5 by FETCH"));
  co_return co_await stream.expect_fin("the end of a FETCH");
}

kio::Task<Verdict> fetch_frames(Script& script) {
  MOQ_CO_CHECK(require(script, Version::v06));
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  joined->accept(5);
  MOQ_CO_CHECK(co_await joined->pass(5, sample_frames()));
  auto& session = *joined->subscriber;
  Range range;
  range.first_frame = 1;
  range.last_frame = 1;
  MOQ_CO_TRY(Stream stream, co_await session.peer->open_bidi(
                                session.wire.fetch(joined->broadcast, "video", 5, range)));
  // The time of the first frame that comes is absolute.
  std::vector<Frame> one;
  one.push_back({1033, "hi"});
  MOQ_CO_CHECK(co_await stream.expect(session.wire.frames(one), "frame 1 of group 5 by FETCH"));
  co_return co_await stream.expect_fin("the end of a FETCH");
}

kio::Task<Verdict> fetch_upstream(Script& script) {
  MOQ_CO_CHECK(require(script, Version::v05));
  std::vector<std::string> broadcasts;
  broadcasts.push_back(script.base + "/live");
  MOQ_CO_TRY(auto publisher, co_await Publisher::start(script, broadcasts));
  publisher->hold_fetches();
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  MOQ_CO_CHECK(co_await session->wait_for(script.base + "/live"));
  MOQ_CO_TRY(Stream stream, co_await session->peer->open_bidi(
                                session->wire.fetch(script.base + "/live", "video", 3, {})));
  MOQ_CO_TRY(Request asked, co_await publisher->next_fetch());
  asked.stream.write(publisher->session->wire.frames(sample_frames()));
  asked.stream.finish();
  MOQ_CO_CHECK(co_await stream.expect(session->wire.frames(sample_frames()),
                                      "a group that was fetched from its publisher"));
  co_return co_await stream.expect_fin("the end of a FETCH");
}

kio::Task<Verdict> fetch_unknown(Script& script) {
  MOQ_CO_CHECK(require(script, Version::v05));
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  MOQ_CO_TRY(Stream stream, co_await session->peer->open_bidi(
                                session->wire.fetch(script.base + "/nobody", "video", 3, {})));
  MOQ_CO_CHECK(co_await stream.expect_reset(refusals(script), "an unknown broadcast"));
  co_return co_await session->expect_alive();
}

kio::Task<Verdict> fetch_backwards(Script& script) {
  MOQ_CO_CHECK(require(script, Version::v06));
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  Range range;
  range.first_frame = 5;
  range.last_frame = 4;
  MOQ_CO_TRY(Stream stream, co_await session->peer->open_bidi(
                                session->wire.fetch(script.base + "/nobody", "video", 3, range)));
  MOQ_CO_CHECK(co_await stream.expect_reset(Codes::any(), "a last frame before the first"));
  co_return co_await session->expect_alive();
}

kio::Task<Verdict> probe(Script& script) {
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  if (session->wire.from(Version::v05)) {
    MOQ_CO_TRY(const auto setup, co_await session->read_setup());
    const auto level = setup.find(1);
    if (level == setup.end() || level->second.text() == std::string_view("\0", 1)) {
      co_return fail(kSkip, "the endpoint's SETUP offers no probe");
    }
  }
  MOQ_CO_TRY(Stream stream, co_await session->peer->open_bidi(from_hex("04")));
  MOQ_CO_TRY(const Bytes body, co_await stream.message("the first PROBE report"));
  Reader in(body);
  in.varint();
  if (session->wire.from(Version::v04)) in.varint();
  if (!in.finish(0)) co_return mismatch("a PROBE of this version's layout", to_hex(body));
  co_return co_await session->expect_alive();
}

kio::Task<Verdict> probe_data(Script& script) {
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  MOQ_CO_TRY(Stream stream, co_await session->peer->open_bidi(from_hex("04 05 804c4b40 19")));
  MOQ_CO_CHECK(co_await stream.expect_reset(Codes::any(), "data on a probe stream"));
  co_return co_await session->expect_alive();
}

kio::Task<Verdict> goaway(Script& script) {
  MOQ_CO_CHECK(require(script, Version::v04));
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  MOQ_CO_CHECK(co_await joined->begin());
  MOQ_CO_TRY(Stream stream, co_await joined->upstream().peer->open_bidi(from_hex("05 01 00")));
  stream.finish();
  // What is subscribed goes on.
  MOQ_CO_CHECK(co_await joined->next());
  co_return co_await joined->upstream().expect_alive();
}

kio::Task<Verdict> second_goaway(Script& script) {
  MOQ_CO_CHECK(require(script, Version::v04));
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  for (int i = 0; i < 2; ++i) {
    MOQ_CO_TRY(Stream stream, co_await session->peer->open_bidi(from_hex("05 01 00")));
    stream.finish();
  }
  co_return co_await session->peer->expect_closed(Codes(kProtocolViolation), "a second GOAWAY");
}

kio::Task<Verdict> malformed_goaway(Script& script) {
  MOQ_CO_CHECK(require(script, Version::v04));
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  MOQ_CO_TRY(Stream stream, co_await session->peer->open_bidi(from_hex("05 03 05 6162")));
  stream.finish();
  MOQ_CO_CHECK(co_await session->expect_alive());
  // It does not count as the first.
  MOQ_CO_TRY(Stream good, co_await session->peer->open_bidi(from_hex("05 01 00")));
  good.finish();
  co_return co_await session->expect_alive();
}

kio::Task<Verdict> goaway_uri_too_long(Script& script) {
  MOQ_CO_CHECK(require(script, Version::v04));
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  Writer body;
  body.text("https://" + std::string(8192, 'a'));
  Writer whole;
  whole.varint(kGoaway).prefixed(body.span());
  MOQ_CO_TRY(Stream stream, co_await session->peer->open_bidi(whole.take()));
  stream.finish();
  co_return co_await session->expect_alive();
}

}  // namespace

std::vector<Case> request_cases() {
  return {
      {"track/info-comes-from-the-publisher", "moq-lite §6.3", track_info},
      {"track/unknown-broadcast-is-refused", "moq-lite §6.3", track_unknown, false, kAll},
      {"track/data-after-the-request-resets", "moq-lite §6.3", track_then_data, true, kAll},
      {"track/timescale-0-is-not-passed-on", "moq-lite §6.3", timescale_zero, true},
      {"fetch/cached-group-byte-by-byte", "moq-lite §6.4", fetch_cached},
      {"fetch/a-range-of-frames", "moq-lite §6.4", fetch_frames},
      {"fetch/asks-the-publisher", "moq-lite §6.4", fetch_upstream},
      {"fetch/unknown-broadcast-is-refused", "moq-lite §6.4", fetch_unknown, false, kAll},
      {"fetch/frames-backwards-reset", "moq-lite §6.4", fetch_backwards, true, kAll},
      {"probe/reports-at-once", "moq-lite §6.7", probe, false, kAll},
      {"probe/data-from-the-subscriber-resets", "moq-lite §6.7", probe_data, true, kAll},
      {"goaway/what-is-subscribed-goes-on", "moq-lite §6.8", goaway, false, kAll},
      {"goaway/second-one-closes", "moq-lite §6.8", second_goaway, true, kAll},
      {"goaway/malformed-one-is-ignored", "moq-lite §6.8", malformed_goaway, true, kAll},
      {"goaway/uri-above-its-limit", "moq-lite §5", goaway_uri_too_long, true, kAll},
  };
}

}  // namespace moq::conformance::lite
