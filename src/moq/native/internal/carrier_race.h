#pragma once

#include <optional>

#include "moq/kio/executor.h"

namespace moq::native {

/// What it means that neither carrier got through: the text names both. It counts as an answer for
/// good, such as a refusal of credentials, only if both are: else the other's cause counts.
Error both_failed(const Error& quic, const Error& websocket);

/// How long WebSocket is waited for once it is alone, since QUIC failed. A firewall that swallows
/// TCP must not keep us from a relay that is back after a moment; a slow handshake takes a few
/// seconds.
inline constexpr Duration kWebSocketAlone = 10s;

/// QUIC, and WebSocket a while after it: the first that is up wins, and the other is given up. One
/// that fails does not hurry the other, session.md §10.1, but for `kWebSocketAlone`.
template <typename T>
class CarrierRace {
 public:
  CarrierRace(kio::Executor& executor, kio::Task<Result<T>> quic, kio::Task<Result<T>> websocket,
              Duration head_start)
      : executor_(executor),
        quic_(executor.spawn(std::move(quic))),
        websocket_task_(std::move(websocket)),
        start_(executor.clock()),
        alone_(executor.clock()) {
    start_.set_after(head_start);
  }

  /// Ready once, with the winner, or with why there is none.
  kio::Poll<Result<T>> poll(const kio::Waiter& waiter) {
    if (!quic_error_) {
      if (auto joined = quic_.poll_join(waiter)) {
        if (*joined) return joined;
        quic_error_ = joined->error();
      }
    }
    if (websocket_task_ && start_.poll(waiter)) {
      websocket_ = executor_.spawn(*std::move(websocket_task_));
      websocket_task_.reset();
    }
    if (!websocket_task_ && !websocket_error_) {
      if (auto joined = websocket_.poll_join(waiter)) {
        websocket_won_ = joined->has_value();
        if (*joined) return joined;
        websocket_error_ = joined->error();
      }
    }
    if (quic_error_ && !websocket_task_ && !websocket_error_) {
      if (!alone_.deadline()) alone_.set_after(kWebSocketAlone);
      if (alone_.poll(waiter)) websocket_error_ = Error(Code::timeout, "no session in time");
    }
    if (!quic_error_ || !websocket_error_) return kio::kPending;
    return Result<T>(std::unexpected(both_failed(*quic_error_, *websocket_error_)));
  }
  [[nodiscard]] bool websocket_won() const { return websocket_won_; }

 private:
  kio::Executor& executor_;
  kio::Spawned<Result<T>> quic_;
  std::optional<kio::Task<Result<T>>> websocket_task_;  // Until it starts.
  kio::Spawned<Result<T>> websocket_;
  kio::Timer start_;
  kio::Timer alone_;
  std::optional<Error> quic_error_;
  std::optional<Error> websocket_error_;
  bool websocket_won_ = false;
};

}  // namespace moq::native
