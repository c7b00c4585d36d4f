#pragma once

#include <memory>

#include "moq/kio/executor.h"
#include "moq/transport/session.h"

namespace moq::native {

/// A session that keeps the tasks which do its protocol work, so that it outlives who made it.
class KeptSession final : public transport::Session {
 public:
  KeptSession(std::shared_ptr<kio::TaskGroup> tasks, std::unique_ptr<transport::Session> session)
      : tasks_(std::move(tasks)), session_(std::move(session)) {}

  using Waiter = kio::Waiter;
  template <typename T>
  using Poll = kio::Poll<T>;

  [[nodiscard]] std::string_view protocol() const override { return session_->protocol(); }
  [[nodiscard]] std::optional<std::string_view> path() const override { return session_->path(); }
  [[nodiscard]] std::string peer() const override { return session_->peer(); }
  [[nodiscard]] std::string_view carrier() const override { return session_->carrier(); }
  Poll<Result<std::unique_ptr<transport::SendStream>>> poll_open_uni(
      const Waiter& waiter) override {
    return session_->poll_open_uni(waiter);
  }
  Poll<Result<transport::BidiStream>> poll_open_bidi(const Waiter& waiter) override {
    return session_->poll_open_bidi(waiter);
  }
  Poll<Result<std::unique_ptr<transport::RecvStream>>> poll_accept_uni(
      const Waiter& waiter) override {
    return session_->poll_accept_uni(waiter);
  }
  Poll<Result<transport::BidiStream>> poll_accept_bidi(const Waiter& waiter) override {
    return session_->poll_accept_bidi(waiter);
  }
  [[nodiscard]] std::size_t max_datagram_bytes() const override {
    return session_->max_datagram_bytes();
  }
  void send_datagram(Bytes data) override { session_->send_datagram(std::move(data)); }
  Poll<Result<Bytes>> poll_recv_datagram(const Waiter& waiter) override {
    return session_->poll_recv_datagram(waiter);
  }
  void close(std::uint64_t code, std::string_view reason) override {
    session_->close(code, reason);
  }
  Poll<Error> poll_closed(const Waiter& waiter) override { return session_->poll_closed(waiter); }
  [[nodiscard]] transport::Stats stats() const override { return session_->stats(); }
  [[nodiscard]] std::shared_ptr<const transport::StatsCell> stats_cell() override {
    return session_->stats_cell();
  }

 private:
  std::shared_ptr<kio::TaskGroup> tasks_;
  std::unique_ptr<transport::Session> session_;  // Goes first.
};

}  // namespace moq::native
