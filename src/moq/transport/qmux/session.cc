#include "moq/transport/qmux/session.h"

#include "moq/transport/qmux/internal/core.h"

namespace moq::transport::qmux {
namespace {

class SendHandle final : public SendStream {
 public:
  SendHandle(std::shared_ptr<Core> core, Stream& stream)
      : core_(std::move(core)), stream_(&stream) {}
  ~SendHandle() override { core_->release_sender(*stream_); }

  Poll<Result<void>> poll_writable(const Waiter& waiter) override {
    return core_->poll_writable(*stream_, waiter);
  }
  void write(Bytes data) override { core_->write(*stream_, std::move(data)); }
  void finish() override { core_->finish(*stream_); }
  void reset(std::uint32_t code) override { core_->reset(*stream_, code); }
  Poll<Result<void>> poll_finished(const Waiter& waiter) override {
    return core_->poll_finished(*stream_, waiter);
  }
  void set_priority(Priority priority) override { core_->set_priority(*stream_, priority); }

 private:
  std::shared_ptr<Core> core_;
  Stream* stream_;
};

class RecvHandle final : public RecvStream {
 public:
  RecvHandle(std::shared_ptr<Core> core, Stream& stream)
      : core_(std::move(core)), stream_(&stream) {}
  ~RecvHandle() override { core_->release_receiver(*stream_); }

  Poll<Result<Bytes>> poll_read(const Waiter& waiter, std::size_t max) override {
    return core_->poll_read(*stream_, waiter, max);
  }
  void stop(std::uint32_t code) override { core_->stop(*stream_, code); }

 private:
  std::shared_ptr<Core> core_;
  Stream* stream_;
};

class Handle final : public Session {
 public:
  explicit Handle(std::shared_ptr<Core> core) : core_(std::move(core)) {}
  ~Handle() override { core_->close(0, {}); }

  std::string_view protocol() const override { return core_->protocol(); }
  std::optional<std::string_view> path() const override { return core_->options().path; }
  std::string peer() const override { return core_->peer(); }
  std::string_view carrier() const override { return core_->options().carrier; }

  Poll<Result<std::unique_ptr<SendStream>>> poll_open_uni(const Waiter& waiter) override {
    using Opened = Result<std::unique_ptr<SendStream>>;
    auto stream = core_->poll_open(false, waiter);
    if (!stream) return kio::kPending;
    if (!*stream) return Opened(std::unexpected(std::move(*stream).error()));
    return Opened(std::make_unique<SendHandle>(core_, ***stream));
  }
  Poll<Result<BidiStream>> poll_open_bidi(const Waiter& waiter) override {
    return bidi(core_->poll_open(true, waiter));
  }
  Poll<Result<std::unique_ptr<RecvStream>>> poll_accept_uni(const Waiter& waiter) override {
    using Accepted = Result<std::unique_ptr<RecvStream>>;
    auto stream = core_->poll_accept(false, waiter);
    if (!stream) return kio::kPending;
    if (!*stream) return Accepted(std::unexpected(std::move(*stream).error()));
    return Accepted(std::make_unique<RecvHandle>(core_, ***stream));
  }
  Poll<Result<BidiStream>> poll_accept_bidi(const Waiter& waiter) override {
    return bidi(core_->poll_accept(true, waiter));
  }

  std::size_t max_datagram_bytes() const override { return core_->max_datagram_bytes(); }
  void send_datagram(Bytes data) override { core_->send_datagram(std::move(data)); }
  Poll<Result<Bytes>> poll_recv_datagram(const Waiter& waiter) override {
    return core_->poll_recv_datagram(waiter);
  }

  void close(std::uint64_t code, std::string_view reason) override { core_->close(code, reason); }
  Poll<Error> poll_closed(const Waiter& waiter) override { return core_->poll_closed(waiter); }
  Stats stats() const override { return core_->stats(); }
  std::shared_ptr<const StatsCell> stats_cell() override { return core_->stats_cell(); }

 private:
  Poll<Result<BidiStream>> bidi(Poll<Result<Stream*>> stream) {
    if (!stream) return kio::kPending;
    if (!*stream) return Result<BidiStream>(std::unexpected(std::move(*stream).error()));
    BidiStream both;
    both.send = std::make_unique<SendHandle>(core_, ***stream);
    both.recv = std::make_unique<RecvHandle>(core_, ***stream);
    return Result<BidiStream>(std::move(both));
  }

  std::shared_ptr<Core> core_;
};

}  // namespace

kio::Task<Result<std::unique_ptr<Session>>> establish(kio::TaskGroup& tasks,
                                                      std::unique_ptr<RecordPipe> pipe,
                                                      Options options) {
  kio::Clock& clock = tasks.executor().clock();
  auto core = std::make_shared<Core>(std::move(pipe), std::move(options), clock.now());
  std::unique_ptr<Session> session = std::make_unique<Handle>(core);
  tasks.spawn(drive(clock, core));
  auto ready =
      co_await kio::wait([&core](const Waiter& waiter) { return core->poll_ready(waiter); });
  if (!ready) co_return std::unexpected(ready.error());
  co_return std::move(session);
}

void refuse(kio::TaskGroup& tasks, std::unique_ptr<RecordPipe> pipe, Options options,
            std::uint64_t code, std::string_view reason) {
  kio::Clock& clock = tasks.executor().clock();
  auto core = std::make_shared<Core>(std::move(pipe), std::move(options), clock.now());
  core->close(code, reason);
  tasks.spawn(drive(clock, std::move(core)));
}

}  // namespace moq::transport::qmux
