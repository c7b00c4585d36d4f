#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "moq/kio/clock.h"
#include "moq/transport/session.h"
#include "moq/transport/webtransport/internal/connect_stream.h"
#include "moq/transport/webtransport/internal/control_stream.h"
#include "moq/transport/webtransport/internal/incoming_streams.h"
#include "moq/transport/webtransport/internal/message.h"

namespace moq::transport::webtransport {

/// Informational answers before the real one; a server that sends more is not serious.
inline constexpr std::size_t kMaxInformational = 8;
/// After our close capsule the peer has 3 round trips, within these bounds, to close QUIC.
inline constexpr Duration kMinLinger = 100ms;
inline constexpr Duration kMaxLinger = 3s;

/// A WebTransport session's state, shared by its handle, its streams and its driver. The driver (a
/// task that holds no handle) does the protocol's work; the handle's calls only change state here.
class Core {
 public:
  /// `request` is the client's HEADERS frame; empty on a server.
  Core(Role role, std::unique_ptr<Session> quic, const Limits& limits, Bytes request);

  /// Moves the protocol on; ready when nothing is left to do. For the driver alone.
  Poll<Unit> poll_drive(const Waiter& waiter, kio::Timer& linger);
  /// The driver is gone: closes at once what is not closed.
  void abandon();

  /// Server: the request, once it and the peer's SETTINGS came.
  Poll<Result<ConnectRequest>> poll_request(const Waiter& waiter);
  /// Server: accepts with status 200.
  void accept(const std::string& protocol);
  /// Server: answers with an error status and ends with `why`.
  void refuse(int status, Error why);
  /// Client: the answer, which is 200; any other is the error of `connect`.
  Poll<Result<ConnectResponse>> poll_response(const Waiter& waiter);
  /// Client: the answer is as it should be.
  void establish() { established_ = true; }
  /// Ends the session and closes QUIC at once, with an error of HTTP/3.
  void fail(H3Code code, Error why);
  /// `fail` for a broken rule, with a line in the log.
  void violate(const H3Error& error);

  /// Ends the session with a code and a reason; before it is established, with none.
  void close(std::uint64_t code, std::string_view reason);
  Poll<Error> poll_closed(const Waiter& waiter);
  [[nodiscard]] const std::optional<Error>& end() const { return end_; }

  [[nodiscard]] Session& quic() { return *quic_; }
  [[nodiscard]] IncomingStreams& incoming() { return incoming_; }

  /// What a poll of the QUIC session or of one of its streams means here: while it is pending, the
  /// session's end ends the wait too; if QUIC has ended, the session's error is the answer.
  template <typename T>
  Poll<Result<T>> filter(Poll<Result<T>> polled, const Waiter& waiter) {
    if (end_) return Result<T>(std::unexpected(*end_));
    if (polled.ready() && (polled->has_value() || !quic_ended())) return polled;
    on_end_.add(waiter);
    return kio::kPending;
  }

 private:
  void poll_protocol(const Waiter& waiter);
  Poll<Unit> poll_shutdown(const Waiter& waiter, kio::Timer& linger);
  void open_control(const Waiter& waiter);
  void open_connect(const Waiter& waiter);
  void adopt_streams();
  void read_control(const Waiter& waiter);
  void read_connect(const Waiter& waiter);
  void take_control_bytes(ByteSpan bytes);
  /// Handles all that the CONNECT stream says so far.
  void take_connect_events();
  void take_headers(const std::vector<Header>& headers);
  void take_request(const std::vector<Header>& headers);
  void take_response(const std::vector<Header>& headers);
  /// The peer closed the session.
  void take_close(const CloseInfo& close);
  void finish_connect();
  /// Server: hands out the request if the peer's SETTINGS allow a session.
  void check_request();
  [[nodiscard]] bool peer_supports_webtransport() const;

  void close_quic(std::uint64_t code, std::string_view reason);
  void end_with(Error why);
  [[nodiscard]] bool quic_ended() { return quic_->poll_closed(Waiter::none()).ready(); }
  [[nodiscard]] Duration linger_time() const;

  Role role_;
  std::unique_ptr<Session> quic_;
  Bytes request_bytes_;
  IncomingStreams incoming_;

  std::unique_ptr<SendStream> control_send_;
  std::unique_ptr<RecvStream> control_recv_;
  ControlStream control_;
  bool goaway_logged_ = false;

  std::unique_ptr<SendStream> connect_send_;
  std::unique_ptr<RecvStream> connect_recv_;
  ConnectStream connect_;
  std::size_t informational_ = 0;
  std::optional<ConnectRequest> request_;
  bool request_ready_ = false;
  std::optional<ConnectResponse> response_;
  bool established_ = false;

  /// What QUIC is closed with once the peer had its time.
  struct Goodbye {
    std::uint64_t code;
    std::string reason;
  };
  std::optional<Goodbye> goodbye_;
  bool quic_closed_ = false;
  std::optional<Error> end_;

  kio::WaiterList on_command_;    // The driver.
  kio::WaiterList on_handshake_;  // Those who wait for the request or the answer.
  kio::WaiterList on_end_;
};

/// Runs `core` until its connection is closed. `clock` outlives the task.
kio::Task<void> drive(kio::Clock& clock, std::shared_ptr<Core> core);

}  // namespace moq::transport::webtransport
