#pragma once

#include <optional>
#include <string>

#include "moq/cli/options.h"
#include "moq/io/byte_stream.h"
#include "moq/io/loop.h"
#include "moq/mux/events.h"
#include "moq/native/reconnect.h"
#include "moq/net/broadcast.h"
#include "moq/net/origin.h"

namespace moq::cli {

/// A flag that a task can wait for; on one thread.
class Flag {
 public:
  void raise() {
    raised_ = true;
    waiters_.wake();
  }
  [[nodiscard]] bool raised() const { return raised_; }
  kio::Poll<kio::Unit> poll(const kio::Waiter& waiter) {
    if (raised_) return kio::Unit{};
    waiters_.add(waiter);
    return kio::kPending;
  }

 private:
  bool raised_ = false;
  kio::WaiterList waiters_;
};

/// What a verb works with; outlives its task.
struct Stage {
  Stage(io::Loop& loop_to_use, const Options& what, std::uint64_t hop)
      : loop(loop_to_use), options(what), origin(hop) {}

  io::Loop& loop;
  const Options& options;
  net::origin::Producer origin;
  Flag stop;       ///< Raised by a signal: come to a clean end.
  Flag connected;  ///< Raised by the first session.
  native::Reconnect::State session;
  mux::Progress progress;

  /// `import`: what is announced, kept until the session is closed.
  std::optional<net::origin::Announcement> announcement;
  net::broadcast::Producer broadcast;
  Flag published;          ///< Raised once a peer knows of it,
  TimePoint published_at;  ///< and since when the peer of the current session does.

  /// Writes `published`, once a session.
  void tell_published();
  /// Writes `track`, `group`, `group_lost`.
  static void tell(const mux::Event& event);

 private:
  std::uint64_t published_epoch_ = 0;
};

/// The verbs. Each comes to its end by itself, by `stage.stop`, or with an error.
kio::Task<Result<void>> import_media(Stage& stage);
kio::Task<Result<void>> export_media(Stage& stage);
kio::Task<Result<void>> fetch(Stage& stage);

/// Waits until the broadcast that was asked for is announced; none if `stage.stop` came first.
kio::Task<std::optional<net::broadcast::Consumer>> find_broadcast(Stage& stage,
                                                                  net::origin::Announced& watch);
/// Silence after which a person is told what is waited for.
inline constexpr Duration kPatience = 2s;
/// Writes `waiting`: what has not come yet, and what may be the reason.
void tell_waiting(const Stage& stage, std::string_view what, std::string_view advice);
/// Writes `announced` or `unannounced`.
void tell_announced(const net::origin::Update& update);

/// Writes to stdout: false once nobody reads it any more, or `stage.stop` came.
kio::Task<Result<bool>> write_out(Stage& stage, io::ByteSink& sink, Bytes data);

}  // namespace moq::cli
