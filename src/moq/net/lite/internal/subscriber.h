#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "moq/net/lite/announce_codec.h"
#include "moq/net/lite/announce_reader.h"
#include "moq/net/lite/internal/connection.h"

namespace moq::net::lite {

class TrackFollower;

/// The subscriber half of a session: learns of the peer's broadcasts, puts them into our origin as
/// routes, and fetches the tracks that are asked of those routes.
class Subscriber {
 public:
  explicit Subscriber(Connection& connection);
  ~Subscriber();

  void start();
  /// The session is over, and so are its routes, unless they linger.
  void stop();
  /// After GOAWAY: all other routes are better now, and no more tracks are asked of the peer's.
  void drain();

  /// The whole life of a group stream, after its type.
  kio::Task<void> receive_group(StreamReader reader);
  void receive_datagram(const Bytes& datagram);
  /// Asks the peer for its estimates and passes them on, until it tells no more.
  kio::Task<void> follow_probe(kio::Producer<PathEstimate> estimate);

  // For the followers of tracks.
  std::uint64_t add_subscription(TrackFollower& follower);
  void remove_subscription(std::uint64_t id) { subscriptions_.erase(id); }
  [[nodiscard]] Connection& connection() const { return connection_; }

 private:
  struct Announced;
  kio::Task<void> follow_announcements();
  kio::Task<Result<void>> read_announcements(AnnounceReader& reader);
  Result<void> apply(AnnounceEvent event);
  void apply_end(std::uint64_t id);
  /// The peer has told all that it has, once that is so: see `Linger`.
  void poll_settled(const AnnounceReader& reader, const kio::Waiter& waiter);
  void settle();
  [[nodiscard]] std::optional<Route> to_route(const AnnouncedRoute& announced) const;
  kio::Task<void> serve_route(Announced& announced);

  Connection& connection_;
  std::map<std::uint64_t, std::unique_ptr<Announced>> announced_;
  std::map<std::uint64_t, TrackFollower*> subscriptions_;
  std::uint64_t next_subscription_ = 0;
  std::uint64_t peer_hop_ = 0;  ///< Of ANNOUNCE_OK.
  std::uint64_t turn_ = 0;      ///< Among the sessions of `Linger`.
  enum class Initial : std::uint8_t { awaited, read, settled } initial_ = Initial::awaited;
  kio::Timer settle_timer_;
};

}  // namespace moq::net::lite
