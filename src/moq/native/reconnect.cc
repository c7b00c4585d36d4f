#include "moq/native/reconnect.h"

#include <mutex>

#include "moq/base/log.h"
#include "moq/native/internal/terminal.h"

namespace moq::native {
namespace {

constexpr std::string_view kLog = "reconnect";

}  // namespace

bool is_terminal(const Error& error) {
  switch (error.code) {
    case Code::unauthorized:
    case Code::forbidden:
    case Code::rejected:
    case Code::not_found:  // HTTP 404: sessions end by no such code.
    case Code::bad_config:
    case Code::version:
      return true;
    default:
      return false;
  }
}

kio::Task<void> Link::finish(Duration /*limit*/) {
  close(Error(Code::closed));
  co_return;
}

struct Reconnect::StatsReader::Shared {
  std::mutex mutex;
  std::optional<net::StatsReader> newest;

  void set(std::optional<net::StatsReader> reader) {
    std::lock_guard lock(mutex);
    newest = std::move(reader);
  }
};

std::optional<LinkStats> Reconnect::StatsReader::read() const {
  std::optional<net::StatsReader> reader;
  {
    std::lock_guard lock(shared_->mutex);
    reader = shared_->newest;
  }
  return reader ? reader->read() : std::nullopt;
}

class Reconnect::Loop {
 public:
  Loop(kio::Executor& executor, Random& random, std::unique_ptr<Dialer> dialer,
       const Backoff& backoff, Duration handover)
      : executor_(executor),
        handover_(handover),
        dialer_(std::move(dialer)),
        retry_(backoff, executor.clock(), random),
        old_links_(executor),
        task_(executor.spawn(run())) {}
  ~Loop() { dialer_->stopped(); }  // Before the sessions go.
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  kio::Producer<State> state;
  StatsReader stats_reader() {
    if (!stats_) {
      stats_ = std::make_shared<StatsReader::Shared>();
      if (link_) stats_->set(link_->stats_reader());
    }
    return StatsReader(stats_);
  }

  kio::Task<void> finish(Duration limit) {
    task_.cancel();
    dialer_->stopped();
    if (link_) co_await link_->finish(limit);
    link_.reset();
    state.close();
  }

 private:
  enum class Event : std::uint8_t { closed, suspect, goaway };

  kio::Task<void> run() {
    for (;;) {
      if (!link_) {
        auto dialed = co_await redial();
        if (!dialed) {
          give_up(dialed.error());
          co_return;
        }
        adopt(*std::move(dialed));
      }
      auto event =
          co_await kio::wait([this](const kio::Waiter& waiter) { return poll_event(waiter); });
      bool go_on = true;
      if (event == Event::closed) {
        go_on = on_closed();
      } else if (event == Event::suspect) {
        go_on = co_await replace_suspect();
      } else {
        go_on = co_await migrate();
      }
      if (!go_on) co_return;
    }
  }

  kio::Poll<Event> poll_event(const kio::Waiter& waiter) {
    if (auto closed = link_->poll_closed(waiter)) {
      end_ = *std::move(closed);
      return Event::closed;
    }
    if (!goaway_) {
      if (auto uri = link_->poll_goaway(waiter)) {
        goaway_ = *std::move(uri);
        return Event::goaway;
      }
    }
    if (link_->poll_suspect(waiter)) return Event::suspect;
    return kio::kPending;
  }

  void adopt(std::unique_ptr<Link> link) {
    link_ = std::move(link);
    goaway_.reset();
    since_ = executor_.clock().now();
    if (stats_) stats_->set(link_->stats_reader());
    const LinkInfo info = link_->info();
    state.write([&info](State& now) {
      now.status = Status::connected;
      now.link = info;
      ++now.epoch;
      now.last_error.reset();
      now.next_dial = Duration::zero();
      return true;
    });
  }

  void leave(const Error& why) {
    state.write([&why](State& now) {
      now.left = why;
      return true;
    });
  }

  void give_up(const Error& error) {
    MOQ_LOG(debug, kLog, "gave up: {}", error.describe());
    dialer_->stopped();
    state.write([&error](State& now) {
      now.terminal = error;
      now.last_error = error;
      return true;
    });
    link_.reset();
    state.close();
  }

  /// The session ended by itself. False if that is the end of all.
  bool on_closed() {
    const Error error = *std::exchange(end_, std::nullopt);
    link_.reset();
    MOQ_LOG(debug, kLog, "session over: {}", error.describe());
    state.write([&error](State& now) {
      now.status = Status::disconnected;
      now.last_error = error;
      now.left = error;
      return true;
    });
    if (is_terminal(error)) {
      give_up(error);
      return false;
    }
    // A session that dies at once is a failed dial.
    retry_.reset_if_healthy(since_);
    return true;
  }

  /// Waits until the next dial is due, or earlier if somebody listens there again.
  kio::Task<Result<void>> wait_turn(std::optional<Error> failed) {
    const std::optional<Duration> delay = retry_.next();
    if (!delay) {
      Error error(Code::timeout, "no session within the retry budget");
      if (failed) error = Error(failed->code, "gave up retrying: " + failed->text, failed->wire);
      co_return std::unexpected(std::move(error));
    }
    if (*delay == Duration::zero()) co_return Result<void>();
    state.write([&](State& now) {
      now.next_dial = *delay;
      return true;
    });
    kio::Timer timer(executor_.clock());
    timer.set_after(*delay);
    const bool refused = failed && failed->code == Code::refused;
    kio::Spawned<void> listening;
    if (refused) listening = executor_.spawn(dialer_->listening_again());
    co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<kio::Unit> {
      if (timer.poll(waiter)) return kio::Unit{};
      if (refused && listening.poll_join(waiter)) return kio::Unit{};
      return kio::kPending;
    });
    co_return Result<void>();
  }

  /// Dials until a session is up.
  kio::Task<Result<std::unique_ptr<Link>>> redial() {
    std::optional<Error> failed = state.read()->last_error;
    for (;;) {
      auto turn = co_await wait_turn(failed);
      if (!turn) co_return std::unexpected(turn.error());
      auto dialed = co_await dialer_->dial();
      if (dialed) co_return dialed;
      failed = dialed.error();
      MOQ_LOG(debug, kLog, "dial failed: {}", failed->describe());
      state.write([&](State& now) {
        now.last_error = failed;
        ++now.failed_dials;
        return true;
      });
      if (is_terminal(*failed)) co_return std::unexpected(*failed);
    }
  }

  /// The path looks dead: dials beside the old session; the first that answers wins.
  kio::Task<bool> replace_suspect() {
    MOQ_LOG(debug, kLog, "the path looks dead: dialling beside the session");
    if (!retry_.reset_if_healthy(since_)) (void)retry_.next();
    kio::Spawned<Result<std::unique_ptr<Link>>> dialing = executor_.spawn(redial());
    std::optional<Result<std::unique_ptr<Link>>> dialed;
    bool recovered = false;
    co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<kio::Unit> {
      if (auto joined = dialing.poll_join(waiter)) {
        dialed = *std::move(joined);
        return kio::Unit{};
      }
      if (!end_) {
        if (auto closed = link_->poll_closed(waiter)) {
          // It is over for certain; the dial goes on.
          end_ = *std::move(closed);
          state.write([this](State& now) {
            now.status = Status::disconnected;
            now.last_error = end_;
            now.left = end_;
            return true;
          });
        } else if (link_->poll_alive(waiter)) {
          recovered = true;
          return kio::Unit{};
        }
      }
      if (end_ && is_terminal(*end_)) return kio::Unit{};
      return kio::kPending;
    });
    if (recovered) {
      state.write([](State& now) {
        const bool changed = now.last_error.has_value();
        now.last_error.reset();
        return changed;
      });
      co_return true;
    }
    const std::optional<Error> ended = std::exchange(end_, std::nullopt);
    if (!dialed || !*dialed) {
      give_up(dialed ? dialed->error() : *ended);
      co_return false;
    }
    if (!ended) {
      link_->close(Error(Code::closed, "replaced: the path was dead"));
      leave(Error(Code::timeout, "the path is silent"));
    }
    adopt(**std::move(dialed));
    co_return true;
  }

  /// The peer drains: dials the successor while the old session goes on serving.
  kio::Task<bool> migrate() {
    if (!goaway_->empty()) {
      const auto redirected = dialer_->redirect(*goaway_);
      if (!redirected) {
        MOQ_LOG(warn, kLog, "redirect not followed: {}", redirected.error().describe());
      }
    }
    (void)retry_.reset_if_healthy(since_);
    auto dialed = co_await redial();
    if (!dialed) {
      give_up(dialed.error());
      co_return false;
    }
    old_links_.spawn(linger(std::move(link_)));
    leave(Error(Code::going_away, "goaway"));
    adopt(*std::move(dialed));
    co_return true;
  }

  kio::Task<void> linger(std::unique_ptr<Link> link) {
    kio::Timer timer(executor_.clock());
    timer.set_after(handover_);
    co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<kio::Unit> {
      if (link->poll_closed(waiter) || timer.poll(waiter)) return kio::Unit{};
      return kio::kPending;
    });
    link->close(Error(Code::closed, "moved on"));
  }

  kio::Executor& executor_;
  Duration handover_;
  std::unique_ptr<Dialer> dialer_;
  Retry retry_;
  std::unique_ptr<Link> link_;
  std::shared_ptr<StatsReader::Shared> stats_;  ///< Once asked for.
  TimePoint since_;
  std::optional<Error> end_;
  std::optional<std::string> goaway_;
  kio::TaskGroup old_links_;
  kio::Spawned<void> task_;  // Last: it uses all of the above.
};

Reconnect::Reconnect(kio::Executor& executor, Random& random, std::unique_ptr<Dialer> dialer,
                     const Backoff& backoff, Duration handover)
    : loop_(std::make_unique<Loop>(executor, random, std::move(dialer), backoff, handover)) {}

Reconnect::Reconnect(Reconnect&&) noexcept = default;
Reconnect& Reconnect::operator=(Reconnect&&) noexcept = default;
Reconnect::~Reconnect() = default;

kio::Task<void> Reconnect::finish(Duration limit) { return loop_->finish(limit); }

Reconnect::Watch Reconnect::watch() const { return Watch(loop_->state.consume()); }
Reconnect::StatsReader Reconnect::stats_reader() const { return loop_->stats_reader(); }
std::uint64_t Reconnect::epoch() const { return loop_->state.read()->epoch; }

kio::Poll<Result<Status>> Reconnect::Watch::poll_status(const kio::Waiter& waiter) {
  auto polled = state_.poll(waiter, [this](const State& now) -> kio::Poll<Result<Status>> {
    // A change that is still unreported comes before the terminal error.
    if (now.status && now.status != reported_) return Result<Status>(*now.status);
    if (now.terminal) return Result<Status>(std::unexpected(*now.terminal));
    return kio::kPending;
  });
  if (polled.pending()) return kio::kPending;
  if (!*polled) return Result<Status>(std::unexpected(Error(Code::closed, "reconnect stopped")));
  if (**polled) reported_ = ***polled;
  return **std::move(polled);
}

kio::Poll<Result<void>> Reconnect::Watch::poll_closed(const kio::Waiter& waiter) const {
  if (state_.poll_closed(waiter).pending()) return kio::kPending;
  const auto now = state_.read();
  if (now->terminal) return Result<void>(std::unexpected(*now->terminal));
  return Result<void>();
}

kio::Poll<Result<Reconnect::State>> Reconnect::Watch::poll_change(const kio::Waiter& waiter) {
  auto polled = state_.poll(waiter, [this](const State& now) -> kio::Poll<State> {
    if (now == reported_state_) return kio::kPending;
    return now;
  });
  if (polled.pending()) return kio::kPending;
  if (!*polled) return Result<State>(std::unexpected(Error(Code::closed, "reconnect stopped")));
  reported_state_ = **polled;
  return Result<State>(reported_state_);
}

}  // namespace moq::native
