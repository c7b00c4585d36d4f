#include "moq/transport/websocket/pipe.h"

#include <algorithm>

#include "moq/transport/websocket/internal/frame.h"

namespace moq::transport::websocket {

using kio::kPending;
using kio::Poll;
using kio::Waiter;

namespace internal {

namespace {

/// What is taken of the stream at once.
constexpr std::size_t kReadBytes = 64 << 10;
/// Messages that bring nothing, such as Pings, before others get a turn.
constexpr int kMaxIdleTurns = 64;

}  // namespace

/// One WebSocket after its handshake.
class Core {
 public:
  Core(kio::Clock& clock, Random& random, std::unique_ptr<ByteStream> stream, Role role, Bytes rest,
       const PipeOptions& options)
      : clock_(clock),
        random_(random),
        stream_(std::move(stream)),
        role_(role),
        options_(options),
        reader_(role, options.max_message_bytes),
        timer_(clock),
        heard_(clock.now()),
        next_ping_(clock.now() + options.ping_interval) {
    reader_.push(std::move(rest));
    set_timer();
  }

  Poll<Result<std::optional<Bytes>>> poll_read(const Waiter& waiter);
  Poll<Result<void>> poll_write(const Waiter& waiter, Bytes& record);
  Poll<Result<void>> poll_close(const Waiter& waiter);
  [[nodiscard]] std::string peer() const { return stream_->peer(); }

 private:
  using Read = Result<std::optional<Bytes>>;

  Bytes frame(Opcode opcode, ByteSpan payload);
  Poll<Result<void>> poll_flush(const Waiter& waiter);
  Poll<Read> poll_message(const Waiter& waiter);
  /// Whether bytes have come.
  Poll<Result<bool>> poll_bytes(const Waiter& waiter);
  /// Pending, but only until others have had a turn.
  kio::Pending poll_again(const Waiter& waiter) {
    again_.add(waiter);
    again_.wake();
    return kPending;
  }
  void poll_timers(const Waiter& waiter);
  void set_timer();
  void on_close(ByteSpan payload);
  void say_goodbye(CloseCode code, std::string_view reason);
  void fail_with(Error error);

  kio::Clock& clock_;
  Random& random_;
  std::unique_ptr<ByteStream> stream_;
  Role role_;
  PipeOptions options_;
  FrameReader reader_;
  kio::Timer timer_;  // For the earlier of the next Ping and the end of our patience.
  TimePoint heard_;   // The peer, last.
  TimePoint next_ping_;
  std::optional<Bytes> out_;  // The frame that is being written.
  bool record_out_ = false;   // It is the record that `poll_write` was given last.
  bool ping_due_ = false;
  std::optional<Bytes> pong_;         // To be sent, for the newest Ping: the others need no answer.
  std::optional<std::string> close_;  // To be sent: a close frame's payload.
  bool closing_ = false;              // Nothing goes out behind our close frame.
  std::optional<TimePoint> close_deadline_;
  std::optional<Error> failed_;
  bool ended_ = false;  // The peer has said that it is done, or the stream ended.
  kio::WaiterList again_;
};

Bytes Core::frame(Opcode opcode, ByteSpan payload) {
  if (role_ == Role::server) return encode_frame(opcode, payload, std::nullopt);
  const std::uint64_t number = random_.next();
  const MaskKey key = {static_cast<std::uint8_t>(number), static_cast<std::uint8_t>(number >> 8),
                       static_cast<std::uint8_t>(number >> 16),
                       static_cast<std::uint8_t>(number >> 24)};
  return encode_frame(opcode, payload, key);
}

/// Ready when all that has to go out is out.
Poll<Result<void>> Core::poll_flush(const Waiter& waiter) {
  for (;;) {
    if (!out_) {
      if (pong_ && !closing_) {
        out_ = frame(Opcode::pong, pong_->span());
        pong_.reset();
      } else if (ping_due_ && !closing_) {
        out_ = frame(Opcode::ping, {});
        ping_due_ = false;
      } else if (close_) {
        out_ = frame(Opcode::close, as_bytes(*close_));
        close_.reset();
      } else {
        return Result<void>();
      }
    }
    auto written = stream_->poll_write(waiter, *out_);
    if (!written) return kPending;
    if (!*written) {
      fail_with(written->error());
      return written;
    }
    out_.reset();
  }
}

void Core::say_goodbye(CloseCode code, std::string_view reason) {
  if (std::exchange(closing_, true)) return;
  close_ = close_payload(code, reason);
}

void Core::fail_with(Error error) {
  if (!failed_) failed_ = std::move(error);
}

void Core::set_timer() { timer_.set(std::min(next_ping_, heard_ + options_.silence_limit)); }

void Core::poll_timers(const Waiter& waiter) {
  while (timer_.poll(waiter)) {
    const TimePoint now = clock_.now();
    if (now >= heard_ + options_.silence_limit) {
      timer_.clear();
      return fail_with(Error(Code::timeout, "no sign of life from the peer"));
    }
    if (now >= next_ping_) {
      ping_due_ = true;
      next_ping_ = now + options_.ping_interval;
    }
    set_timer();
  }
}

void Core::on_close(ByteSpan payload) {
  const auto close = parse_close(payload);
  if (!close) {
    say_goodbye(close.error().code, close.error().text);
    return fail_with(Error(Code::protocol_violation, close.error().text));
  }
  const auto code = static_cast<CloseCode>(close->code);
  ended_ = true;
  // The answer repeats the code. RFC 6455 §5.5.1.
  say_goodbye(code == CloseCode::no_status ? CloseCode::normal : code, {});
  if (code != CloseCode::normal && code != CloseCode::going_away && code != CloseCode::no_status) {
    std::string text = "the peer closed the WebSocket with code " + std::to_string(close->code);
    if (!close->reason.empty()) text += ": " + close->reason;
    fail_with(Error(Code::transport, std::move(text)));
  }
}

Poll<Result<bool>> Core::poll_bytes(const Waiter& waiter) {
  auto bytes = stream_->poll_read(waiter, kReadBytes);
  if (!bytes) return kPending;
  if (!*bytes) return Result<bool>(std::unexpected(bytes->error()));
  if ((*bytes)->empty()) return Result<bool>(false);
  heard_ = clock_.now();
  reader_.push(**std::move(bytes));
  return Result<bool>(true);
}

/// The next record, once the messages before it are dealt with.
Poll<Core::Read> Core::poll_message(const Waiter& waiter) {
  for (int turn = 0; turn < kMaxIdleTurns;) {
    if (failed_) return Read(std::unexpected(*failed_));
    if (ended_) return Read(std::nullopt);
    auto message = reader_.next();
    if (!message) {
      say_goodbye(message.error().code, message.error().text);
      fail_with(Error(Code::protocol_violation, message.error().text));
    } else if (!*message) {
      const auto bytes = poll_bytes(waiter);
      if (!bytes) return kPending;
      if (!*bytes) {
        fail_with(bytes->error());
      } else if (!**bytes) {
        ended_ = true;
      }
    } else if ((*message)->opcode == Opcode::binary) {
      return Read(std::move((*message)->payload));
    } else {
      ++turn;
      if ((*message)->opcode == Opcode::ping) pong_ = std::move((*message)->payload);
      if ((*message)->opcode == Opcode::close) on_close((*message)->payload.span());
    }
  }
  return poll_again(waiter);
}

Poll<Core::Read> Core::poll_read(const Waiter& waiter) {
  poll_timers(waiter);
  auto read = poll_message(waiter);
  static_cast<void>(poll_flush(waiter));  // An answer that does not fit now goes out later.
  if (read.pending() && failed_) return Read(std::unexpected(*failed_));
  return read;
}

Poll<Result<void>> Core::poll_write(const Waiter& waiter, Bytes& record) {
  for (;;) {
    if (failed_) return Result<void>(std::unexpected(*failed_));
    if (closing_) return Result<void>(fail(Code::closed, "the WebSocket is closed"));
    const auto flushed = poll_flush(waiter);
    if (!flushed) return kPending;
    if (!*flushed) continue;
    if (std::exchange(record_out_, false)) {
      record = {};
      return Result<void>();
    }
    out_ = frame(Opcode::binary, record.span());
    record_out_ = true;
  }
}

Poll<Result<void>> Core::poll_close(const Waiter& waiter) {
  if (!close_deadline_) {
    say_goodbye(CloseCode::normal, {});
    close_deadline_ = clock_.now() + options_.close_limit;
    // Nobody is pinged any more.
    next_ping_ = *close_deadline_ + options_.silence_limit;
  }
  const auto flushed = poll_flush(waiter);
  if (failed_) return Result<void>(std::unexpected(*failed_));
  // What comes now is read and dropped: the system answers bytes that nobody read with a reset,
  // which could overtake our goodbye.
  for (int turn = 0; !ended_; ++turn) {
    if (turn == kMaxIdleTurns) return poll_again(waiter);
    const auto read = poll_message(waiter);
    if (failed_) return Result<void>(std::unexpected(*failed_));
    if (!read) break;
  }
  if (ended_ && flushed) {
    stream_->finish();
    return Result<void>();
  }
  if (timer_.deadline() != close_deadline_) timer_.set(*close_deadline_);
  if (timer_.poll(waiter)) return Result<void>();
  return kPending;
}

}  // namespace internal

Pipe::Pipe(kio::Clock& clock, Random& random, std::unique_ptr<ByteStream> stream, Role role,
           Bytes rest, const PipeOptions& options)
    : core_(std::make_unique<internal::Core>(clock, random, std::move(stream), role,
                                             std::move(rest), options)) {}
Pipe::~Pipe() = default;
Poll<Result<std::optional<Bytes>>> Pipe::poll_read(const Waiter& waiter) {
  return core_->poll_read(waiter);
}
Poll<Result<void>> Pipe::poll_write(const Waiter& waiter, Bytes& record) {
  return core_->poll_write(waiter, record);
}
Poll<Result<void>> Pipe::poll_close(const Waiter& waiter) { return core_->poll_close(waiter); }
std::string Pipe::peer() const { return core_->peer(); }

}  // namespace moq::transport::websocket
