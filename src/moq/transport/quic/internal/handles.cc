#include "moq/transport/quic/internal/handles.h"

namespace moq::transport::quic::internal {
namespace {

class SendHandle final : public SendStream {
 public:
  SendHandle(Ref<Conn> conn, Stream& stream) : conn_(std::move(conn)), stream_(&stream) {}
  ~SendHandle() override { conn_->release_sender(*stream_); }

  Poll<Result<void>> poll_writable(const Waiter& waiter) override {
    return conn_->poll_writable(*stream_, waiter);
  }
  void write(Bytes data) override { conn_->write(*stream_, std::move(data)); }
  void finish() override { conn_->finish(*stream_); }
  void reset(std::uint32_t code) override { conn_->reset(*stream_, code); }
  Poll<Result<void>> poll_finished(const Waiter& waiter) override {
    return conn_->poll_finished(*stream_, waiter);
  }
  void set_priority(Priority priority) override { conn_->set_priority(*stream_, priority); }

 private:
  Ref<Conn> conn_;
  Stream* stream_;
};

class RecvHandle final : public RecvStream {
 public:
  RecvHandle(Ref<Conn> conn, Stream& stream) : conn_(std::move(conn)), stream_(&stream) {}
  ~RecvHandle() override { conn_->release_receiver(*stream_); }

  Poll<Result<Bytes>> poll_read(const Waiter& waiter, std::size_t max) override {
    return conn_->poll_read(*stream_, waiter, max);
  }
  void stop(std::uint32_t code) override { conn_->stop(*stream_, code); }

 private:
  Ref<Conn> conn_;
  Stream* stream_;
};

class ConnectionHandle final : public Connection {
 public:
  ConnectionHandle(Ref<Conn> conn, std::shared_ptr<void> keep_alive)
      : keep_alive_(std::move(keep_alive)), conn_(std::move(conn)) {}
  ~ConnectionHandle() override { conn_->close(0, {}); }

  std::string_view protocol() const override { return conn_->alpn(); }
  std::optional<std::string_view> path() const override { return std::nullopt; }
  std::string peer() const override { return conn_->remote_address().to_string(); }
  std::string_view carrier() const override { return "quic"; }

  Poll<Result<std::unique_ptr<SendStream>>> poll_open_uni(const Waiter& waiter) override {
    using Opened = Result<std::unique_ptr<SendStream>>;
    auto stream = conn_->poll_open(false, waiter);
    if (!stream) return kio::kPending;
    if (!*stream) return Opened(std::unexpected(std::move(*stream).error()));
    return Opened(std::make_unique<SendHandle>(conn_, ***stream));
  }
  Poll<Result<BidiStream>> poll_open_bidi(const Waiter& waiter) override {
    return bidi(conn_->poll_open(true, waiter));
  }
  Poll<Result<std::unique_ptr<RecvStream>>> poll_accept_uni(const Waiter& waiter) override {
    using Accepted = Result<std::unique_ptr<RecvStream>>;
    auto stream = conn_->poll_accept(false, waiter);
    if (!stream) return kio::kPending;
    if (!*stream) return Accepted(std::unexpected(std::move(*stream).error()));
    return Accepted(std::make_unique<RecvHandle>(conn_, ***stream));
  }
  Poll<Result<BidiStream>> poll_accept_bidi(const Waiter& waiter) override {
    return bidi(conn_->poll_accept(true, waiter));
  }

  std::size_t max_datagram_bytes() const override { return conn_->max_datagram_bytes(); }
  void send_datagram(Bytes data) override { conn_->send_datagram(std::move(data)); }
  Poll<Result<Bytes>> poll_recv_datagram(const Waiter& waiter) override {
    return conn_->poll_recv_datagram(waiter);
  }

  void close(std::uint64_t code, std::string_view reason) override { conn_->close(code, reason); }
  Poll<Error> poll_closed(const Waiter& waiter) override { return conn_->poll_closed(waiter); }
  Stats stats() const override { return conn_->stats(); }
  std::shared_ptr<const StatsCell> stats_cell() override { return conn_->stats_cell(); }

  std::optional<std::string_view> server_name() const override { return conn_->server_name(); }
  const std::optional<PeerIdentity>& peer_identity() const override {
    return conn_->peer_identity();
  }
  SocketAddress peer_address() const override { return conn_->remote_address(); }
  SocketAddress local_address() const override { return conn_->local_address(); }
  Poll<Unit> poll_path_suspect(const Waiter& waiter) override {
    return conn_->poll_path(true, waiter);
  }
  Poll<Unit> poll_path_alive(const Waiter& waiter) override {
    return conn_->poll_path(false, waiter);
  }
  Result<void> migrate() override { return conn_->migrate(); }

 private:
  Poll<Result<BidiStream>> bidi(Poll<Result<Stream*>> stream) {
    if (!stream) return kio::kPending;
    if (!*stream) return Result<BidiStream>(std::unexpected(std::move(*stream).error()));
    BidiStream both;
    both.send = std::make_unique<SendHandle>(conn_, ***stream);
    both.recv = std::make_unique<RecvHandle>(conn_, ***stream);
    return Result<BidiStream>(std::move(both));
  }

  std::shared_ptr<void> keep_alive_;  // Goes last.
  Ref<Conn> conn_;
};

}  // namespace

std::unique_ptr<Connection> make_handle(Ref<Conn> conn, std::shared_ptr<void> keep_alive) {
  return std::make_unique<ConnectionHandle>(std::move(conn), std::move(keep_alive));
}

}  // namespace moq::transport::quic::internal
