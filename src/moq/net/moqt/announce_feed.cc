#include "moq/net/moqt/internal/announce_feed.h"

#include <algorithm>
#include <utility>

namespace moq::net::moqt {
namespace {

origin::Announced watch(const Connection& connection, const Path& prefix, const Exclude& exclude) {
  const auto& origin = connection.options().publish;
  if (origin) return origin->announced(prefix, exclude);
  const origin::Producer nothing(connection.own_hop());
  return nothing.consume().announced(prefix);
}

}  // namespace

AnnounceFeed::AnnounceFeed(Connection& connection, const Path& prefix, const Exclude& exclude)
    : connection_(connection),
      prefix_(prefix),
      announced_(watch(connection, prefix, exclude)),
      timer_(connection.clock()) {}

Poll<AnnounceFeed::Event> AnnounceFeed::poll_next(const Waiter& waiter) {
  for (;;) {
    if (!events_.empty()) {
      Event next = std::move(events_.front());
      events_.pop_front();
      return next;
    }
    if (auto update = announced_.poll_next(waiter)) {
      apply(*std::move(update));
      continue;
    }
    if (retracted_.empty()) return kio::kPending;
    const TimePoint now = connection_.clock().now();
    const auto due =
        std::ranges::min_element(retracted_, {}, [](const auto& entry) { return entry.second; });
    if (due->second > now) {
      timer_.set(due->second);
      if (timer_.poll(waiter).pending()) return kio::kPending;
    }
    const Path path = due->first;
    retracted_.erase(due);
    retract(path);
  }
}

void AnnounceFeed::retract(const Path& path) {
  if (live_.erase(path) > 0) events_.push_back({path, false});
}

void AnnounceFeed::apply(origin::Update update) {
  const Path suffix = update.path.strip_prefix(prefix_).value_or(Path());
  // Below what was asked for; a prefix may itself be hidden.
  if (suffix.is_hidden()) return;
  const auto known = live_.find(update.path);
  if (!update.route) {
    if (known == live_.end()) return;
    const Duration delay = connection_.options().retraction_delay;
    if (delay == Duration::zero()) return retract(update.path);
    retracted_.insert_or_assign(update.path, connection_.clock().now() + delay);
    return;
  }
  const auto& state = update.broadcast->state();
  const bool returned = retracted_.erase(update.path) > 0;
  if (known != live_.end()) {
    const bool another = known->second.lock() != state;
    known->second = state;
    if (!update.restarted && !(returned && another)) return;
    events_.push_back({update.path, false});
  } else {
    live_.emplace(update.path, state);
  }
  events_.push_back({update.path, true});
}

}  // namespace moq::net::moqt
