// The driver's work, the clocks, and how a session ends.
#include "moq/transport/qmux/internal/core.h"

#include <algorithm>

#include "moq/base/log.h"

namespace moq::transport::qmux {
namespace {

constexpr std::string_view kLog = "qmux";
/// A silent session pings after this share of the idle timeout.
constexpr int kKeepAliveShare = 3;

}  // namespace

Core::Core(std::unique_ptr<RecordPipe> pipe, Options options, TimePoint now)
    : pipe_(std::move(pipe)),
      options_(std::move(options)),
      protocol_(options_.protocol),
      peer_(pipe_->peer()),
      now_(now),
      begin_(now),
      active_(now),
      last_sent_(now),
      last_ping_(now),
      peer_streams_{Window(options_.parameters.max_streams_uni),
                    Window(options_.parameters.max_streams_bidi)},
      window_(options_.parameters.connection_window) {
  if (has_flow_control(options_.framing)) return;
  // Nothing is exchanged, and nothing limits us.
  parameters_sent_ = true;
  peer_parameters_.emplace();
  max_opened_ = {kMaxVarint >> 2, kMaxVarint >> 2};
  max_sent_ = kMaxVarint;
}

Poll<Core::Turn> Core::poll_drive(const Waiter& waiter, kio::Timer& timer, TimePoint now) {
  now_ = now;
  on_command_ = {};
  on_command_.add(waiter);
  bool more = read(waiter);
  if (phase_ == Phase::open) check_timers();
  if (phase_ != Phase::over) more = write_records(waiter) || more;
  if (phase_ == Phase::closing || phase_ == Phase::draining) finish_closing(waiter);
  publish_stats();
  if (phase_ == Phase::over) return Turn::over;
  if (more) return Turn::again;
  if (const auto deadline = next_deadline()) {
    timer.set(*deadline);
    if (timer.poll(waiter)) return Turn::again;
  } else {
    timer.clear();
  }
  return kio::kPending;
}

void Core::abandon() {
  if (!end_) end_with(Error(Code::closed, "the endpoint is gone"));
  drop_pipe();
}

/// Without credits only waiting bounds what a peer makes us keep.
bool Core::reading_pauses() const {
  return phase_ == Phase::open && !has_flow_control(options_.framing) &&
         unread_ >= options_.parameters.connection_window;
}

bool Core::read(const Waiter& waiter) {
  for (int i = 0; i < kRecordsPerTurn; ++i) {
    if (phase_ == Phase::over || peer_gone_ || reading_pauses()) return false;
    auto polled = pipe_->poll_read(waiter);
    if (polled.pending()) return false;
    if (!*polled) {
      if (phase_ == Phase::open) end_with(polled->error().with_context("connection lost"));
      drop_pipe();
    } else if (!**polled) {
      peer_gone_ = true;
      if (phase_ != Phase::open) continue;
      end_with(Error(Code::transport, "the peer ended the connection without a word"));
      drop_pipe();
    } else if (phase_ == Phase::open) {
      on_record(***polled);
    }
  }
  return true;
}

bool Core::write_records(const Waiter& waiter) {
  for (int i = 0; i < kRecordsPerTurn; ++i) {
    if (record_.empty()) {
      record_ = next_record();
      if (record_.empty()) return false;
      stats_.bytes_sent += record_.size();
    }
    auto taken = pipe_->poll_write(waiter, record_);
    if (taken.pending()) return false;
    if (!*taken) {
      if (phase_ == Phase::open) end_with(taken->error().with_context("connection lost"));
      drop_pipe();
      return false;
    }
    record_ = {};
    last_sent_ = now_;
    if (std::exchange(send_is_activity_, false)) active_ = now_;
  }
  return true;
}

/// After a close: what was written goes out, and whatever still comes is read until the pipe is
/// closed on both sides. To drop it earlier could take our last words back. Who was told of the end
/// by a frame closes first: a Rust peer that finds the end of the pipe right behind that frame
/// forgets the frame.
void Core::finish_closing(const Waiter& waiter) {
  // From here on: a close that was asked for while the driver slept began at a time unknown.
  if (!close_deadline_) close_deadline_ = after(now_, options_.parameters.close_timeout);
  if (now_ >= *close_deadline_) {
    drop_pipe();
    return;
  }
  if (phase_ == Phase::closing) {
    if (!record_.empty() || last_) return;
    if (closed_by_us_ && !peer_gone_) return;
    auto closed = pipe_->poll_close(waiter);
    if (closed.pending()) return;
    phase_ = Phase::draining;
    if (!*closed) drop_pipe();
  }
  if (peer_gone_) drop_pipe();
}

void Core::check_timers() {
  const Parameters& parameters = options_.parameters;
  const auto due = [this](TimePoint since, Duration delay) {
    return delay > Duration::zero() && now_ >= after(since, delay);
  };
  if (!peer_parameters_) {
    if (due(begin_, parameters.setup_timeout)) {
      end_with(Error(Code::timeout, "the peer's parameters did not come"));
      drop_pipe();
    }
    return;
  }
  if (!has_records(options_.framing)) return;
  if (due(active_, idle_timeout_)) {
    end_with(Error(Code::timeout,
                   fmt::format("nothing heard from the peer for {} ms", to_ms(idle_timeout_))));
    drop_pipe();
    return;
  }
  if (due(std::max(last_sent_, last_ping_), idle_timeout_ / kKeepAliveShare) ||
      due(last_ping_, parameters.ping_interval)) {
    ping_wanted_ = true;
    last_ping_ = now_;
  }
}

std::optional<TimePoint> Core::next_deadline() const {
  std::optional<TimePoint> next;
  const auto consider = [&next](TimePoint since, Duration delay) {
    if (delay <= Duration::zero()) return;
    const TimePoint deadline = after(since, delay);
    if (!next || deadline < *next) next = deadline;
  };
  if (phase_ != Phase::open) return close_deadline_;
  if (!peer_parameters_) {
    consider(begin_, options_.parameters.setup_timeout);
  } else if (has_records(options_.framing)) {
    consider(active_, idle_timeout_);
    consider(std::max(last_sent_, last_ping_), idle_timeout_ / kKeepAliveShare);
    consider(last_ping_, options_.parameters.ping_interval);
  }
  return next;
}

void Core::end_with(Error why) {
  if (end_) return;
  MOQ_LOG(debug, kLog, "{}: session over: {}", peer_, why.describe());
  end_ = std::move(why);
  // What nobody has accepted is nobody's.
  for (auto& waiting : accept_) {
    for (Stream* stream : std::exchange(waiting, {})) {
      stream->has_sender = false;
      stream->has_receiver = false;
    }
  }
  control_.clear();
  send_queue_.clear();
  kio::WaiterList woken;
  for (auto& [id, stream] : streams_) {
    stream->out.clear();
    stream->in.clear();
    stream->in_control = false;
    woken.append(stream->on_writable.take());
    woken.append(stream->on_finished.take());
    woken.append(stream->on_readable.take());
  }
  std::erase_if(streams_, [](const auto& entry) {
    return !entry.second->has_sender && !entry.second->has_receiver;
  });
  undelivered_.clear();
  datagrams_in_.clear();
  datagrams_out_.clear();
  pongs_.clear();
  for (auto* list : {&on_ready_, &on_end_, &on_datagram_, &on_open_[0], &on_open_[1],
                     &on_accept_[0], &on_accept_[1], &on_command_}) {
    woken.append(list->take());
  }
  if (stats_cell_) stats_cell_->close();
  woken.wake();
}

void Core::close_with(Error why, const Close& last) {
  if (end_) return;
  last_ = last;
  closed_by_us_ = true;
  phase_ = Phase::closing;
  end_with(std::move(why));
}

void Core::violate(const std::string& what) {
  if (end_) return;
  MOQ_LOG(warn, kLog, "{}: {}", peer_, what);
  close_with(Error(Code::protocol_violation, what),
             Close{.application = false, .code = kViolationCode, .reason = what});
}

void Core::drop_pipe() {
  pipe_.reset();
  phase_ = Phase::over;
  on_command_.wake();
}

void Core::publish_stats() {
  if (stats_cell_ && !end_) stats_cell_->set(stats_);
}

Poll<Result<void>> Core::poll_ready(const Waiter& waiter) {
  if (end_) return Result<void>(std::unexpected(*end_));
  if (peer_parameters_) return Result<void>();
  on_ready_.add(waiter);
  return kio::kPending;
}

void Core::close(std::uint64_t code, std::string_view reason) {
  // The wire has 32 bits for it, as all of moq's codes.
  const std::uint64_t sent = std::min<std::uint64_t>(code, UINT32_MAX);
  const std::string text(reason.substr(0, kMaxReasonBytes));
  close_with(Error(Code::closed, std::string(reason), code),
             Close{.application = true, .code = sent, .reason = text});
}

Poll<Error> Core::poll_closed(const Waiter& waiter) {
  if (end_) return *end_;
  on_end_.add(waiter);
  return kio::kPending;
}

std::shared_ptr<const StatsCell> Core::stats_cell() {
  if (!stats_cell_) {
    stats_cell_ = std::make_shared<StatsCell>();
    stats_cell_->set(stats_);
    if (end_) stats_cell_->close();
  }
  return stats_cell_;
}

namespace {

/// Whatever ends the driver, its core is told.
struct Abandon {
  explicit Abandon(Core& driven) : core(&driven) {}
  Abandon(const Abandon&) = delete;
  Abandon& operator=(const Abandon&) = delete;
  ~Abandon() { core->abandon(); }
  Core* core;
};

}  // namespace

kio::Task<void> drive(kio::Clock& clock, std::shared_ptr<Core> core) {
  const Abandon at_the_end(*core);
  kio::Timer timer(clock);
  for (;;) {
    const Core::Turn turn = co_await kio::wait([&core, &timer, &clock](const Waiter& waiter) {
      return core->poll_drive(waiter, timer, clock.now());
    });
    if (turn == Core::Turn::over) co_return;
    co_await kio::yield();
  }
}

}  // namespace moq::transport::qmux
