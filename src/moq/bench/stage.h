#pragma once

#include <deque>
#include <optional>
#include <string>

#include "moq/bench/payload.h"
#include "moq/bench/scenario.h"
#include "moq/bench/tally.h"
#include "moq/native/client.h"
#include "moq/net/path.h"
#include "moq/transport/quic/client.h"

namespace moq::bench {

/// When what begins; the same for all threads.
struct Schedule {
  TimePoint start;    ///< The first connection is dialled,
  TimePoint counted;  ///< what is delivered counts from here,
  TimePoint end;      ///< up to here.
  static Schedule of(const Scenario& scenario, TimePoint start);
};

/// The whole run, as every thread knows it.
struct Plan {
  native::Url url;
  native::ClientOptions client;
  Scenario scenario;
  Cast cast;
  Schedule schedule;
  net::Path prefix;        ///< All broadcasts are below it.
  std::uint64_t seed = 1;  ///< Of the sizes of frames and the phases of publishers.
  unsigned threads = 1;

  [[nodiscard]] net::Path broadcast(std::uint64_t number) const;
  // Connections are numbered, and come in the ramp, in this order: watchers, publishers,
  // subscribers, stalled ones.
  [[nodiscard]] TimePoint turn_of(std::uint64_t connection) const;
};

/// Which groups of one subscription began while counting.
struct GroupCount {
  std::uint64_t lowest = UINT64_MAX;
  std::uint64_t highest = 0;
  std::uint64_t count = 0;
  void add(std::uint64_t sequence);
  /// Those between the lowest and the highest that did not begin.
  [[nodiscard]] std::uint64_t missing() const;
};

/// What the connections of one thread work with; outlives their tasks.
struct Stage {
  const Plan& plan;
  Tally& tally;
  kio::Executor& executor;
  const native::Environment& environment;
  const native::Client& client;
  transport::quic::Client& raw_client;  ///< For connections that keep to no rules.
  SeededRandom random;
  std::deque<GroupCount> group_counts;  ///< One a subscription; never moved.

  [[nodiscard]] bool counts(TimePoint now) const {
    return now >= plan.schedule.counted && now < plan.schedule.end;
  }
};

/// A session, and when it was asked for.
struct Joined {
  net::Session session;
  TimePoint dialed;
};

/// Waits for the turn of the connection with this number.
kio::Task<void> wait_for_turn(Stage& stage, std::uint64_t connection);
/// Waits for its turn and dials. None, and counted, if that
/// fails.
kio::Task<std::optional<Joined>> join(Stage& stage, std::uint64_t connection,
                                      net::SessionOptions options);
/// Waits for the end of the session, which is too early whenever it comes.
kio::Task<void> outlive(Stage& stage, const net::Session& session);

// The roles; `index` counts the connections of one role. Each ends early only if its session does.
kio::Task<void> publish(Stage& stage, std::uint64_t index);
kio::Task<void> subscribe(Stage& stage, std::uint64_t index);
kio::Task<void> watch(Stage& stage, std::uint64_t index);
kio::Task<void> stall(Stage& stage, std::uint64_t index);

}  // namespace moq::bench
