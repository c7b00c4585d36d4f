#include <fmt/format.h>

#include <algorithm>

#include "moq/conformance/lite.h"

// Announcements: what a subscriber is told, and what a publisher may say.
namespace moq::conformance::lite {
namespace {

kio::Task<Result<std::unique_ptr<Publisher>>> publish(Script& script, std::string name) {
  std::vector<std::string> broadcasts;
  broadcasts.push_back(script.base + "/" + name);
  auto out = co_await Publisher::start(script, broadcasts);
  co_return std::move(out);
}

kio::Task<Verdict> ok_first(Script& script) {
  MOQ_CO_CHECK(require(script, Version::v05));
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  MOQ_CO_TRY(Announcements all, co_await session->announcements(script.base + "/nothing"));
  if (all.initial() != 0) {
    co_return mismatch("an initial set of 0", std::to_string(all.initial()));
  }
  co_return Verdict();
}

kio::Task<Verdict> same_hop(Script& script) {
  MOQ_CO_CHECK(require(script, Version::v05));
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  MOQ_CO_TRY(const auto setup, co_await session->read_setup());
  const auto hop = setup.find(5);
  if (hop == setup.end()) co_return fail(kSkip, "the endpoint's SETUP names no hop");
  MOQ_CO_TRY(Announcements all, co_await session->announcements(script.base));
  const std::uint64_t named = Reader(hop->second).varint();
  if (all.hop() != named) {
    co_return mismatch(fmt::format("the hop of SETUP ({:#x}) in ANNOUNCE_OK", named),
                       fmt::format("{:#x}", all.hop()));
  }
  co_return Verdict();
}

kio::Task<Verdict> comes_and_goes(Script& script) {
  MOQ_CO_TRY(auto watcher, co_await Session::connect(script));
  MOQ_CO_TRY(Announcements all, co_await watcher->announcements(script.base));
  MOQ_CO_TRY(auto publisher, co_await publish(script, "a"));
  MOQ_CO_TRY(const Announcement came, co_await all.next_of("a", true));
  publisher->announce(publisher->session->wire.ended(script.base + "/a", 0));
  MOQ_CO_TRY(const Announcement went, co_await all.next_of("a", false));
  co_return Verdict();
}

kio::Task<Verdict> comes_back(Script& script) {
  MOQ_CO_TRY(auto watcher, co_await Session::connect(script));
  MOQ_CO_TRY(Announcements all, co_await watcher->announcements(script.base));
  MOQ_CO_TRY(auto publisher, co_await publish(script, "a"));
  const Wire& wire = publisher->session->wire;
  for (std::uint64_t id = 0; id < 3; ++id) {
    MOQ_CO_TRY(const Announcement came, co_await all.next_of("a", true));
    publisher->announce(wire.ended(script.base + "/a", id));
    MOQ_CO_TRY(const Announcement went, co_await all.next_of("a", false));
    publisher->announce(wire.active(script.base + "/a"));
  }
  co_return Verdict();
}

kio::Task<Verdict> initial_set(Script& script) {
  MOQ_CO_CHECK(require(script, Version::v05));
  std::vector<std::string> broadcasts;
  for (const char* name : {"/a", "/b", "/c/d"}) broadcasts.push_back(script.base + name);
  MOQ_CO_TRY(auto publisher, co_await Publisher::start(script, broadcasts));
  MOQ_CO_TRY(auto watcher, co_await Session::connect(script));
  for (const std::string& broadcast : broadcasts) {
    MOQ_CO_CHECK(co_await watcher->wait_for(broadcast));
  }
  MOQ_CO_TRY(Announcements all, co_await watcher->announcements(script.base));
  if (all.initial() != 3) co_return mismatch("an initial set of 3", std::to_string(all.initial()));
  std::vector<std::string> suffixes;
  for (int i = 0; i < 3; ++i) {
    MOQ_CO_TRY(const Announcement one, co_await all.next("the initial set"));
    if (!one.active) co_return mismatch("the initial set", "an end in it");
    suffixes.push_back(one.suffix);
  }
  for (const char* name : {"a", "b", "c/d"}) {
    if (std::ranges::find(suffixes, name) == suffixes.end()) {
      co_return mismatch(fmt::format("'{}' in the initial set", name), "others");
    }
  }
  co_return Verdict();
}

kio::Task<Verdict> by_segment(Script& script) {
  std::vector<std::string> broadcasts;
  for (const char* name : {"/foobar", "/foo/bar", "/foo"}) broadcasts.push_back(script.base + name);
  MOQ_CO_TRY(auto publisher, co_await Publisher::start(script, broadcasts));
  MOQ_CO_TRY(auto watcher, co_await Session::connect(script));
  for (const std::string& broadcast : broadcasts) {
    MOQ_CO_CHECK(co_await watcher->wait_for(broadcast));
  }
  MOQ_CO_TRY(Announcements all, co_await watcher->announcements(script.base + "/foo"));
  for (int i = 0; i < 2; ++i) {
    MOQ_CO_TRY(const Announcement one, co_await all.next("'' and 'bar'"));
    if (one.suffix != "" && one.suffix != "bar") {
      co_return mismatch("'' and 'bar' below foo", "'" + one.suffix + "'");
    }
  }
  co_return Verdict();
}

kio::Task<Verdict> normalised(Script& script) {
  MOQ_CO_TRY(auto publisher, co_await publish(script, "/x//y/"));
  MOQ_CO_TRY(auto watcher, co_await Session::connect(script));
  MOQ_CO_TRY(Announcements all, co_await watcher->announcements("//" + script.base + "//x/"));
  MOQ_CO_TRY(const Announcement one, co_await all.next_of("y", true));
  co_return Verdict();
}

kio::Task<Verdict> hops(Script& script) {
  MOQ_CO_TRY(auto publisher, co_await publish(script, "a"));
  MOQ_CO_TRY(auto watcher, co_await Session::connect(script));
  MOQ_CO_TRY(Announcements all, co_await watcher->announcements(script.base));
  MOQ_CO_TRY(const Announcement one, co_await all.next_of("a", true));
  // 03 counts the publisher and the endpoint, and maybe one more, for who has no name; 04 names
  // them; later the endpoint leaves itself out.
  const std::uint64_t wanted = version_of(script) >= Version::v05 ? 1 : 2;
  const bool one_more = version_of(script) == Version::v03 && one.hop_count == wanted + 1;
  if (one.hop_count != wanted && !one_more) {
    co_return mismatch(fmt::format("a chain of {}", wanted), std::to_string(one.hop_count));
  }
  if (version_of(script) >= Version::v04 && one.hops.front() != kPublisherHop) {
    co_return mismatch(fmt::format("the publisher's hop {:#x} first", kPublisherHop),
                       fmt::format("{:#x}", one.hops.front()));
  }
  co_return Verdict();
}

kio::Task<Verdict> own_routes_left_out(Script& script) {
  MOQ_CO_CHECK(require(script, Version::v04));
  std::vector<std::string> broadcasts;
  broadcasts.push_back(script.base + "/a");
  MOQ_CO_TRY(auto publisher, co_await Publisher::start(script, broadcasts));
  MOQ_CO_TRY(auto other, co_await Session::connect(script));
  MOQ_CO_CHECK(co_await other->wait_for(script.base + "/a"));
  // Who names itself by a hop of the chain is not told: 04 and 05 ask so, 06 says it in SETUP.
  MOQ_CO_TRY(auto same, co_await Session::connect(script, kPublisherHop));
  MOQ_CO_TRY(Announcements all, co_await same->announcements(script.base, kPublisherHop));
  if (version_of(script) >= Version::v05 && all.initial() != 0) {
    co_return mismatch("an initial set of 0 for the hop that published",
                       std::to_string(all.initial()));
  }
  // Another broadcast, of a hop of its own, is the first that comes.
  MOQ_CO_TRY(auto stranger, co_await Session::connect(script, 0x777));
  MOQ_CO_TRY(Stream asked, co_await stranger->peer->accept_bidi("ANNOUNCE_REQUEST"));
  MOQ_CO_TRY(const std::uint64_t type, co_await asked.varint("ANNOUNCE_REQUEST"));
  if (type != kAnnounce) co_return mismatch("ANNOUNCE_REQUEST", std::to_string(type));
  MOQ_CO_TRY(const Bytes body, co_await asked.message("ANNOUNCE_REQUEST"));
  if (stranger->wire.from(Version::v05)) asked.write(stranger->wire.announce_ok(0x777, 1));
  std::vector<std::uint64_t> chain;
  if (!stranger->wire.from(Version::v05)) chain.push_back(0x777);
  asked.write(stranger->wire.active(script.base + "/b", chain));
  MOQ_CO_TRY(const Announcement one, co_await all.next("the route of another hop"));
  if (one.suffix != "b") co_return mismatch("'b' alone", "'" + one.suffix + "'");
  co_return Verdict();
}

kio::Task<Verdict> gone_with_its_session(Script& script) {
  MOQ_CO_TRY(auto watcher, co_await Session::connect(script));
  MOQ_CO_TRY(Announcements all, co_await watcher->announcements(script.base));
  MOQ_CO_TRY(auto publisher, co_await publish(script, "a"));
  MOQ_CO_TRY(const Announcement came, co_await all.next_of("a", true));
  publisher->session->peer->close(0);
  MOQ_CO_TRY(const Announcement went, co_await all.next_of("a", false));
  co_return Verdict();
}

kio::Task<Verdict> gone_with_its_stream(Script& script) {
  MOQ_CO_TRY(auto watcher, co_await Session::connect(script));
  MOQ_CO_TRY(Announcements all, co_await watcher->announcements(script.base));
  MOQ_CO_TRY(auto publisher, co_await publish(script, "a"));
  MOQ_CO_TRY(const Announcement came, co_await all.next_of("a", true));
  publisher->announce_stream().finish();
  MOQ_CO_TRY(const Announcement went, co_await all.next_of("a", false));
  co_return co_await publisher->session->expect_alive();
}

kio::Task<Verdict> subscriber_leaves(Script& script) {
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  MOQ_CO_TRY(Announcements all, co_await session->announcements(script.base));
  all.stream().finish();
  MOQ_CO_CHECK(co_await all.stream().expect_end("the end of an announce stream after our FIN"));
  co_return co_await session->expect_alive();
}

kio::Task<Verdict> data_after_the_request(Script& script) {
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  MOQ_CO_TRY(Announcements all, co_await session->announcements(script.base));
  all.stream().write(from_hex("00"));
  MOQ_CO_CHECK(co_await all.stream().expect_end("the end of a stream with data after its request"));
  co_return co_await session->expect_alive();
}

kio::Task<Verdict> malformed_request(Script& script) {
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  MOQ_CO_TRY(Stream stream, co_await session->peer->open_bidi(from_hex("01 02 05 61")));
  MOQ_CO_CHECK(co_await stream.expect_reset(Codes::any(), "a prefix longer than its message"));
  co_return co_await session->expect_alive();
}

/// A publisher that says `message` after its broadcast is known: its session must end.
kio::Task<Verdict> expect_closed(Script& script, Bytes (*message)(const Wire&, const std::string&),
                                 Codes codes, std::string what) {
  std::unique_ptr<Session> watcher;
  if (script.end() == End::relay) {
    MOQ_CO_TRY(watcher, co_await Session::connect(script));
  }
  MOQ_CO_TRY(auto publisher, co_await publish(script, "a"));
  // What a client knows, nobody else can tell.
  if (watcher) {
    MOQ_CO_CHECK(co_await watcher->wait_for(script.base + "/a"));
  }
  publisher->announce(message(publisher->session->wire, script.base + "/a"));
  co_return co_await publisher->session->peer->expect_closed(codes, what);
}

kio::Task<Verdict> repeated_start(Script& script) {
  if (version_of(script) == Version::v05) co_return fail(kSkip, "05 changes a route so");
  auto done = co_await expect_closed(
      script, [](const Wire& wire, const std::string& path) { return wire.active(path); },
      Codes(kProtocolViolation), "a second announcement of a live broadcast");
  co_return done;
}

kio::Task<Verdict> unknown_end(Script& script) {
  MOQ_CO_CHECK(require(script, Version::v06));
  auto done = co_await expect_closed(
      script, [](const Wire& wire, const std::string&) { return wire.ended("", 42); },
      Codes(kProtocolViolation), "END of an unknown id");
  co_return done;
}

kio::Task<Verdict> repeated_end(Script& script) {
  MOQ_CO_CHECK(require(script, Version::v06));
  auto done = co_await expect_closed(
      script,
      [](const Wire& wire, const std::string&) {
        const std::array<Bytes, 2> both = {wire.ended("", 0), wire.ended("", 0)};
        return join(both);
      },
      Codes(kProtocolViolation), "END of a retired id");
  co_return done;
}

kio::Task<Verdict> chain_too_long(Script& script) {
  MOQ_CO_CHECK(require(script, Version::v04));
  auto done = co_await expect_closed(
      script,
      [](const Wire& wire, const std::string& path) {
        std::vector<std::uint64_t> hops;
        for (std::uint64_t hop = 100; hop < 133; ++hop) hops.push_back(hop);
        return wire.active(path + "/long", hops);
      },
      Codes(kProtocolViolation), "a chain of 33 hops");
  co_return done;
}

kio::Task<Verdict> repeated_hop(Script& script) {
  MOQ_CO_CHECK(require(script, Version::v04));
  auto done = co_await expect_closed(
      script,
      [](const Wire& wire, const std::string& path) {
        return wire.active(path + "/loop", {7, 8, 7});
      },
      Codes(kProtocolViolation), "a chain with a hop twice");
  co_return done;
}

kio::Task<Verdict> malformed_announcement(Script& script) {
  auto done = co_await expect_closed(
      script,
      [](const Wire& wire, const std::string&) {
        return wire.from(Version::v06) ? from_hex("00 02 05 61") : from_hex("03 01 05 61");
      },
      Codes(kProtocolViolation), "an announcement that does not decode");
  co_return done;
}

kio::Task<Verdict> unknown_status(Script& script) {
  if (version_of(script) == Version::v06) co_return fail(kSkip, "06 has types instead");
  auto done = co_await expect_closed(
      script, [](const Wire&, const std::string&) { return from_hex("04 07 01 61 00"); },
      Codes(kProtocolViolation), "an announcement of status 7");
  co_return done;
}

kio::Task<Verdict> unknown_type(Script& script) {
  MOQ_CO_CHECK(require(script, Version::v06));
  MOQ_CO_TRY(auto watcher, co_await Session::connect(script));
  MOQ_CO_TRY(auto publisher, co_await publish(script, "a"));
  // Skipped by its length; it takes no number, so that the next START has id 1.
  publisher->announce(from_hex("3f 03 010203"));
  publisher->announce(publisher->session->wire.active(script.base + "/b"));
  MOQ_CO_CHECK(co_await watcher->wait_for(script.base + "/b"));
  MOQ_CO_TRY(Announcements all, co_await watcher->announcements(script.base));
  publisher->announce(publisher->session->wire.ended("", 1));
  MOQ_CO_TRY(const Announcement went, co_await all.next_of("b", false));
  co_return Verdict();
}

kio::Task<Verdict> unknown_ended(Script& script) {
  if (version_of(script) == Version::v06) co_return fail(kSkip, "06 numbers announcements");
  MOQ_CO_TRY(auto watcher, co_await Session::connect(script));
  MOQ_CO_TRY(auto publisher, co_await publish(script, "a"));
  publisher->announce(publisher->session->wire.ended(script.base + "/never", 0));
  publisher->announce(publisher->session->wire.active(script.base + "/b"));
  co_return co_await watcher->wait_for(script.base + "/b");
}

kio::Task<Verdict> changed_route(Script& script) {
  MOQ_CO_CHECK(require(script, Version::v05));
  MOQ_CO_TRY(auto watcher, co_await Session::connect(script));
  MOQ_CO_TRY(auto publisher, co_await publish(script, "a"));
  MOQ_CO_TRY(Announcements all, co_await watcher->announcements(script.base));
  MOQ_CO_TRY(Announcement came, co_await all.next_of("a", true));
  const Wire& wire = publisher->session->wire;
  std::vector<std::uint64_t> chain;
  chain.push_back(0x999);
  if (wire.from(Version::v06)) {
    Writer body;
    body.varint(0).varint(1).varint(0x999).varint(3).varint(4);
    publisher->announce(message(2, body));
  } else {
    publisher->announce(wire.active(script.base + "/a", chain));
  }
  while (came.hops.size() < 2) {
    MOQ_CO_TRY(came, co_await all.next_of("a", true));
  }
  if (came.hops.front() != 0x999) {
    co_return mismatch("the new hop 0x999 first", fmt::format("{:#x}", came.hops.front()));
  }
  co_return Verdict();
}

}  // namespace

std::vector<Case> announce_cases() {
  return {
      {"announce/ok-comes-first", "moq-lite §6.1", ok_first, false, kAll},
      {"announce/ok-names-the-hop-of-setup", "moq-lite §6.1", same_hop, false, kAll},
      {"announce/comes-and-goes", "moq-lite §6.1", comes_and_goes},
      {"announce/comes-back", "moq-lite §6.1", comes_back},
      {"announce/initial-set-is-counted", "moq-lite §6.1", initial_set},
      {"announce/prefixes-match-by-segment", "moq-lite §2.4", by_segment},
      {"announce/paths-are-normalised", "moq-lite §2.4", normalised},
      {"announce/hops-lead-from-the-origin", "moq-lite §7.2", hops},
      {"announce/own-routes-are-left-out", "moq-lite §7.3", own_routes_left_out},
      {"announce/a-route-may-change", "moq-lite §6.1", changed_route},
      {"announce/ends-with-the-session", "moq-lite §6.1", gone_with_its_session},
      {"announce/ends-with-its-stream", "moq-lite §6.1", gone_with_its_stream},
      {"announce/a-subscriber-may-leave", "moq-lite §6.1", subscriber_leaves, false, kAll},
      {"announce/data-after-the-request", "moq-lite §6.1", data_after_the_request, true, kAll},
      {"announce/malformed-request-resets", "moq-lite §11", malformed_request, true, kAll},
      {"announce/second-announcement-closes", "moq-lite §6.1", repeated_start, true,
       kRelays | kSubscribers},
      {"announce/end-of-an-unknown-id-closes", "moq-lite §6.1", unknown_end, true,
       kRelays | kSubscribers},
      {"announce/second-end-closes", "moq-lite §6.1", repeated_end, true, kRelays | kSubscribers},
      {"announce/chain-too-long-closes", "moq-lite §7.1", chain_too_long, true,
       kRelays | kSubscribers},
      {"announce/repeated-hop-closes", "moq-lite §7.1", repeated_hop, true, kRelays | kSubscribers},
      {"announce/malformed-announcement-closes", "moq-lite §11", malformed_announcement, true,
       kRelays | kSubscribers},
      {"announce/unknown-status-closes", "moq-lite §6.1", unknown_status, true,
       kRelays | kSubscribers},
      {"announce/unknown-types-are-skipped", "moq-lite §6.1", unknown_type},
      {"announce/end-of-the-unknown-is-ignored", "moq-lite §6.1", unknown_ended},
  };
}

}  // namespace moq::conformance::lite
