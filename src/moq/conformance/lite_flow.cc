#include <fmt/format.h>

#include "moq/conformance/lite.h"

// Thousands of streams on one session.
namespace moq::conformance::lite {
namespace {

constexpr std::uint64_t kManyGroups = 2000;
constexpr int kManyStreams = 3000;
constexpr int kAtOnce = 50;
/// Sent ahead of what has arrived; an endpoint may keep only so many groups for a slow reader.
constexpr std::uint64_t kAhead = 16;

kio::Task<Verdict> many_groups(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  joined->accept(0);
  std::vector<Frame> frames;
  frames.push_back({1000, "hello"});
  std::vector<bool> seen(kManyGroups);
  const Wire& wire = joined->subscriber->wire;
  for (std::uint64_t sent = 0, got = 0; got < kManyGroups;) {
    while (sent < kManyGroups && sent < got + kAhead) {
      MOQ_CO_CHECK(co_await joined->publisher->session->send_group(joined->request->subscription(),
                                                                   sent++, frames));
    }
    const std::string what = fmt::format("{} groups, of which {} came", kManyGroups, got);
    MOQ_CO_TRY(Stream stream, co_await joined->subscriber->peer->accept_uni(what));
    MOQ_CO_TRY(const Bytes bytes, co_await stream.rest(1000, what));
    if (bytes.empty() || bytes[0] == kSetup) continue;
    Reader in(bytes);
    in.varint();
    in.varint();
    in.varint();
    const std::uint64_t sequence = in.varint();
    if (!in.ok() || sequence >= kManyGroups || seen[sequence]) {
      co_return mismatch("a group that did not come yet", to_hex(bytes));
    }
    const std::array<Bytes, 2> whole = {wire.group_header(0, sequence), wire.frames(frames)};
    if (bytes != join(whole)) co_return mismatch("the bytes of a group", to_hex(bytes));
    seen[sequence] = true;
    ++got;
  }
  co_return Verdict();
}

kio::Task<Verdict> many_requests(Script& script) {
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  Subscription what;
  what.broadcast = script.base + "/nobody";
  for (int i = 0; i < kManyStreams; i += kAtOnce) {
    std::vector<Stream> open;
    for (int k = 0; k < kAtOnce; ++k) {
      MOQ_CO_TRY(Stream stream, co_await session->peer->open_bidi(session->wire.subscribe(what)));
      open.push_back(std::move(stream));
      ++what.id;
    }
    for (Stream& stream : open) {
      MOQ_CO_CHECK(co_await stream.expect_reset(refusals(script),
                                                fmt::format("refusals of requests from {} on", i)));
    }
  }
  co_return co_await session->expect_alive();
}

kio::Task<Verdict> many_unknown_streams(Script& script) {
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  for (int i = 0; i < kManyStreams; ++i) {
    MOQ_CO_TRY(Stream stream, co_await session->peer->open_uni(from_hex("3f")));
    stream.finish();
  }
  co_return co_await session->expect_alive();
}

kio::Task<Verdict> many_open_streams(Script& script) {
  // Streams that say nothing and stay open; as many as the endpoint's credit is sure to hold.
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  std::vector<Stream> open;
  for (int i = 0; i < 60; ++i) {
    MOQ_CO_TRY(Stream uni, co_await session->peer->open_uni(from_hex("40")));
    open.push_back(std::move(uni));
    MOQ_CO_TRY(Stream bidi, co_await session->peer->open_bidi(from_hex("40")));
    open.push_back(std::move(bidi));
  }
  co_return co_await session->expect_alive();
}

kio::Task<Verdict> many_subscriptions(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  joined->accept(5);
  MOQ_CO_CHECK(co_await joined->pass(5, sample_frames()));
  auto& session = *joined->subscriber;
  for (std::uint64_t id = 1; id <= 200; ++id) {
    Subscription what;
    what.id = id;
    what.broadcast = joined->broadcast;
    MOQ_CO_TRY(Stream stream, co_await session.peer->open_bidi(session.wire.subscribe(what)));
    MOQ_CO_CHECK(co_await session.expect_group(id, 5, sample_frames()));
    stream.finish();
    MOQ_CO_CHECK(co_await stream.expect_end("the end of a subscription that we ended"));
  }
  co_return Verdict();
}

}  // namespace

std::vector<Case> flow_cases() {
  return {
      {"flow/thousands-of-groups", "moq-lite §6.5", many_groups},
      {"flow/thousands-of-requests", "moq-lite §6.2", many_requests, false, kAll},
      {"flow/thousands-of-unknown-streams", "moq-lite §4", many_unknown_streams, true, kAll},
      {"flow/streams-that-say-nothing", "moq-lite §4", many_open_streams, true, kAll},
      {"flow/hundreds-of-subscriptions", "moq-lite §6.2", many_subscriptions},
  };
}

}  // namespace moq::conformance::lite
