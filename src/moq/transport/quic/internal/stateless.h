#pragma once

#include <optional>

#include "moq/transport/quic/certificate.h"
#include "moq/transport/quic/internal/ngtcp2.h"
#include "moq/transport/quic/internal/output.h"

namespace moq::transport::quic::internal {

/// Lets through at most `per_second` events on average, `per_second` at once.
class RateLimit {
 public:
  explicit RateLimit(double per_second) : per_second_(per_second), left_(per_second) {}
  bool take(TimePoint now);

 private:
  double per_second_;
  double left_;
  std::optional<TimePoint> last_;
};

/// The answers of a server to packets that belong to no connection. Each kind is limited in rate,
/// since anybody can ask for them under a false address.
class Stateless {
 public:
  /// Resets per second: after a restart all clients of a full relay must hear of it within a
  /// second or two; each costs a hash and a small packet.
  static constexpr double kResetsPerSecond = 20000;
  /// Version negotiations and refusals per second: only unusual clients need them.
  static constexpr double kRefusalsPerSecond = 1000;
  /// How long a client may take to come back with the token of a Retry.
  static constexpr Duration kRetryLifetime = 10s;

  Stateless(const ResetKey& reset_key, Random& random);

  struct Question {
    Output* output;
    DatagramSocket* socket;
    SocketAddress from;  ///< Who asks.
    SocketAddress to;    ///< Our address.
    ByteSpan packet;
    TimePoint now;
  };
  void reset(const Question& question);
  void negotiate_version(const Question& question, const ngtcp2_version_cid& ids);
  void retry(const Question& question, const ngtcp2_pkt_hd& header);
  /// Closes with a transport code of RFC 9000 §20.1 in an Initial packet.
  void refuse(const Question& question, const ngtcp2_pkt_hd& header, std::uint64_t code,
              std::string_view reason);

  /// The reset token of a connection id of ours.
  void reset_token(std::uint8_t* token, const ngtcp2_cid& id) const;
  /// True for a token that only `retry` makes.
  static bool is_retry_token(const ngtcp2_pkt_hd& header);
  /// The id of the client's first Initial, if the token is ours, fresh and of this address.
  std::optional<ngtcp2_cid> check_retry_token(const Question& question,
                                              const ngtcp2_pkt_hd& header) const;

 private:
  static std::span<std::uint8_t> room(const Question& question);
  static void add(const Question& question, ngtcp2_ssize size);

  ResetKey reset_key_;
  ResetKey retry_key_;
  Random* random_;
  RateLimit resets_{kResetsPerSecond};
  RateLimit refusals_{kRefusalsPerSecond};
};

}  // namespace moq::transport::quic::internal
