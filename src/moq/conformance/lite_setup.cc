#include <fmt/format.h>

#include "moq/conformance/lite.h"

// SETUP of moq-lite 05 and later: one message on the first unidirectional stream of each side.
namespace moq::conformance::lite {
namespace {

/// Sends `setup` as our only stream, and expects the end of the session.
kio::Task<Verdict> expect_refused(Script& script, Bytes setup, Codes codes, std::string what) {
  MOQ_CO_CHECK(require(script, Version::v05));
  MOQ_CO_TRY(auto session, co_await Session::meet(script));
  MOQ_CO_TRY(Stream stream, co_await session->peer->open_uni(std::move(setup)));
  stream.finish();
  co_return co_await session->peer->expect_closed(codes, what);
}

kio::Task<Verdict> its_setup(Script& script) {
  MOQ_CO_CHECK(require(script, Version::v05));
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  MOQ_CO_TRY(const auto setup, co_await session->read_setup());
  const auto probe = setup.find(1);
  if (probe != setup.end()) {
    Reader in(probe->second);
    const std::uint64_t level = in.varint();
    if (!in.finish(level) || level > 2) {
      co_return mismatch("a probe level of 0 to 2", to_hex(probe->second));
    }
  }
  const auto hop = setup.find(5);
  if (hop != setup.end()) {
    Reader in(hop->second);
    const std::uint64_t id = in.varint();
    if (!in.finish(id)) co_return mismatch("a hop id", to_hex(hop->second));
  }
  if (script.end() == End::relay) {
    for (const std::uint64_t clients : {2, 3}) {
      if (!setup.contains(clients)) continue;
      co_return mismatch("no path and no role from a server", fmt::format("parameter {}", clients));
    }
    co_return Verdict();
  }
  // Its role, if it names one, allows what it is here for.
  const auto role = setup.find(3);
  if (role == setup.end()) co_return Verdict();
  const std::uint64_t other = script.end() == End::publisher ? 2 : 1;
  Reader in(role->second);
  const std::uint64_t value = in.varint();
  if (!in.finish(value) || value == other) {
    co_return mismatch("a role that is not the other one", to_hex(role->second));
  }
  co_return Verdict();
}

kio::Task<Verdict> unknown_parameters(Script& script) {
  MOQ_CO_CHECK(require(script, Version::v05));
  MOQ_CO_TRY(auto session, co_await Session::meet(script));
  // Ids 63 and 100, beside our hop.
  MOQ_CO_TRY(Stream setup, co_await session->peer->open_uni(
                               from_hex("01 0d 03 3f 03 616263 4064 00 05 02 5234")));
  setup.finish();
  co_return co_await session->expect_alive();
}

kio::Task<Verdict> in_pieces(Script& script) {
  MOQ_CO_CHECK(require(script, Version::v05));
  MOQ_CO_TRY(auto session, co_await Session::meet(script));
  const Bytes setup = from_hex("01 05 01 05 02 5234");
  MOQ_CO_TRY(Stream stream, co_await session->peer->open_uni(setup.slice(0, 1)));
  for (std::size_t i = 1; i < setup.size(); ++i) {
    stream.write(setup.slice(i, 1));
    // Each byte on its way before the next.
    MOQ_CO_CHECK(co_await stream.writable());
  }
  stream.finish();
  co_return co_await session->expect_alive();
}

kio::Task<Verdict> long_varints(Script& script) {
  MOQ_CO_CHECK(require(script, Version::v05));
  MOQ_CO_TRY(auto session, co_await Session::meet(script));
  // Type, length and count in eight bytes each, which decoders take.
  MOQ_CO_TRY(Stream setup, co_await session->peer->open_uni(
                               from_hex("c000000000000001 c000000000000008 c000000000000000")));
  setup.finish();
  co_return co_await session->expect_alive();
}

kio::Task<Verdict> repeated_parameter(Script& script) {
  auto done = co_await expect_refused(script, from_hex("01 05 02 00 00 00 00"),
                                      Codes(kProtocolViolation, 6), "a repeated parameter");
  co_return done;
}

kio::Task<Verdict> trailing_in_value(Script& script) {
  auto done = co_await expect_refused(script, from_hex("01 05 01 01 02 01 01"),
                                      Codes(kProtocolViolation, 6), "bytes after a varint");
  co_return done;
}

kio::Task<Verdict> trailing_in_message(Script& script) {
  auto done = co_await expect_refused(script, from_hex("01 03 00 00 00"), Codes(kProtocolViolation),
                                      "bytes after the parameters");
  co_return done;
}

kio::Task<Verdict> too_many_parameters(Script& script) {
  Writer body;
  body.varint(65);
  for (std::uint64_t id = 100; id < 165; ++id) body.varint(id).varint(0);
  auto done = co_await expect_refused(script, message(kSetup, body), Codes(kProtocolViolation, 6),
                                      "65 parameters");
  co_return done;
}

kio::Task<Verdict> bad_utf8_path(Script& script) {
  auto done = co_await expect_refused(script, from_hex("01 05 01 02 02 c328"),
                                      Codes(kProtocolViolation, 6), "a path that is not UTF-8");
  co_return done;
}

kio::Task<Verdict> oversize(Script& script) {
  auto done = co_await expect_refused(script, from_hex("01 80010001 00"), Codes(kProtocolViolation),
                                      "a SETUP of 65537 bytes");
  co_return done;
}

kio::Task<Verdict> truncated(Script& script) {
  auto done = co_await expect_refused(script, from_hex("01 05 01 05 02"), Codes(kProtocolViolation),
                                      "a SETUP that ends early");
  co_return done;
}

kio::Task<Verdict> second_setup(Script& script) {
  MOQ_CO_CHECK(require(script, Version::v05));
  MOQ_CO_TRY(auto session, co_await Session::connect(script));
  MOQ_CO_CHECK(co_await session->expect_alive());
  MOQ_CO_TRY(Stream again, co_await session->peer->open_uni(from_hex("01 01 00")));
  again.finish();
  co_return co_await session->peer->expect_closed(Codes(kProtocolViolation), "a second SETUP");
}

kio::Task<Verdict> other_stream_first(Script& script) {
  MOQ_CO_CHECK(require(script, Version::v05));
  MOQ_CO_TRY(auto session, co_await Session::meet(script));
  MOQ_CO_TRY(Stream group, co_await session->peer->open_uni(session->wire.group_header(0, 0)));
  MOQ_CO_CHECK(co_await group.expect_stop(Codes::any(), "a group before SETUP is refused"));
  MOQ_CO_TRY(Stream setup, co_await session->peer->open_uni(from_hex("01 01 00")));
  setup.finish();
  co_return co_await session->expect_alive();
}

kio::Task<Verdict> unknown_version(Script& script) {
  auto peer = co_await Peer::meet(*script.bench, "moq-lite-99");
  if (peer) co_return mismatch("a refusal of moq-lite-99", "a session");
  if (peer.error().code != kSkip) co_return std::unexpected(peer.error());
  co_return Verdict();
}

}  // namespace

std::vector<Case> setup_cases() {
  return {
      {"setup/unknown-version-is-refused", "session §1", unknown_version, true},
      {"setup/is-well-formed", "moq-lite §3.3", its_setup, false, kAll},
      {"setup/unknown-parameters-are-ignored", "moq-lite §3.3", unknown_parameters, false, kAll},
      {"setup/may-come-in-pieces", "moq-lite §3.3", in_pieces, false, kAll},
      {"setup/long-varints-are-taken", "moq-lite §2.1", long_varints, false, kAll},
      {"setup/repeated-parameter-closes", "moq-lite §3.3", repeated_parameter, true, kAll},
      {"setup/bytes-after-a-value-close", "moq-lite §3.3", trailing_in_value, true, kAll},
      {"setup/bytes-after-the-parameters-close", "moq-lite §5", trailing_in_message, true, kAll},
      {"setup/too-many-parameters-close", "moq-lite §3.3", too_many_parameters, true, kAll},
      {"setup/path-that-is-not-utf8-closes", "moq-lite §3.3", bad_utf8_path, true},
      {"setup/oversize-length-closes", "moq-lite §5", oversize, true, kAll},
      {"setup/truncated-message-closes", "moq-lite §3.3", truncated, true, kAll},
      {"setup/second-setup-closes", "moq-lite §3.3", second_setup, true, kAll},
      {"setup/streams-before-it-are-refused", "moq-lite §3.3", other_stream_first, true},
  };
}

}  // namespace moq::conformance::lite
