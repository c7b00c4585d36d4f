#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "moq/base/log.h"
#include "moq/sim/session_pair.h"
#include "moq/transport/webtransport/internal/control_stream.h"
#include "moq/transport/webtransport/internal/hex_test.h"
#include "moq/transport/webtransport/internal/http3.h"
#include "moq/transport/webtransport/internal/message.h"
#include "moq/transport/webtransport/internal/settings.h"
#include "moq/transport/webtransport/webtransport.h"

namespace moq::transport::webtransport {

/// The other end of the connection, which a test speaks for byte by byte.
class RawPeer {
 public:
  explicit RawPeer(std::unique_ptr<Session> session) : quic(std::move(session)) {}

  /// Opens a stream and writes `bytes` on it.
  std::unique_ptr<SendStream> uni(ByteSpan bytes) {
    auto opened = quic->poll_open_uni(Waiter::none());
    EXPECT_TRUE(opened && *opened);
    std::unique_ptr<SendStream> stream = std::move(**opened);
    stream->write(Bytes::copy(bytes));
    return stream;
  }
  BidiStream bidi(ByteSpan bytes) {
    auto opened = quic->poll_open_bidi(Waiter::none());
    EXPECT_TRUE(opened && *opened);
    BidiStream stream = std::move(**opened);
    stream.send->write(Bytes::copy(bytes));
    return stream;
  }
  std::unique_ptr<SendStream> uni(std::string_view hex_text) { return uni(from_hex(hex_text)); }
  BidiStream bidi(std::string_view hex_text) { return bidi(from_hex(hex_text)); }
  /// How the connection ended; nothing while it has not.
  std::optional<Error> closed() {
    auto error = quic->poll_closed(Waiter::none());
    if (!error) return std::nullopt;
    return *error;
  }
  /// The code of QUIC's close, 0 if there was none.
  std::uint64_t closed_with() {
    const std::optional<Error> error = closed();
    return error ? error->wire.value_or(0) : 0;
  }
  bool closed_with(H3Code code) { return closed_with() == std::to_underlying(code); }

  std::unique_ptr<Session> quic;
  std::unique_ptr<SendStream> control;
  BidiStream connect;
};

/// What has arrived on `stream`, at most `max` bytes; nothing if it failed or nothing came.
inline Bytes read_now(RecvStream& stream, std::size_t max = 1 << 20) {
  std::vector<Bytes> parts;
  std::size_t total = 0;
  while (total < max) {
    auto part = stream.poll_read(Waiter::none(), max - total);
    if (!part || !*part || (*part)->empty()) break;
    total += (*part)->size();
    parts.push_back(**part);
  }
  return join(parts);
}

/// One end of this module against a `RawPeer`, over a simulated connection that is recorded.
class RawPeerTest : public testing::Test {
 protected:
  RawPeerTest() {
    log_lines().clear();
    log::set_sink(
        [](log::Level, std::string_view, std::string_view text) { log_lines().emplace_back(text); },
        log::Level::debug);
  }
  ~RawPeerTest() override { log::set_sink(nullptr, log::Level::off); }

  static std::vector<std::string>& log_lines() {
    static std::vector<std::string> lines;
    return lines;
  }
  static bool logged(std::string_view text) {
    for (const std::string& line : log_lines()) {
      if (line.find(text) != std::string::npos) return true;
    }
    return false;
  }

  /// What the records say that `side` wrote on stream `id`.
  Bytes written(sim::Side side, std::uint64_t id) {
    for (const sim::StreamRecord& record : wire->records()) {
      if (record.id == id) return record.from(side).written;
    }
    return {};
  }

  void connect_quic() {
    sim::PairOptions options;
    options.record = true;
    options.protocol = "h3";
    options.max_uni_streams = options.max_bidi_streams = 1000;
    sim::SessionPair pair = sim::session_pair(world, std::move(options));
    wire.emplace(pair.control);
    client_quic = std::move(pair.client);
    server_quic = std::move(pair.server);
  }
  /// Our server, waiting for a request from a raw client.
  void start_server(Limits limits = {}) {
    connect_quic();
    peer.emplace(std::move(client_quic));
    accepting = world.spawn(accept(tasks, std::move(server_quic), limits));
    settle();
  }
  /// Our client, waiting for a raw server.
  void start_client(std::vector<std::string> protocols = {"moq-lite-06", "moq-lite-05"}) {
    connect_quic();
    peer.emplace(std::move(server_quic));
    ConnectOptions options("relay.example:4443", "/room?jwt=abc", std::move(protocols));
    connecting = world.spawn(connect(tasks, std::move(client_quic), std::move(options)));
    settle();
  }
  void start(Role role) { role == Role::server ? start_server() : start_client(); }
  void send_settings() { peer->control = peer->uni(encode_control_preface().span()); }
  void send_request() {
    ConnectRequest request;
    request.authority = "relay.example";
    request.path = "/room";
    request.protocols = {"moq-lite-06", "moq-lite-05"};
    peer->connect = peer->bidi(encode_request(request).span());
  }
  void take_connect() {
    auto accepted = peer->quic->poll_accept_bidi(Waiter::none());
    ASSERT_TRUE(accepted && *accepted);
    peer->connect = std::move(**accepted);
  }
  void send_response(const ConnectResponse& response) {
    peer->connect.send->write(encode_response(response));
  }
  /// A session of ours, with everything in order.
  void establish(Role role, Limits limits = {}) {
    if (role == Role::server) {
      start_server(limits);
      send_settings();
      send_request();
      settle();
      session = std::move(*accepted_request()).respond("moq-lite-06");
    } else {
      start_client();
      send_settings();
      settle();
      take_connect();
      send_response({.status = 200, .protocol = "moq-lite-06"});
      settle();
      auto result = connected();
      ASSERT_TRUE(result) << result.error().describe();
      session = *std::move(result);
    }
    settle();
  }

  Result<Request> accepted_request() {
    auto result = accepting.poll_join(Waiter::none());
    if (!result) return fail(Code::internal, "still waiting");
    return *std::move(result);
  }
  Result<std::unique_ptr<Session>> connected() {
    auto result = connecting.poll_join(Waiter::none());
    if (!result) return fail(Code::internal, "still waiting");
    return *std::move(result);
  }
  /// Why our end gave up, during or after the handshake.
  Error our_error(Role role) {
    if (session) {
      auto error = session->poll_closed(Waiter::none());
      return error ? *error : Error(Code::internal, "not closed");
    }
    if (role == Role::client) {
      auto result = connected();
      return result ? Error(Code::internal, "connected") : result.error();
    }
    auto result = accepted_request();
    return result ? Error(Code::internal, "accepted") : result.error();
  }

  void settle(Duration duration = 60ms) { world.run_for(duration); }

  sim::World world;
  kio::TaskGroup tasks{world};
  std::optional<sim::PairControl> wire;
  std::unique_ptr<Session> client_quic;
  std::unique_ptr<Session> server_quic;
  std::optional<RawPeer> peer;
  kio::Spawned<Result<Request>> accepting;
  kio::Spawned<Result<std::unique_ptr<Session>>> connecting;
  std::unique_ptr<Session> session;
};

}  // namespace moq::transport::webtransport
