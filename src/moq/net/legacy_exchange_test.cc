#include "moq/net/internal/legacy_exchange.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "moq/net/lite/legacy_setup.h"
#include "moq/net/session.h"
#include "moq/net/wire_code.h"
#include "moq/sim/session_pair.h"
#include "moq/sim/world.h"

namespace moq::net {
namespace {

constexpr Version v01 = Version::lite_01, v02 = Version::lite_02, v06 = Version::lite_06,
                  d14 = Version::moqt_14;

Bytes from_hex(std::string_view hex) {
  std::vector<std::uint8_t> out;
  int digits = 0;
  for (const char c : hex) {
    if (c == ' ') continue;
    const int digit = c <= '9' ? c - '0' : c - 'a' + 10;
    if (digits++ % 2 == 0) {
      out.push_back(static_cast<std::uint8_t>(digit << 4));
    } else {
      out.back() = static_cast<std::uint8_t>(out.back() | digit);
    }
  }
  return Bytes::copy(out);
}

sim::SessionPair pair_of(sim::World& world, std::string_view protocol) {
  sim::PairOptions options(sim::LinkOptions{.latency = 10ms});
  options.protocol = std::string(protocol);
  return sim::session_pair(world, options);
}

/// Both ends of the exchange, each with its versions.
struct Exchange {
  Exchange(std::vector<Version> client, std::vector<Version> server,
           std::string_view protocol = "moql") {
    auto pair = pair_of(world, protocol);
    client_end = std::move(pair.client);
    server_end = std::move(pair.server);
    LegacyOffer offer(client);
    offer.path = "/room?jwt=x";
    offer.authority = "relay.example";
    offering = world.spawn(offer_versions(world, *client_end, std::move(offer)));
    server_versions = std::move(server);
    picking = world.spawn(pick_version(world, *server_end, server_versions));
    world.run_for(100ms);
  }

  sim::World world;
  std::unique_ptr<transport::Session> client_end;
  std::unique_ptr<transport::Session> server_end;
  std::vector<Version> server_versions;
  kio::Spawned<Result<LegacyGreeting>> offering;
  kio::Spawned<Result<LegacyGreeting>> picking;
};

std::vector<lite::LegacyParameter> parameters_of(const LegacyGreeting& greeting) {
  Reader in(greeting.setup.span());
  auto setup = lite::ClientSetup::decode(in);
  EXPECT_TRUE(setup.has_value());
  return setup ? setup->parameters : std::vector<lite::LegacyParameter>();
}

TEST(LegacyExchange, TheFirstOfTheClientsVersionsThatTheServerHasIsPicked) {
  Exchange exchange({v01, v02}, {v02, v01});
  auto picked = exchange.picking.poll_join(kio::Waiter::none());
  ASSERT_TRUE(picked.ready() && picked->has_value());
  EXPECT_EQ((*picked)->version, v01);
  EXPECT_TRUE(parameters_of(**picked).empty()) << "moq-lite carries none";
  Exchange only({v02, v01}, {v01});
  auto lowest = only.picking.poll_join(kio::Waiter::none());
  ASSERT_TRUE(lowest.ready() && lowest->has_value());
  EXPECT_EQ((*lowest)->version, v01);
}

TEST(LegacyExchange, Draft14ComesWithWhatTheClientSaysOfItself) {
  Exchange exchange({v02, d14}, {d14});
  auto picked = exchange.picking.poll_join(kio::Waiter::none());
  ASSERT_TRUE(picked.ready() && picked->has_value());
  EXPECT_EQ((*picked)->version, d14);
  const std::vector<lite::LegacyParameter> expected = {{.type = 1, .bytes = "/room?jwt=x"},
                                                       {.type = 5, .bytes = "relay.example"},
                                                       {.type = 2, .number = 0xffffffffU},
                                                       {.type = 7, .bytes = "libmoq"}};
  EXPECT_EQ(parameters_of(**picked), expected);
}

TEST(LegacyExchange, NothingBehindTheSetupIsRead) {
  sim::World world;
  auto pair = pair_of(world, "moql");
  const std::vector<Version> versions = {v02};
  auto picking = world.spawn(pick_version(world, *pair.server, versions));
  auto stream = pair.client->poll_open_bidi(kio::Waiter::none());
  ASSERT_TRUE(stream.ready() && stream->has_value());
  // CLIENT_SETUP of moq-lite.md 12.1, then SESSION_INFO, in one packet.
  (*stream)->send->write(
      from_hex("20 00 12 02 c0 00 00 00 ff 0d ad 02 c0 00 00 00 ff 0d ad 01 00 01 00"));
  world.run_for(100ms);
  auto picked = picking.poll_join(kio::Waiter::none());
  ASSERT_TRUE(picked.ready() && picked->has_value());
  EXPECT_EQ((*picked)->version, v02);
  auto rest = (*picked)->recv->poll_read(kio::Waiter::none(), 100);
  ASSERT_TRUE(rest.ready() && rest->has_value());
  EXPECT_EQ((*rest)->size(), 2U);
}

TEST(LegacyExchange, ReadsWhatARustClientSends) {
  sim::World world;
  auto pair = pair_of(world, "moql");
  const std::vector<Version> versions = {d14};
  auto picking = world.spawn(pick_version(world, *pair.server, versions));
  auto stream = pair.client->poll_open_bidi(kio::Waiter::none());
  // Byte by byte: however it comes.
  const Bytes setup = from_hex(
      "20 00 3a 03 c0 00 00 00 ff 0d ad 02 c0 00 00 00 ff 0d ad 01 c0 00 00 00 ff 00 00 0e 04 "
      "02 c0 00 00 00 ff ff ff ff 80 04 0b 5a 01 80 04 0b 5c 01 07 0b 6d 6f 71 2d 6c 69 74 65 2d "
      "72 73");
  for (std::size_t i = 0; i < setup.size(); ++i) {
    (*stream)->send->write(setup.slice(i, 1));
    world.run_for(1ms);
  }
  world.run_for(100ms);
  auto picked = picking.poll_join(kio::Waiter::none());
  ASSERT_TRUE(picked.ready() && picked->has_value());
  EXPECT_EQ((*picked)->version, d14);
  ASSERT_EQ(parameters_of(**picked).size(), 4U);
  EXPECT_EQ(parameters_of(**picked)[3].bytes, "moq-lite-rs");
}

/// What a server makes of a first stream.
Error refusal_of(std::string_view hex, bool fin = false) {
  sim::World world;
  auto pair = pair_of(world, "moql");
  const std::vector<Version> versions = {v02, v01};
  auto picking = world.spawn(pick_version(world, *pair.server, versions));
  auto stream = pair.client->poll_open_bidi(kio::Waiter::none());
  (*stream)->send->write(from_hex(hex));
  if (fin) (*stream)->send->finish();
  world.run_for(100ms);
  auto picked = picking.poll_join(kio::Waiter::none());
  if (picked.pending()) return Error(Code::timeout, "still waits");
  return picked->has_value() ? Error(Code::closed, "picked") : picked->error();
}

TEST(LegacyExchange, BrokenSetupsAreRefused) {
  const std::string_view setup = "20 00 12 02 c0 00 00 00 ff 0d ad 02 c0 00 00 00 ff 0d ad 01 00";
  EXPECT_EQ(refusal_of(setup).text, "picked");
  for (std::size_t cut = 2; cut < setup.size(); cut += 3) {
    EXPECT_EQ(refusal_of(setup.substr(0, cut)).code, Code::timeout) << "cut at " << cut;
    EXPECT_EQ(refusal_of(setup.substr(0, cut), true).code, Code::protocol_violation) << cut;
  }
  EXPECT_EQ(refusal_of("01 01 00").code, Code::protocol_violation) << "ANNOUNCE_REQUEST";
  EXPECT_EQ(refusal_of("21 00 09 c0 00 00 00 ff 0d ad 02 00").code, Code::protocol_violation);
  EXPECT_EQ(refusal_of("20 00 13 02 c0 00 00 00 ff 0d ad 02 c0 00 00 00 ff 0d ad 01 00 00").code,
            Code::protocol_violation)
      << "a byte too many";
  EXPECT_EQ(refusal_of("20 00 02 40 41").code, Code::protocol_violation) << "65 versions";
}

TEST(LegacyExchange, BothSidesTellWhatNobodyShares) {
  sim::World world;
  auto pair = pair_of(world, "");
  const std::vector<Version> client = {v06, v02};
  const std::vector<Version> server = {v06, v01};
  auto dialling =
      world.spawn(net::connect({world, world}, std::move(pair.client), {}, std::nullopt, client));
  auto request = world.run(net::accept({world, world}, std::move(pair.server), server));
  ASSERT_FALSE(request.has_value());
  EXPECT_EQ(request.error().code, Code::version);
  EXPECT_EQ(request.error().text, "the client offers moq-lite-02, the server has moq-lite-01");
  world.run_for(2s);
  auto session = dialling.poll_join(kio::Waiter::none());
  ASSERT_TRUE(session.ready() && !session->has_value());
  EXPECT_EQ(session->error().code, Code::version);
  EXPECT_EQ(session->error().text, request.error().text + "; we offered moq-lite-02");
}

TEST(LegacyExchange, AServerThatPicksWhatWasNotOfferedIsLeft) {
  sim::World world;
  auto pair = pair_of(world, "moql");
  const std::vector<Version> client = {v02};
  auto dialling =
      world.spawn(net::connect({world, world}, std::move(pair.client), {}, std::nullopt, client));
  world.run_for(50ms);
  auto stream = pair.server->poll_accept_bidi(kio::Waiter::none());
  ASSERT_TRUE(stream.ready() && stream->has_value());
  (*stream)->send->write(from_hex("21 00 09 c0 00 00 00 ff 0d ad 01 00"));
  world.run_for(100ms);
  auto session = dialling.poll_join(kio::Waiter::none());
  ASSERT_TRUE(session.ready() && !session->has_value());
  EXPECT_EQ(session->error().text, "the server picked moq-lite-01; we offered moq-lite-02");
  auto closed = pair.server->poll_closed(kio::Waiter::none());
  ASSERT_TRUE(closed.ready());
  EXPECT_EQ(closed->wire, 0x15U);
}

TEST(LegacyExchange, NobodyWaitsForEver) {
  sim::World world;
  auto silent_server = pair_of(world, "moql");
  auto session = world.run(net::connect({world, world}, std::move(silent_server.client), {}));
  ASSERT_FALSE(session.has_value());
  EXPECT_EQ(session.error().code, Code::control_timeout);
  auto silent_client = pair_of(world, "");
  auto request = world.run(net::accept({world, world}, std::move(silent_client.server)));
  ASSERT_FALSE(request.has_value());
  EXPECT_EQ(request.error().code, Code::control_timeout);
  auto closed = silent_client.client->poll_closed(kio::Waiter::none());
  world.run_for(100ms);
  closed = silent_client.client->poll_closed(kio::Waiter::none());
  ASSERT_TRUE(closed.ready());
  EXPECT_EQ(closed->wire, 0x11U);
}

/// A session on 02 with a client by hand.
struct ByHand {
  ByHand() {
    auto pair = pair_of(world, "moql");
    raw = std::move(pair.client);
    auto accepting = world.spawn(net::accept({world, world}, std::move(pair.server)));
    auto opened = raw->poll_open_bidi(kio::Waiter::none());
    stream = **std::move(opened);
    stream.send->write(from_hex("20 00 0a 01 c0 00 00 00 ff 0d ad 02 00"));
    world.run_for(100ms);
    auto request = accepting.poll_join(kio::Waiter::none());
    server = std::move(**request).accept({});
    world.run_for(100ms);
  }
  std::string read() {
    auto part = stream.recv->poll_read(kio::Waiter::none(), 100);
    std::string out;
    if (!part || !*part) return "nothing";
    for (const std::uint8_t byte : **part) out += fmt::format("{:02x}", byte);
    return out;
  }
  std::optional<Error> ended() {
    world.run_for(2s);
    auto closed = server->poll_closed(kio::Waiter::none());
    if (closed.pending()) return std::nullopt;
    return *closed;
  }

  sim::World world;
  std::unique_ptr<transport::Session> raw;
  transport::BidiStream stream;
  std::optional<Session> server;
};

TEST(LegacySession, TheServerAnswersWithTheVersionAlone) {
  ByHand session;
  EXPECT_EQ(session.server->version(), v02);
  EXPECT_EQ(session.read(), "210009c0000000ff0dad0200");
  EXPECT_TRUE(session.server->poll_established(kio::Waiter::none()).ready());
}

TEST(LegacySession, EstimatesOfTheBandwidthAreDropped) {
  ByHand session;
  session.stream.send->write(from_hex("01 00 04 80 4c 4b 40 01 00"));
  EXPECT_EQ(session.ended(), std::nullopt);
}

TEST(LegacySession, EndsWithItsStream) {
  ByHand fin;
  fin.stream.send->finish();
  auto ended = fin.ended();
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->code, Code::closed);

  ByHand reset;
  reset.stream.send->reset(1);
  EXPECT_TRUE(reset.ended());

  ByHand broken;
  broken.stream.send->write(from_hex("02 00 00"));
  ended = broken.ended();
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->code, Code::protocol_violation);

  ByHand endless;  // A message above the limit is refused by its length.
  endless.stream.send->write(from_hex("80 00 40 01"));
  ended = endless.ended();
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->code, Code::protocol_violation);
}

}  // namespace
}  // namespace moq::net
