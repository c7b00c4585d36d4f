#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

#include "moq/net/origin.h"

namespace moq::net {

/// How long a session that follows a lost one has, once it has told all that it has, to tell of
/// what came back later: publishers dial anew, too, and few wait for longer than that.
inline constexpr Duration kLingerGrace = 5s;
/// The least time after which a session counts as having told all, if it does not say so or does
/// not keep to what it said.
inline constexpr Duration kInitialSetLimit = 30s;
/// Broadcasts that linger at one time; more end with their session. As many as half of what one
/// session may announce.
inline constexpr std::size_t kMaxLingering = 1 << 16;

/// Keeps the broadcasts of a lost session announced, and their readers waiting, until the session
/// that follows it announces them again, or has told all that it has, and `grace` has passed. For
/// sessions that follow each other with the same `SessionOptions::subscribe`, as those of a loop
/// that dials again and again. Watchers see nothing of it; any live route is preferred to one that
/// lingers. What a peer takes back never lingers. Belongs to the executor's thread.
class Linger {
 public:
  explicit Linger(Duration grace = kLingerGrace) : grace_(grace) {}
  Linger(const Linger&) = delete;
  Linger& operator=(const Linger&) = delete;

  /// No session follows: lets go of all, and keeps nothing from now on.
  void end();
  /// Broadcasts that linger.
  [[nodiscard]] std::size_t size() const { return kept_.size(); }
  [[nodiscard]] Duration grace() const { return grace_; }

  // For the sessions.

  /// A session begins; they count from 1.
  std::uint64_t begin() { return ++sessions_; }
  /// What lingers at `path`, as the sessions call it, to be served or dropped.
  std::optional<origin::RemoteRoute> take(const Path& path);
  /// `session` is lost, and with it `route`, whose tracks have been given back.
  void keep(std::uint64_t session, const Path& path, origin::RemoteRoute route);
  /// `session` has told all that it has: what lingers of those before is over.
  void settle(std::uint64_t session);

 private:
  struct Kept {
    std::uint64_t session = 0;
    origin::RemoteRoute route;
  };
  Duration grace_;
  std::uint64_t sessions_ = 0;
  std::uint64_t settled_ = 0;  ///< The newest session that was.
  bool ended_ = false;
  std::map<Path, Kept> kept_;
};

}  // namespace moq::net
