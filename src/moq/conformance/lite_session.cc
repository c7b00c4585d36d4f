#include <fmt/format.h>

#include "moq/conformance/lite.h"
#include "moq/conformance/media.h"

namespace moq::conformance::lite {

kio::Task<Verdict> Announcements::begin() {
  if (!wire_.from(Version::v05)) co_return Verdict();
  MOQ_CO_TRY(const Bytes body, co_await stream_.message("ANNOUNCE_OK"));
  Reader in(body);
  hop_ = in.varint();
  initial_ = in.varint();
  if (!in.finish(0)) co_return mismatch("an ANNOUNCE_OK of a hop and a count", to_hex(body));
  co_return Verdict();
}

kio::Task<Result<Announcement>> Announcements::next(std::string what) {
  Announcement out;
  for (;;) {
    std::uint64_t type = 0;
    if (wire_.from(Version::v06)) {
      MOQ_CO_TRY(type, co_await stream_.varint("the type of " + what));
    }
    MOQ_CO_TRY(const Bytes body, co_await stream_.message(what));
    Reader in(body);
    if (wire_.from(Version::v06)) {
      if (type > 2) continue;
      out.active = type != 1;
      if (type == 0) {
        out.suffix = in.text();
        started_.emplace_back(out.suffix);
      } else {
        const std::uint64_t id = in.varint();
        if (id >= started_.size() || !started_[id]) {
          co_return mismatch(what, "END or UPDATE of an unknown id: " + to_hex(body));
        }
        out.suffix = *started_[id];
        if (type == 1) started_[id].reset();
      }
    } else {
      const std::uint8_t status = in.u8();
      out.active = status != 0;
      out.suffix = in.text();
      if (status > 1) co_return mismatch(what, fmt::format("the status {}", status));
    }
    if (out.active || !wire_.from(Version::v06)) {
      out.hop_count = in.varint();
      if (wire_.from(Version::v04)) {
        for (std::uint64_t i = 0; i < out.hop_count && in.ok(); ++i)
          out.hops.push_back(in.varint());
      }
    }
    if (out.active && wire_.from(Version::v06)) {
      in.varint();
      in.varint();
    }
    if (!in.finish(0)) co_return mismatch(what + " of this version's layout", to_hex(body));
    co_return out;
  }
}

kio::Task<Result<Announcement>> Announcements::next_of(std::string suffix, bool active) {
  const std::string what =
      fmt::format("an announcement: '{}' {}", suffix, active ? "is active" : "has ended");
  for (;;) {
    MOQ_CO_TRY(Announcement one, co_await next(what));
    if (one.suffix == suffix && one.active == active) co_return one;
  }
}

kio::Task<Result<std::unique_ptr<Session>>> Session::meet(Script& script) {
  auto peer = co_await Peer::meet(*script.bench, script.version);
  if (!peer) co_return std::unexpected(peer.error());
  co_return std::make_unique<Session>(Wire(version_of(script)), *std::move(peer));
}

kio::Task<Result<std::unique_ptr<Session>>> Session::connect(Script& script, std::uint64_t hop) {
  auto session = co_await meet(script);
  if (!session) co_return std::unexpected(session.error());
  if ((*session)->wire.from(Version::v05)) {
    const std::string_view path = (*session)->peer->message_path();
    Writer body;
    body.varint((path.empty() ? 0 : 1) + (hop == 0 ? 0 : 1));
    if (!path.empty()) body.varint(2).text(path);
    if (hop != 0) {
      Writer value;
      value.varint(hop);
      body.varint(5).prefixed(value.span());
    }
    MOQ_CO_TRY(Stream setup, co_await (*session)->peer->open_uni(message(kSetup, body)));
    setup.finish();
  }
  co_return session;
}

kio::Task<Result<std::map<std::uint64_t, Bytes>>> Session::read_setup() {
  const std::string what = "the endpoint's SETUP";
  MOQ_CO_TRY(Stream stream, co_await peer->accept_uni(what));
  MOQ_CO_TRY(const std::uint64_t type, co_await stream.varint(what));
  if (type != kSetup) co_return mismatch(what, fmt::format("a stream of type {}", type));
  MOQ_CO_TRY(const Bytes body, co_await stream.message(what));
  MOQ_CO_CHECK(co_await stream.expect_fin("the end of SETUP"));
  Reader in(body);
  std::map<std::uint64_t, Bytes> out;
  for (std::uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    const std::uint64_t id = in.varint();
    if (!out.emplace(id, Bytes::copy(in.prefixed())).second) {
      co_return mismatch("a SETUP without repetitions", to_hex(body));
    }
  }
  if (!in.finish(0)) co_return mismatch("a SETUP that decodes", to_hex(body));
  co_return out;
}

kio::Task<Result<Announcements>> Session::announcements(std::string prefix, std::uint64_t exclude) {
  MOQ_CO_TRY(Stream stream, co_await peer->open_bidi(wire.announce_request(prefix, exclude)));
  Announcements out(wire, std::move(stream));
  MOQ_CO_CHECK(co_await out.begin());
  co_return std::move(out);
}

kio::Task<Verdict> Session::wait_for(std::string broadcast) {
  MOQ_CO_TRY(Announcements all, co_await announcements(broadcast));
  MOQ_CO_TRY(const Announcement one, co_await all.next_of("", true));
  all.stream().finish();
  co_return Verdict();
}

kio::Task<Verdict> Session::expect_alive() {
  // An announce stream is answered by an OK from 05 on; before, a subscription has to be refused.
  if (wire.from(Version::v05)) {
    MOQ_CO_TRY(Announcements all, co_await announcements("conformance/nothing-is-here"));
    co_return Verdict();
  }
  Subscription what;
  what.id = next_id_++;
  what.broadcast = "conformance/nothing-is-here";
  MOQ_CO_TRY(Stream stream, co_await peer->open_bidi(wire.subscribe(what)));
  MOQ_CO_CHECK(co_await stream.expect_reset(Codes::any(), "a live session refuses a subscription"));
  // The end of the session is a reset with any code, too.
  co_return peer->still_open();
}

kio::Task<Result<Stream>> Session::accept_group(std::uint64_t subscription,
                                                std::uint64_t sequence) {
  const std::string what = fmt::format("the stream of group {}", sequence);
  for (;;) {
    MOQ_CO_TRY(Stream stream, co_await peer->accept_uni(what));
    MOQ_CO_TRY(const std::uint64_t type, co_await stream.varint(what));
    if (type == kSetup) continue;
    if (type != kGroup) co_return mismatch(what, fmt::format("a stream of type {}", type));
    MOQ_CO_TRY(const Bytes body, co_await stream.message("the header of " + what));
    const Bytes wanted = wire.group_header(subscription, sequence).slice(2);
    if (body != wanted) {
      co_return mismatch("the header of " + what + " (" + to_hex(wanted) + ")", to_hex(body));
    }
    co_return std::move(stream);
  }
}

kio::Task<Result<Group>> Session::next_group(std::uint64_t subscription) {
  constexpr std::size_t kMostBytes = std::size_t{32} << 20;
  const std::string what = "a group";
  for (;;) {
    MOQ_CO_TRY(Stream stream, co_await peer->accept_uni(what));
    MOQ_CO_TRY(const std::uint64_t type, co_await stream.varint(what));
    if (type == kSetup) continue;
    if (type != kGroup) co_return mismatch(what, fmt::format("a stream of type {}", type));
    MOQ_CO_TRY(const Bytes header, co_await stream.message("the header of " + what));
    Reader in(header);
    const std::uint64_t id = in.varint();
    Group out;
    out.sequence = in.varint();
    const std::uint64_t first = wire.from(Version::v06) ? in.varint() : 0;
    if (!in.finish(0) || first != 0) {
      co_return mismatch("a group header of this version's layout", to_hex(header));
    }
    if (id != subscription) continue;
    MOQ_CO_TRY(const auto frames,
               co_await stream.rest_or_reset(kMostBytes, "the frames of a group"));
    if (!frames) continue;  // Of a group that got too old, or that nobody wants any more.
    const auto count = wire.count_frames(*frames);
    if (!count) co_return mismatch("whole frames in a group", to_hex(*frames));
    out.frames = *frames;
    out.count = *count;
    co_return out;
  }
}

kio::Task<Verdict> Session::expect_group(std::uint64_t subscription, std::uint64_t sequence,
                                         std::vector<Frame> frames) {
  MOQ_CO_TRY(Stream stream, co_await accept_group(subscription, sequence));
  MOQ_CO_CHECK(
      co_await stream.expect(wire.frames(frames), fmt::format("the frames of group {}", sequence)));
  co_return co_await stream.expect_fin(fmt::format("the end of group {}", sequence));
}

kio::Task<Verdict> Session::send_group(std::uint64_t subscription, std::uint64_t sequence,
                                       std::vector<Frame> frames) {
  MOQ_CO_TRY(Stream stream, co_await peer->open_uni(wire.group_header(subscription, sequence)));
  stream.write(wire.frames(frames));
  stream.finish();
  co_return Verdict();
}

kio::Task<Result<std::unique_ptr<Publisher>>> Publisher::start(
    Script& script, std::vector<std::string> broadcasts) {
  auto session = co_await Session::connect(script, kPublisherHop);
  if (!session) co_return std::unexpected(session.error());
  auto out = std::make_unique<Publisher>(*std::move(session), std::move(broadcasts));
  Publisher& self = *out;
  self.serving_ = script.bench->loop->spawn(self.serve());
  script.bench->wait_for("ANNOUNCE_REQUEST");
  auto asked = co_await kio::wait([&self](const kio::Waiter& waiter) -> kio::Poll<Verdict> {
    if (!self.announce_streams_.empty()) return Verdict();
    if (self.failed_) return Verdict(std::unexpected(*self.failed_));
    self.changed_.add(waiter);
    return kio::kPending;
  });
  if (!asked) co_return std::unexpected(asked.error());
  co_return std::move(out);
}

kio::Task<void> Publisher::serve() {
  for (;;) {
    auto accepted = co_await session->peer->session().accept_bidi();
    if (!accepted) {
      failed_ = Error(Code::protocol_violation,
                      "the session of the publisher has ended: " + describe_end(accepted.error()));
      changed_.wake();
      co_return;
    }
    Stream stream(session->peer->bench(), Varint::quic, std::move(accepted->send),
                  std::move(accepted->recv));
    stream.set_beside(true);
    auto type = co_await stream.varint("the type of a stream to the publisher");
    Verdict answered;
    if (type) answered = co_await answer(*type, std::move(stream));
    if (!type) continue;
    if (!answered) failed_ = answered.error();
    changed_.wake();
  }
}

kio::Task<Verdict> Publisher::answer(std::uint64_t type, Stream stream) {
  if (type == kProbe) {
    kept_.push_back(std::move(stream));
    co_return Verdict();
  }
  MOQ_CO_TRY(const Bytes body, co_await stream.message("a request to the publisher"));
  const Wire& wire = session->wire;
  if (type == kAnnounce) {
    std::vector<std::string> suffixes;
    const std::string prefix(Reader(body).text());
    for (const std::string& one : broadcasts_) {
      if (prefix.empty()) {
        suffixes.push_back(one);
      } else if (one == prefix) {
        suffixes.emplace_back();
      } else if (one.starts_with(prefix + "/")) {
        suffixes.push_back(one.substr(prefix.size() + 1));
      }
    }
    if (wire.from(Version::v05)) stream.write(wire.announce_ok(kPublisherHop, suffixes.size()));
    for (const std::string& suffix : suffixes) stream.write(wire.active(suffix));
    announce_streams_.push_back(std::move(stream));
  } else if (refusal_ && (type == kTrack || type == kSubscribe)) {
    stream.reset(*refusal_);
  } else if (type == kTrack && !tracks_held_) {
    stream.write(wire.track_info(std::exchange(timescale_, 1000)));
    stream.finish();
    kept_.push_back(std::move(stream));
  } else if (type == kTrack) {
    tracks_.emplace_back(type, std::move(stream), body);
  } else if (type == kSubscribe) {
    subscribes_.emplace_back(type, std::move(stream), body);
  } else if (type == kFetch && !fetches_held_) {
    stream.reset(kNotFound);
  } else if (type == kFetch) {
    fetches_.emplace_back(type, std::move(stream), body);
  } else {
    kept_.push_back(std::move(stream));
  }
  co_return Verdict();
}

kio::Task<Result<Request>> Publisher::next(std::deque<Request>& queue, std::string what) {
  session->peer->bench().wait_for(what);
  auto ready = co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<Verdict> {
    if (!queue.empty()) return Verdict();
    if (failed_) return Verdict(std::unexpected(*failed_));
    changed_.add(waiter);
    return kio::kPending;
  });
  if (!ready) co_return std::unexpected(ready.error());
  Request out = std::move(queue.front());
  queue.pop_front();
  out.stream.set_beside(false);
  co_return std::move(out);
}

kio::Task<Result<Request>> Publisher::next_subscribe() {
  auto out = co_await next(subscribes_, "SUBSCRIBE to the publisher");
  co_return std::move(out);
}
kio::Task<Result<Request>> Publisher::next_fetch() {
  auto out = co_await next(fetches_, "FETCH to the publisher");
  co_return std::move(out);
}
kio::Task<Result<Request>> Publisher::next_track() {
  auto out = co_await next(tracks_, "TRACK to the publisher");
  co_return std::move(out);
}

kio::Task<Result<Request>> Publisher::next_media() {
  for (;;) {
    MOQ_CO_TRY(Request asked, co_await next_subscribe());
    const std::string track = asked.track();
    if (track == media::kVideoTrack) co_return std::move(asked);
    if (track != media::kCatalogTrack) {
      asked.stream.reset(kNotFound);
      continue;
    }
    asked.stream.write(session->wire.subscribe_ok(0));
    std::vector<Frame> frames;
    frames.push_back({0, media::catalog()});
    MOQ_CO_CHECK(co_await session->send_group(asked.subscription(), 0, std::move(frames)));
    kept_.push_back(std::move(asked.stream));
  }
}

kio::Task<Verdict> Joined::join_relay(Script& script) {
  broadcast = script.base + "/live";
  std::vector<std::string> broadcasts;
  broadcasts.push_back(broadcast);
  MOQ_CO_TRY(publisher, co_await Publisher::start(script, broadcasts));
  MOQ_CO_TRY(subscriber, co_await Session::connect(script));
  MOQ_CO_CHECK(co_await subscriber->wait_for(broadcast));
  Subscription what;
  what.broadcast = broadcast;
  auto opened = co_await subscriber->peer->open_bidi(subscriber->wire.subscribe(what));
  if (!opened) co_return std::unexpected(opened.error());
  subscription.emplace(*std::move(opened));
  auto asked = co_await publisher->next_subscribe();
  if (!asked) co_return std::unexpected(asked.error());
  request.emplace(*std::move(asked));
  co_return Verdict();
}

kio::Task<Verdict> Joined::join_publisher(Script& script) {
  broadcast = script.bench->broadcast;
  MOQ_CO_TRY(subscriber, co_await Session::connect(script));
  MOQ_CO_CHECK(co_await subscriber->wait_for(broadcast));
  track = script.bench->track;
  if (track.empty()) {
    MOQ_CO_TRY(const std::string catalog, co_await subscriber->read_catalog(broadcast));
    const auto named = media::first_track(catalog);
    if (!named) co_return mismatch("a catalog that names a track", catalog);
    track = *named;
  }
  Subscription what;
  what.broadcast = broadcast;
  what.track = track;
  auto opened = co_await subscriber->peer->open_bidi(subscriber->wire.subscribe(what));
  if (!opened) co_return std::unexpected(opened.error());
  subscription.emplace(*std::move(opened));
  co_return Verdict();
}

kio::Task<Verdict> Joined::join_subscriber(Script& script) {
  broadcast = script.bench->broadcast;
  std::vector<std::string> broadcasts;
  broadcasts.push_back(broadcast);
  MOQ_CO_TRY(publisher, co_await Publisher::start(script, broadcasts));
  auto asked = co_await publisher->next_media();
  if (!asked) co_return std::unexpected(asked.error());
  request.emplace(*std::move(asked));
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

std::vector<Frame> Joined::dressed(std::vector<Frame> frames) {
  if (end != End::subscriber) return frames;
  constexpr std::int64_t kStepMs = 100;
  std::int64_t latest = shift_ms_;
  for (Frame& frame : frames) {
    // Times of scripts begin at 1000 or so, and may step back.
    const bool key = &frame == &frames.front();
    frame.timestamp += shift_ms_;
    latest = std::max(latest, frame.timestamp);
    frame.payload =
        media::frame(static_cast<std::uint64_t>(frame.timestamp) * 1000, key, frame.payload);
  }
  shift_ms_ = latest + kStepMs;
  return frames;
}

kio::Task<Verdict> Joined::expect_ok() {
  MOQ_CO_TRY(const std::uint64_t type, co_await subscription->varint("SUBSCRIBE_OK"));
  if (type != 0) co_return mismatch("SUBSCRIBE_OK first", fmt::format("an answer {}", type));
  MOQ_CO_TRY(const Bytes body, co_await subscription->message("SUBSCRIBE_OK"));
  Reader in(body);
  in.u8();
  in.u8();
  in.varint();
  in.varint();
  in.varint();
  if (!in.finish(0)) co_return mismatch("a SUBSCRIBE_OK of this layout", to_hex(body));
  co_return Verdict();
}

kio::Task<Verdict> Joined::pass(std::uint64_t group, std::vector<Frame> frames) {
  const bool newest = group >= sequence;
  sequence = std::max(sequence, group);
  if (end == End::subscriber) {
    const std::string what = fmt::format("group {} to be taken", group);
    Session& session = *publisher->session;
    MOQ_CO_TRY(Stream stream, co_await session.peer->open_uni(
                                  session.wire.group_header(request->subscription(), group)));
    stream.write(session.wire.frames(dressed(std::move(frames))));
    stream.finish();
    MOQ_CO_CHECK(co_await stream.expect_taken(!newest, what));
    co_return session.peer->still_open();
  }
  MOQ_CO_CHECK(co_await publisher->session->send_group(request->subscription(), group, frames));
  co_return co_await subscriber->expect_group(0, group, frames);
}

kio::Task<Verdict> Joined::begin() {
  if (end == End::publisher) {
    auto came = co_await next();
    co_return came;
  }
  accept(5);
  co_return co_await pass(5, sample_frames());
}

kio::Task<Verdict> Joined::next() {
  if (end != End::publisher) {
    auto passed = co_await pass(sequence + 1, sample_frames());
    co_return passed;
  }
  MOQ_CO_TRY(const Group group, co_await subscriber->next_group(0));
  sequence = group.sequence;
  co_return Verdict();
}

kio::Task<Result<std::string>> Session::read_catalog(std::string broadcast) {
  Subscription what;
  what.id = next_id_++;
  what.broadcast = std::move(broadcast);
  what.track = media::kCatalogTrack;
  MOQ_CO_TRY(Stream stream, co_await peer->open_bidi(wire.subscribe(what)));
  MOQ_CO_TRY(const Group group, co_await next_group(what.id));
  stream.finish();
  co_return wire.first_payload(group.frames);
}

kio::Task<Verdict> still_serves(Script& script) {
  auto joined = co_await Joined::make(script);
  if (!joined) co_return std::unexpected(joined.error());
  co_return co_await (*joined)->begin();
}

}  // namespace moq::conformance::lite
