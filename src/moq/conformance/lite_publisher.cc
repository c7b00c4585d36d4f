#include <fmt/format.h>

#include <algorithm>

#include "moq/conformance/lite.h"
#include "moq/conformance/media.h"

// A client that publishes: what it announces, and what it sends to who asks. What is in its groups
// is its own affair; but it is the same whoever asks.
namespace moq::conformance::lite {
namespace {

/// A client's session, once its broadcast is announced.
kio::Task<Result<std::unique_ptr<Session>>> connect(Script& script) {
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  MOQ_CO_CHECK(co_await session->wait_for(script.bench->broadcast));
  co_return std::move(session);
}

/// Expects the whole chain of a route that begins at the client.
Verdict check_chain(const Script& script, const Announcement& one) {
  // 03 counts the publisher, 04 names it; later it leaves itself out.
  const std::uint64_t wanted = version_of(script) >= Version::v05 ? 0 : 1;
  if (one.hop_count == wanted) return {};
  return mismatch(fmt::format("a chain of {}", wanted), std::to_string(one.hop_count));
}

kio::Task<Verdict> lists_its_broadcast(Script& script) {
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  MOQ_CO_TRY(Announcements all, co_await session->announcements(""));
  MOQ_CO_TRY(const Announcement one, co_await all.next_of(script.bench->broadcast, true));
  co_return check_chain(script, one);
}

kio::Task<Verdict> lists_below_a_prefix(Script& script) {
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  MOQ_CO_TRY(Announcements all, co_await session->announcements(script.bench->broadcast));
  MOQ_CO_TRY(const Announcement one, co_await all.next("the broadcast at its own path"));
  if (!one.active || !one.suffix.empty()) {
    co_return mismatch("the broadcast with an empty suffix", "'" + one.suffix + "'");
  }
  // Part of a segment is no prefix.
  const std::string part = script.bench->broadcast.substr(0, script.bench->broadcast.size() - 1);
  MOQ_CO_TRY(Announcements none, co_await session->announcements(part));
  if (none.initial() != 0) co_return mismatch("nothing below '" + part + "'", "an initial set");
  co_return co_await session->expect_alive();
}

kio::Task<Verdict> initial_set(Script& script) {
  MOQ_CO_CHECK(require(script, Version::v05));
  MOQ_CO_TRY(auto session, co_await connect(script));
  MOQ_CO_TRY(Announcements all, co_await session->announcements(""));
  if (all.initial() == 0) co_return mismatch("an initial set with the broadcast", "0");
  bool found = false;
  for (std::uint64_t i = 0; i < all.initial(); ++i) {
    MOQ_CO_TRY(const Announcement one, co_await all.next("the initial set"));
    found = found || (one.active && one.suffix == script.bench->broadcast);
  }
  if (!found) co_return mismatch("the broadcast in the initial set", "others");
  co_return Verdict();
}

kio::Task<Verdict> catalog(Script& script) {
  if (!script.bench->broadcast.ends_with(".hang")) co_return fail(kSkip, "no hang broadcast");
  MOQ_CO_TRY(auto session, co_await connect(script));
  MOQ_CO_TRY(const std::string text, co_await session->read_catalog(script.bench->broadcast));
  if (!text.starts_with('{') || !text.ends_with('}')) co_return mismatch("a catalog in JSON", text);
  co_return co_await session->expect_alive();
}

kio::Task<Verdict> unknown_track(Script& script) {
  MOQ_CO_TRY(auto session, co_await connect(script));
  Subscription what;
  what.broadcast = script.bench->broadcast;
  what.track = "conformance-nobody-has-this";
  MOQ_CO_TRY(Stream stream, co_await session->peer->open_bidi(session->wire.subscribe(what)));
  MOQ_CO_CHECK(co_await stream.expect_reset(Codes(kNotFound, kUnroutable), "an unknown track"));
  co_return co_await session->expect_alive();
}

kio::Task<Verdict> answers_first(Script& script) {
  if (version_of(script) >= Version::v05) co_return fail(kSkip, "05 has no SUBSCRIBE_OK");
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  MOQ_CO_CHECK(co_await joined->expect_ok());
  co_return co_await joined->begin();
}

kio::Task<Verdict> several_groups(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  std::vector<std::uint64_t> seen;
  for (int i = 0; i < 3; ++i) {
    MOQ_CO_TRY(const Group group, co_await joined->subscriber->next_group(0));
    if (group.count == 0) co_return mismatch("a group with frames", "an empty one");
    if (std::ranges::find(seen, group.sequence) != seen.end()) {
      co_return mismatch("each group once", fmt::format("group {} again", group.sequence));
    }
    seen.push_back(group.sequence);
  }
  co_return Verdict();
}

kio::Task<Verdict> same_to_everybody(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  MOQ_CO_TRY(const Group first, co_await joined->subscriber->next_group(0));
  Session& session = *joined->subscriber;
  Subscription again;
  again.id = 1;
  again.broadcast = joined->broadcast;
  again.track = joined->track;
  again.range.first = first.sequence;
  again.range.last = first.sequence;
  MOQ_CO_TRY(Stream stream, co_await session.peer->open_bidi(session.wire.subscribe(again)));
  MOQ_CO_TRY(const Group second, co_await session.next_group(1));
  if (second.sequence != first.sequence) {
    co_return mismatch(fmt::format("group {} alone", first.sequence),
                       fmt::format("group {}", second.sequence));
  }
  if (second.frames != first.frames) {
    co_return mismatch("the bytes of the same group", to_hex(second.frames));
  }
  co_return Verdict();
}

kio::Task<Verdict> fetched(Script& script) {
  MOQ_CO_CHECK(require(script, Version::v05));
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  MOQ_CO_TRY(const Group group, co_await joined->subscriber->next_group(0));
  Session& session = *joined->subscriber;
  MOQ_CO_TRY(Stream stream, co_await session.peer->open_bidi(session.wire.fetch(
                                joined->broadcast, joined->track, group.sequence, {})));
  const std::string what = fmt::format("group {} by FETCH", group.sequence);
  MOQ_CO_CHECK(co_await stream.expect(group.frames, what));
  co_return co_await stream.expect_fin("the end of a FETCH");
}

kio::Task<Verdict> fetch_missing(Script& script) {
  MOQ_CO_CHECK(require(script, Version::v05));
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  MOQ_CO_CHECK(co_await joined->begin());
  Session& session = *joined->subscriber;
  MOQ_CO_TRY(Stream stream, co_await session.peer->open_bidi(session.wire.fetch(
                                joined->broadcast, "conformance-nobody-has-this", 0, {})));
  MOQ_CO_CHECK(co_await stream.expect_reset(Codes(kNotFound, kUnroutable),
                                            "FETCH of a track that is not there"));
  co_return co_await joined->next();
}

kio::Task<Verdict> track_info(Script& script) {
  MOQ_CO_CHECK(require(script, Version::v05));
  MOQ_CO_TRY(auto session, co_await connect(script));
  MOQ_CO_TRY(Stream stream, co_await session->peer->open_bidi(session->wire.track(
                                script.bench->broadcast, media::kCatalogTrack)));
  MOQ_CO_TRY(const Bytes body, co_await stream.message("TRACK_INFO"));
  Reader in(body);
  in.u8();
  if (version_of(script) == Version::v05) in.u8();
  in.varint();
  const std::uint64_t timescale = in.varint();
  if (!in.finish(0) || timescale == 0) {
    co_return mismatch("a TRACK_INFO of this version's layout", to_hex(body));
  }
  co_return co_await stream.expect_fin("the end after TRACK_INFO");
}

kio::Task<Verdict> unknown_track_info(Script& script) {
  MOQ_CO_CHECK(require(script, Version::v05));
  MOQ_CO_TRY(auto session, co_await connect(script));
  MOQ_CO_TRY(Stream stream, co_await session->peer->open_bidi(session->wire.track(
                                script.bench->broadcast, "conformance-nobody-has-this")));
  MOQ_CO_CHECK(co_await stream.expect_reset(Codes(kNotFound, kUnroutable), "an unknown track"));
  co_return co_await session->expect_alive();
}

kio::Task<Verdict> stops_one(Script& script) {
  MOQ_CO_TRY(auto joined, co_await Joined::make(script));
  const std::string what = "a group to stop";
  for (;;) {
    MOQ_CO_TRY(Stream stream, co_await joined->subscriber->peer->accept_uni(what));
    MOQ_CO_TRY(const std::uint64_t type, co_await stream.varint(what));
    if (type != kGroup) continue;
    stream.stop(kCancelled);
    break;
  }
  co_return co_await joined->next();
}

}  // namespace

std::vector<Case> publisher_cases() {
  return {
      {"announce/lists-the-broadcast", "moq-lite §6.1", lists_its_broadcast, false, kPublishers},
      {"announce/lists-it-below-its-prefix", "moq-lite §2.4", lists_below_a_prefix, false,
       kPublishers},
      {"announce/initial-set-has-it", "moq-lite §6.1", initial_set, false, kPublishers},
      {"catalog/is-there", "hang §2", catalog, false, kPublishers},
      {"subscribe/track-nobody-has-is-refused", "moq-lite §6.2", unknown_track, false, kPublishers},
      {"subscribe/ok-comes-before-all-else", "moq-lite §6.2", answers_first, false, kPublishers},
      {"group/each-comes-once", "moq-lite §6.5", several_groups, false, kPublishers},
      {"group/same-bytes-to-everybody", "moq-lite §6.5", same_to_everybody, false, kPublishers},
      {"group/stopped-one-breaks-no-other", "moq-lite §10.2", stops_one, false, kPublishers},
      {"track/info-is-well-formed", "moq-lite §6.3", track_info, false, kPublishers},
      {"track/info-of-the-unknown-is-refused", "moq-lite §6.3", unknown_track_info, false,
       kPublishers},
      {"fetch/same-bytes-as-subscribed", "moq-lite §6.4", fetched, false, kPublishers},
      {"fetch/unknown-track-is-refused", "moq-lite §6.4", fetch_missing, false, kPublishers},
  };
}

}  // namespace moq::conformance::lite
