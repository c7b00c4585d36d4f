#include "moq/net/internal/following.h"

#include <algorithm>

namespace moq::net {
namespace {

/// The first wait before a subscription that failed is tried again; doubles up to the last.
constexpr Duration kFirstRetry = 100ms;
constexpr Duration kLastRetry = 5s;
/// Failures in a row after which the track fails for its readers,
constexpr std::uint32_t kMaxFailures = 10;
/// and those of a peer that had it and knows it no more. Within these 3 s a relay takes back the
/// announcement of what has gone.
constexpr std::uint32_t kMaxUnknown = 6;

/// Errors by which a peer says that the track itself is not to be had.
bool is_final(const Error& error) {
  return error.code == Code::not_found || error.code == Code::unauthorized ||
         error.code == Code::malformed_track || error.code == Code::application;
}

/// Errors by which a peer says that it has no way to the track now.
bool is_route_gone(const Error& error) {
  return error.code == Code::unroutable || error.code == Code::going_away ||
         error.code == Code::closed;
}

}  // namespace

bool FollowRetry::gives_up(const Error& error, bool resumed, bool known) {
  ++failures_;
  const bool had_it = resumed || known;
  // Readers hold their place, for as long as it takes, until there is a way again.
  if (had_it && is_route_gone(error)) return false;
  if (had_it && error.code == Code::not_found) return failures_ >= kMaxUnknown;
  return failures_ >= kMaxFailures || (is_final(error) && !resumed);
}

Duration FollowRetry::delay() const {
  const std::uint32_t doublings = std::min(std::max(failures_, 1U) - 1, 10U);
  return std::min<Duration>(kLastRetry, kFirstRetry * (1 << doublings));
}

}  // namespace moq::net
