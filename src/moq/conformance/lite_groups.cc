#include "moq/conformance/lite.h"

// Groups, frames and datagrams on their way through the endpoint.
namespace moq::conformance::lite {
namespace {

/// A stream of ours that is to be group `sequence` of the subscription.
kio::Task<Result<Stream>> open_group(Joined& joined, std::uint64_t sequence) {
  Session& session = *joined.publisher->session;
  auto opened = co_await session.peer->open_uni(session.wire.group_header(joined.id(), sequence));
  co_return std::move(opened);
}

/// The bytes of a group, as the subscriber takes them.
Bytes frames_of(Joined& joined) {
  return joined.publisher->session->wire.frames(joined.dressed(sample_frames()));
}

/// A group of ours that breaks in some way; the next one must arrive whole.
kio::Task<Verdict> expect_next_group(Joined& joined) {
  if (joined.end == End::subscriber) {
    MOQ_CO_CHECK(co_await joined.pass(50, sample_frames()));
    co_return co_await joined.upstream().expect_alive();
  }
  MOQ_CO_TRY(Stream group, co_await open_group(joined, 50));
  group.write(joined.publisher->session->wire.frames(sample_frames()));
  group.finish();
  const std::string what = "group 50, after a broken one";
  for (;;) {
    MOQ_CO_TRY(Stream stream, co_await joined.subscriber->peer->accept_uni(what));
    const auto type = co_await stream.varint(what);
    if (!type || *type == kSetup) continue;  // A broken one may end before it says anything.
    const auto header = co_await stream.message(what);
    if (!header) continue;
    if (*header != joined.subscriber->wire.group_header(0, 50).slice(2)) {
      // Some of the broken one.
      MOQ_CO_CHECK(co_await stream.expect_end("the end of the broken group"));
      continue;
    }
    MOQ_CO_CHECK(co_await stream.expect(joined.subscriber->wire.frames(sample_frames()), what));
    co_return co_await stream.expect_fin(what);
  }
}

kio::Task<Verdict> many_frames(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  joined->accept(5);
  std::vector<Frame> frames;
  for (std::int64_t i = 0; i < 500; ++i) {
    frames.push_back({i * 33 - (i % 3) * 20 + 100, std::string(static_cast<std::size_t>(i), 'x')});
  }
  co_return co_await joined->pass(5, frames);
}

kio::Task<Verdict> large_frame(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  joined->accept(5);
  std::string payload(std::size_t{2} << 20, 'x');
  for (std::size_t i = 0; i < payload.size(); i += 1000) payload[i] = static_cast<char>(i / 1000);
  std::vector<Frame> frames;
  frames.push_back({0, payload});
  co_return co_await joined->pass(5, frames);
}

kio::Task<Verdict> grows(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  joined->accept(5);
  const Wire& wire = joined->publisher->session->wire;
  const Bytes bytes = wire.frames(sample_frames());
  MOQ_CO_TRY(Stream group, co_await open_group(*joined, 5));
  // The first frame: a delta of two bytes from 05 on, the size, "hello".
  const std::size_t whole = wire.from(Version::v05) ? 8 : 6;
  group.write(bytes.slice(0, whole));
  MOQ_CO_TRY(Stream got, co_await joined->subscriber->accept_group(0, 5));
  MOQ_CO_CHECK(co_await got.expect(bytes.slice(0, whole), "the first frame of an open group"));
  group.write(bytes.slice(whole));
  group.finish();
  MOQ_CO_CHECK(co_await got.expect(bytes.slice(whole), "the other frames"));
  co_return co_await got.expect_fin("the end of the group");
}

kio::Task<Verdict> empty_group(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  joined->accept(5);
  MOQ_CO_CHECK(co_await joined->pass(5, {}));
  co_return co_await joined->pass(6, sample_frames());
}

kio::Task<Verdict> out_of_order(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  joined->accept(5);
  for (const std::uint64_t sequence : {7, 5, 6}) {
    MOQ_CO_CHECK(co_await joined->pass(sequence, sample_frames()));
  }
  co_return Verdict();
}

kio::Task<Verdict> gap(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  joined->accept(5);
  for (const std::uint64_t sequence : {5ULL, 1'000'000ULL, (1ULL << 53)}) {
    MOQ_CO_CHECK(co_await joined->pass(sequence, sample_frames()));
  }
  co_return Verdict();
}

kio::Task<Verdict> truncated(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  joined->accept(5);
  const Bytes frames = frames_of(*joined);
  MOQ_CO_TRY(Stream group, co_await open_group(*joined, 5));
  group.write(frames.slice(0, 5));
  group.finish();
  co_return co_await expect_next_group(*joined);
}

kio::Task<Verdict> reset(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  joined->accept(5);
  MOQ_CO_TRY(Stream group, co_await open_group(*joined, 5));
  group.write(frames_of(*joined).slice(0, 8));
  if (joined->subscriber) {
    MOQ_CO_TRY(Stream got, co_await joined->subscriber->accept_group(0, 5));
    group.reset(0x34);
    MOQ_CO_CHECK(co_await got.expect_reset(Codes::any(), "a group that its publisher resets"));
  } else {
    group.reset(0x34);
  }
  co_return co_await expect_next_group(*joined);
}

kio::Task<Verdict> subscriber_stops_one(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  joined->accept(5);
  const Wire& wire = joined->publisher->session->wire;
  MOQ_CO_TRY(Stream group, co_await open_group(*joined, 5));
  group.write(wire.frames(sample_frames()));
  MOQ_CO_TRY(Stream got, co_await joined->subscriber->accept_group(0, 5));
  got.stop(kCancelled);
  group.finish();
  co_return co_await expect_next_group(*joined);
}

kio::Task<Verdict> unknown_subscription(Script& script) {
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  MOQ_CO_TRY(Stream group, co_await session->peer->open_uni(session->wire.group_header(999, 5)));
  group.write(session->wire.frames(sample_frames()));
  MOQ_CO_CHECK(co_await group.expect_stop(Codes(kCancelled, 0), "a group of no subscription"));
  co_return co_await session->expect_alive();
}

kio::Task<Verdict> malformed_header(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  joined->accept(5);
  auto& session = *joined->publisher->session;
  MOQ_CO_TRY(Stream group, co_await session.peer->open_uni(from_hex("00 01 00")));
  MOQ_CO_CHECK(co_await group.expect_stop(Codes::any(), "a group header that ends early"));
  co_return co_await expect_next_group(*joined);
}

kio::Task<Verdict> frame_too_large(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  joined->accept(5);
  auto& session = *joined->publisher->session;
  MOQ_CO_TRY(Stream group, co_await open_group(*joined, 5));
  if (session.wire.from(Version::v05)) group.write(from_hex("00"));
  group.write(from_hex("82000001"));  // 32 MiB and a byte.
  MOQ_CO_CHECK(co_await group.expect_stop(Codes::any(), "a frame above 32 MiB"));
  co_return co_await expect_next_group(*joined);
}

kio::Task<Verdict> largest_frame(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  joined->accept(5);
  auto& session = *joined->publisher->session;
  MOQ_CO_TRY(Stream group, co_await open_group(*joined, 5));
  if (session.wire.from(Version::v05)) group.write(from_hex("00"));
  group.write(from_hex("ffffffffffffffff"));
  MOQ_CO_CHECK(co_await group.expect_stop(Codes::any(), "a frame of 2^62-1 bytes"));
  co_return co_await expect_next_group(*joined);
}

kio::Task<Verdict> timestamp_below_zero(Script& script) {
  MOQ_CO_CHECK(require(script, Version::v05));
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  joined->accept(5);
  MOQ_CO_TRY(Stream group, co_await open_group(*joined, 5));
  group.write(from_hex("01 02 6869"));  // One before zero.
  MOQ_CO_CHECK(co_await group.expect_stop(Codes::any(), "a time below zero"));
  co_return co_await expect_next_group(*joined);
}

kio::Task<Verdict> datagram_garbage(Script& script) {
  MOQ_CO_CHECK(require(script, Version::v05));
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  MOQ_CO_CHECK(co_await session->expect_alive());
  for (const char* bytes : {"", "c0", "ffffffffffffffff", "00", "4000 4000", "3f 05 43e8 6869"}) {
    session->peer->session().send_datagram(from_hex(bytes));
  }
  co_return co_await session->expect_alive();
}

kio::Task<Verdict> datagrams(Script& script) {
  MOQ_CO_CHECK(require(script, Version::v05));
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  joined->accept(5);
  MOQ_CO_CHECK(co_await joined->pass(5, sample_frames()));
  auto& to = joined->publisher->session->peer->session();
  auto& from = joined->subscriber->peer->session();
  const std::uint64_t id = joined->request->subscription();
  // One may be lost: another goes out now and then, until one arrives.
  std::uint64_t sequence = 6;
  kio::Timer again(script.bench->loop->clock());
  again.set_after(Duration::zero());
  script.bench->wait_for("a datagram");
  auto came = co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<Result<Bytes>> {
    if (auto got = from.poll_recv_datagram(waiter)) return got;
    while (again.poll(waiter)) {
      Writer out;
      out.varint(id).varint(sequence++).varint(1000).bytes(as_bytes("hello"));
      to.send_datagram(out.take());
      again.set_after(50ms);
    }
    return kio::kPending;
  });
  if (!came) co_return mismatch("a datagram", describe_end(came.error()));
  Reader in(came->span());
  const std::uint64_t subscription = in.varint();
  const std::uint64_t group = in.varint();
  const std::uint64_t time = in.varint();
  const bool right = in.ok() && subscription == 0 && group >= 6 && group < sequence &&
                     time == 1000 && came->slice(in.position()).text() == "hello";
  if (!right) co_return mismatch("the datagram of subscription 0", to_hex(came->span()));
  co_return Verdict();
}

}  // namespace

std::vector<Case> group_cases() {
  return {
      {"group/many-frames-byte-by-byte", "moq-lite §6.5", many_frames, false,
       kRelays | kSubscribers},
      {"group/large-frame-byte-by-byte", "moq-lite §6.5", large_frame, false,
       kRelays | kSubscribers},
      {"group/passes-on-while-it-grows", "moq-lite §6.5", grows},
      {"group/without-frames", "moq-lite §6.5", empty_group, false, kRelays | kSubscribers},
      {"group/out-of-order", "moq-lite §6.5", out_of_order, false, kRelays | kSubscribers},
      {"group/far-apart", "moq-lite §6.5", gap, false, kRelays | kSubscribers},
      {"group/truncated-frame-breaks-it-alone", "moq-lite §6.5", truncated, true,
       kRelays | kSubscribers},
      {"group/reset-reaches-the-subscriber", "moq-lite §6.5", reset, false, kRelays | kSubscribers},
      {"group/subscriber-stops-one", "moq-lite §10.2", subscriber_stops_one},
      {"group/of-no-subscription-is-refused", "moq-lite §6.5", unknown_subscription, true, kAll},
      {"group/malformed-header-breaks-it-alone", "moq-lite §11", malformed_header, true,
       kRelays | kSubscribers},
      {"group/frame-too-large-breaks-it-alone", "moq-lite §5", frame_too_large, true,
       kRelays | kSubscribers},
      {"group/largest-size-breaks-it-alone", "moq-lite §5", largest_frame, true,
       kRelays | kSubscribers},
      {"group/time-below-zero-breaks-it-alone", "moq-lite §6.5", timestamp_below_zero, true,
       kRelays | kSubscribers},
      {"datagram/garbage-is-dropped", "moq-lite §6.6", datagram_garbage, true, kAll},
      {"datagram/passes", "moq-lite §6.6", datagrams},
  };
}

}  // namespace moq::conformance::lite
