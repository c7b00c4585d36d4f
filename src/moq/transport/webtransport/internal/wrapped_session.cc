#include "moq/transport/webtransport/internal/wrapped_session.h"

#include <utility>

#include "moq/base/log.h"
#include "moq/base/wire.h"
#include "moq/transport/webtransport/internal/stream_prefix.h"

namespace moq::transport::webtransport {
namespace {

class WrappedSend final : public SendStream {
 public:
  WrappedSend(std::shared_ptr<Core> core, std::unique_ptr<SendStream> stream)
      : core_(std::move(core)), stream_(std::move(stream)) {}

  Poll<Result<void>> poll_writable(const Waiter& waiter) override {
    return core_->filter(stream_->poll_writable(waiter), waiter);
  }
  void write(Bytes data) override {
    if (!core_->end()) stream_->write(std::move(data));
  }
  void finish() override { stream_->finish(); }
  void reset(std::uint32_t code) override { stream_->reset(code); }
  Poll<Result<void>> poll_finished(const Waiter& waiter) override {
    return core_->filter(stream_->poll_finished(waiter), waiter);
  }
  void set_priority(Priority priority) override { stream_->set_priority(priority); }

 private:
  std::shared_ptr<Core> core_;
  std::unique_ptr<SendStream> stream_;
};

class WrappedRecv final : public RecvStream {
 public:
  WrappedRecv(std::shared_ptr<Core> core, std::unique_ptr<RecvStream> stream, Bytes read)
      : core_(std::move(core)), stream_(std::move(stream)), read_(std::move(read)) {}

  Poll<Result<Bytes>> poll_read(const Waiter& waiter, std::size_t max) override {
    if (core_->end()) return Result<Bytes>(std::unexpected(*core_->end()));
    if (!read_.empty()) return Result<Bytes>(read_.take_front(max));
    return core_->filter(stream_->poll_read(waiter, max), waiter);
  }
  void stop(std::uint32_t code) override {
    read_ = {};
    stream_->stop(code);
  }

 private:
  std::shared_ptr<Core> core_;
  std::unique_ptr<RecvStream> stream_;
  Bytes read_;  ///< Came with the prefix.
};

class WrappedSession final : public Session {
 public:
  WrappedSession(std::shared_ptr<Core> core, std::string protocol, std::string path)
      : core_(std::move(core)), protocol_(std::move(protocol)), path_(std::move(path)) {}
  WrappedSession(const WrappedSession&) = delete;
  WrappedSession& operator=(const WrappedSession&) = delete;
  ~WrappedSession() override { core_->close(0, ""); }

  [[nodiscard]] std::string_view protocol() const override { return protocol_; }
  [[nodiscard]] std::optional<std::string_view> path() const override { return path_; }
  [[nodiscard]] std::string peer() const override { return core_->quic().peer(); }
  [[nodiscard]] std::string_view carrier() const override { return "webtransport"; }

  Poll<Result<std::unique_ptr<SendStream>>> poll_open_uni(const Waiter& waiter) override;
  Poll<Result<BidiStream>> poll_open_bidi(const Waiter& waiter) override;
  Poll<Result<std::unique_ptr<RecvStream>>> poll_accept_uni(const Waiter& waiter) override;
  Poll<Result<BidiStream>> poll_accept_bidi(const Waiter& waiter) override;

  [[nodiscard]] std::size_t max_datagram_bytes() const override;
  void send_datagram(Bytes data) override;
  Poll<Result<Bytes>> poll_recv_datagram(const Waiter& waiter) override;

  void close(std::uint64_t code, std::string_view reason) override { core_->close(code, reason); }
  Poll<Error> poll_closed(const Waiter& waiter) override { return core_->poll_closed(waiter); }
  [[nodiscard]] Stats stats() const override { return core_->quic().stats(); }
  [[nodiscard]] std::shared_ptr<const StatsCell> stats_cell() override {
    return core_->quic().stats_cell();
  }

  [[nodiscard]] Session& quic() { return core_->quic(); }

 private:
  std::unique_ptr<SendStream> wrap(std::unique_ptr<SendStream> stream) {
    return std::make_unique<WrappedSend>(core_, std::move(stream));
  }
  std::unique_ptr<RecvStream> wrap(std::unique_ptr<RecvStream> stream, Bytes read) {
    return std::make_unique<WrappedRecv>(core_, std::move(stream), std::move(read));
  }

  std::shared_ptr<Core> core_;
  std::string protocol_;
  std::string path_;
  Bytes uni_prefix_ = uni_prefix();
  Bytes bidi_prefix_ = bidi_prefix();
};

/// What a datagram of the session starts with. Peers write the session id itself, where RFC 9297
/// has a quarter of it; both are 0.
constexpr std::size_t kDatagramPrefixBytes = varint_size(kSessionId);

Poll<Result<std::unique_ptr<SendStream>>> WrappedSession::poll_open_uni(const Waiter& waiter) {
  using Opened = Result<std::unique_ptr<SendStream>>;
  if (core_->end()) return Opened(std::unexpected(*core_->end()));
  auto opened = core_->filter(core_->quic().poll_open_uni(waiter), waiter);
  if (!opened || !*opened) return opened;
  (**opened)->write(uni_prefix_);
  return Opened(wrap(std::move(**opened)));
}

Poll<Result<BidiStream>> WrappedSession::poll_open_bidi(const Waiter& waiter) {
  if (core_->end()) return Result<BidiStream>(std::unexpected(*core_->end()));
  auto opened = core_->filter(core_->quic().poll_open_bidi(waiter), waiter);
  if (!opened || !*opened) return opened;
  (*opened)->send->write(bidi_prefix_);
  BidiStream stream;
  stream.send = wrap(std::move((*opened)->send));
  stream.recv = wrap(std::move((*opened)->recv), {});
  return Result<BidiStream>(std::move(stream));
}

Poll<Result<std::unique_ptr<RecvStream>>> WrappedSession::poll_accept_uni(const Waiter& waiter) {
  using Accepted = Result<std::unique_ptr<RecvStream>>;
  if (core_->end()) return Accepted(std::unexpected(*core_->end()));
  auto taken = core_->incoming().poll_uni(waiter);
  if (!taken) return kio::kPending;
  return Accepted(wrap(std::move(taken->recv), std::move(taken->read)));
}

Poll<Result<BidiStream>> WrappedSession::poll_accept_bidi(const Waiter& waiter) {
  if (core_->end()) return Result<BidiStream>(std::unexpected(*core_->end()));
  auto taken = core_->incoming().poll_bidi(waiter);
  if (!taken) return kio::kPending;
  BidiStream stream;
  stream.send = wrap(std::move(taken->send));
  stream.recv = wrap(std::move(taken->recv), std::move(taken->read));
  return Result<BidiStream>(std::move(stream));
}

std::size_t WrappedSession::max_datagram_bytes() const {
  const std::size_t most = core_->quic().max_datagram_bytes();
  return most > kDatagramPrefixBytes ? most - kDatagramPrefixBytes : 0;
}

void WrappedSession::send_datagram(Bytes data) {
  if (core_->end() || data.size() > max_datagram_bytes()) return;
  Ref<Buffer> buffer = Buffer::allocate(kDatagramPrefixBytes + data.size());
  buffer->data()[0] = static_cast<std::uint8_t>(kSessionId);
  std::copy(data.begin(), data.end(), buffer->data() + kDatagramPrefixBytes);
  const std::size_t size = buffer->size();
  core_->quic().send_datagram(Bytes(std::move(buffer), 0, size));
}

Poll<Result<Bytes>> WrappedSession::poll_recv_datagram(const Waiter& waiter) {
  for (;;) {
    if (core_->end()) return Result<Bytes>(std::unexpected(*core_->end()));
    auto datagram = core_->filter(core_->quic().poll_recv_datagram(waiter), waiter);
    if (!datagram || !*datagram) return datagram;
    Reader in((*datagram)->span());
    const std::uint64_t id = in.varint();
    if (!in.ok()) {
      core_->violate({H3Code::datagram_error, "a datagram without a whole session id"});
    } else if (id == kSessionId) {
      return Result<Bytes>((*datagram)->slice(in.position()));
    } else {
      MOQ_LOG(debug, "webtransport", "a datagram of session {}: dropped", id);
    }
  }
}

}  // namespace

std::unique_ptr<Session> make_session(std::shared_ptr<Core> core, std::string protocol,
                                      std::string path) {
  return std::make_unique<WrappedSession>(std::move(core), std::move(protocol), std::move(path));
}

Session* underlying(Session& session) {
  auto* wrapped = dynamic_cast<WrappedSession*>(&session);
  return wrapped ? &wrapped->quic() : nullptr;
}

}  // namespace moq::transport::webtransport
