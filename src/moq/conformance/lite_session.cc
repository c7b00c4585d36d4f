#include <fmt/format.h>

#include "moq/conformance/lite.h"

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

kio::Task<Result<std::unique_ptr<Session>>> Session::dial(Script& script) {
  auto peer = co_await Peer::dial(*script.bench, script.version);
  if (!peer) co_return std::unexpected(peer.error());
  co_return std::make_unique<Session>(Wire(version_of(script)), *std::move(peer));
}

kio::Task<Result<std::unique_ptr<Session>>> Session::connect(Script& script, std::uint64_t hop) {
  auto session = co_await dial(script);
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
  if (auto ended = peer->session().poll_closed(kio::Waiter::none())) {
    co_return mismatch("a live session", describe_end(*ended));
  }
  co_return Verdict();
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

kio::Task<Result<std::unique_ptr<Joined>>> Joined::make(Script& script) {
  auto out = std::make_unique<Joined>();
  out->broadcast = script.base + "/live";
  std::vector<std::string> broadcasts;
  broadcasts.push_back(out->broadcast);
  MOQ_CO_TRY(out->publisher, co_await Publisher::start(script, broadcasts));
  MOQ_CO_TRY(out->subscriber, co_await Session::connect(script));
  MOQ_CO_CHECK(co_await out->subscriber->wait_for(out->broadcast));
  Subscription what;
  what.broadcast = out->broadcast;
  auto opened = co_await out->subscriber->peer->open_bidi(out->subscriber->wire.subscribe(what));
  if (!opened) co_return std::unexpected(opened.error());
  out->subscription.emplace(*std::move(opened));
  auto asked = co_await out->publisher->next_subscribe();
  if (!asked) co_return std::unexpected(asked.error());
  out->request.emplace(*std::move(asked));
  co_return std::move(out);
}

kio::Task<Verdict> Joined::pass(std::uint64_t sequence, std::vector<Frame> frames) {
  MOQ_CO_CHECK(co_await publisher->session->send_group(request->subscription(), sequence, frames));
  co_return co_await subscriber->expect_group(0, sequence, frames);
}

kio::Task<Verdict> still_serves(Script& script) {
  auto joined = co_await Joined::make(script);
  if (!joined) co_return std::unexpected(joined.error());
  (*joined)->accept(5);
  co_return co_await (*joined)->pass(5, sample_frames());
}

}  // namespace moq::conformance::lite
