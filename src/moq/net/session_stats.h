#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "moq/kio/channel.h"
#include "moq/net/version.h"
#include "moq/transport/stats.h"

namespace moq::net {

class Connection;

/// How a peer sees the path from itself to us.
struct PathEstimate {
  std::optional<std::uint64_t> rate_bps;  ///< What it could send; none = not known.
  std::optional<Duration> rtt;            ///< In whole milliseconds; none = not known, or lite 03.
  bool operator==(const PathEstimate&) const = default;
};

/// A live session, in numbers.
struct SessionStats {
  transport::Stats transport;
  /// What the peer could send to us, as it says; none = it does not, or not yet.
  std::optional<std::uint64_t> recv_rate_bps;
  Version version{};
  std::string carrier;  ///< As `Session::carrier`.
};

/// Reads the statistics of a session, from any thread and without waiting for the session's. They
/// are those of its latest packets. Does not keep the session; copies read the same.
class StatsReader {
 public:
  /// None once the session is over. The first call has the peer asked for its estimates.
  [[nodiscard]] std::optional<SessionStats> read() const;

 private:
  friend class Connection;
  struct Shared;
  explicit StatsReader(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  std::shared_ptr<Shared> shared_;
};

}  // namespace moq::net
