#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "moq/sim/link.h"
#include "moq/sim/world.h"
#include "moq/transport/session.h"

namespace moq::sim {

namespace internal {
class Pair;
}

enum class Side : std::uint8_t { client, server };
constexpr Side other(Side side) { return side == Side::client ? Side::server : Side::client; }

/// How a pair of sessions behaves. Windows and stream limits are what each side grants the other.
struct PairOptions {
  LinkOptions up;    ///< From the client to the server.
  LinkOptions down;  ///< From the server to the client.
  std::string protocol;
  std::optional<std::string> path;
  std::uint64_t max_uni_streams = 100;  ///< Open at one time, opened by one side.
  std::uint64_t max_bidi_streams = 100;
  std::size_t stream_window_bytes = 256 * 1024;        ///< Sent and not yet read, per stream.
  std::size_t session_window_bytes = 4 * 1024 * 1024;  ///< The same over all streams.
  std::size_t send_buffer_bytes = 64 * 1024;  ///< Written and not yet sent; more is not writable.
  std::size_t max_datagram_bytes = 1200;      ///< 0 = the peer takes none.
  Duration idle_timeout = 10s;                ///< A silent path ends both sessions after this.
  bool record = false;                        ///< Keeps what was written for `records()`.

  PairOptions() = default;
  /// The same link both ways.
  PairOptions(const LinkOptions& both) : up(both), down(both) {}
};

/// What passed over one stream, as its senders wrote it.
struct StreamRecord {
  std::uint64_t id = 0;  ///< Numbered as in RFC 9000 §2.1.
  Side opener = Side::client;
  bool bidi = false;
  struct Direction {
    Bytes written;
    bool finished = false;
    std::optional<std::uint32_t> reset;    ///< The sender's code.
    std::optional<std::uint32_t> stopped;  ///< The receiver's code.
    transport::Priority priority = 0;
  };
  Direction from_client;
  Direction from_server;
  [[nodiscard]] const Direction& from(Side side) const {
    return side == Side::client ? from_client : from_server;
  }
};

/// The hands of a test on a pair of sessions, whoever owns them now. Copies act on the same pair.
class PairControl {
 public:
  explicit PairControl(std::shared_ptr<internal::Pair> pair) : pair_(std::move(pair)) {}

  /// Cuts the path, silently: what is sent from now on waits (datagrams are lost). What is in
  /// flight still arrives. After the idle timeout both sessions end with `timeout`.
  void partition();
  /// Ends the partition; what waited is sent again.
  void heal();
  /// The process of `side` dies without a word: its session does nothing any more, and says
  /// nothing when destroyed. The peer sees `peer_sees` one round trip later (`refused` as after an
  /// ICMP error, `transport` as after a stateless reset), or else `timeout` at the idle timeout.
  void kill(Side side, std::optional<Error> peer_sees = std::nullopt);
  /// Replaces the link that `from` sends over.
  void set_link(Side from, const LinkOptions& link);

  /// Streams opened by `opener` that are not over on both sides.
  [[nodiscard]] std::size_t open_streams(Side opener) const;
  /// All streams that `opener` ever opened.
  [[nodiscard]] std::uint64_t streams_opened(Side opener) const;
  /// Bytes that `sender` has written and not sent, over all streams.
  [[nodiscard]] std::size_t unsent_bytes(Side sender) const;
  /// Bytes that reached `receiver` and that it has not read, over all streams.
  [[nodiscard]] std::size_t unread_bytes(Side receiver) const;
  /// What was written, by stream in the order of opening; needs `PairOptions::record`.
  [[nodiscard]] std::vector<StreamRecord> records() const;

  /// Acts on an open stream in the name of `sender`, behind its owner's back: hostile bytes, resets
  /// at a bad time. False if there is no such stream or that direction is over.
  bool inject(Side sender, std::uint64_t stream_id, Bytes data);
  bool inject_reset(Side sender, std::uint64_t stream_id, std::uint32_t code);
  /// STOP_SENDING in the name of `receiver`.
  bool inject_stop(Side receiver, std::uint64_t stream_id, std::uint32_t code);

 private:
  std::shared_ptr<internal::Pair> pair_;
};

struct SessionPair {
  std::unique_ptr<transport::Session> client;
  std::unique_ptr<transport::Session> server;
  PairControl control;
};

/// Two connected sessions with the whole contract of `transport::Session`, without packets or TLS.
/// Payload is handed over without a copy. Lost packets delay their stream by a round trip, as a
/// retransmission would. `world` must outlive both.
SessionPair session_pair(World& world, PairOptions options = {});

}  // namespace moq::sim
