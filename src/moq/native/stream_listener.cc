#include "moq/native/internal/stream_listener.h"

#include <algorithm>

#include "moq/io/tcp.h"

namespace moq::native {
namespace {

/// Everybody may knock who is looked at afterwards.
constexpr unsigned kOpenMode = 0666;

class TcpCarrier final : public StreamListener {
 public:
  explicit TcpCarrier(std::unique_ptr<io::TcpListener> listener) : listener_(std::move(listener)) {}

  kio::Poll<Result<Accepted>> poll_accept(const kio::Waiter& waiter) override {
    auto stream = listener_->poll_accept(waiter);
    if (stream.pending()) return kio::kPending;
    if (!*stream) return Result<Accepted>(std::unexpected((*stream).error()));
    Accepted accepted;
    accepted.stream = **std::move(stream);
    return Result<Accepted>(std::move(accepted));
  }
  std::string_view carrier() const override { return "tcp"; }
  std::optional<transport::SocketAddress> address() const override {
    return listener_->local_address();
  }

 private:
  std::unique_ptr<io::TcpListener> listener_;
};

class UnixCarrier final : public StreamListener {
 public:
  UnixCarrier(std::unique_ptr<io::UnixListener> listener, UnixAllow allow)
      : listener_(std::move(listener)), allow_(std::move(allow)) {}

  kio::Poll<Result<Accepted>> poll_accept(const kio::Waiter& waiter) override {
    auto stream = listener_->poll_accept(waiter);
    if (stream.pending()) return kio::kPending;
    if (!*stream) return Result<Accepted>(std::unexpected((*stream).error()));
    const auto peer = (**stream)->credentials();
    Accepted accepted;
    if (!peer && !allow_.empty()) {
      accepted.refused = peer.error();
    } else if (peer && !allow_.allows(*peer)) {
      accepted.refused =
          Error(Code::unauthorized, "user " + std::to_string(peer->uid) + ", group " +
                                        std::to_string(peer->gid) + " may not connect");
    }
    accepted.stream = **std::move(stream);
    return Result<Accepted>(std::move(accepted));
  }
  std::string_view carrier() const override { return "unix"; }

 private:
  std::unique_ptr<io::UnixListener> listener_;
  UnixAllow allow_;
};

template <typename T>
bool has_or_empty(const std::vector<T>& list, T value) {
  return list.empty() || std::ranges::find(list, value) != list.end();
}

}  // namespace

bool UnixAllow::allows(const io::PeerCredentials& peer) const {
  return has_or_empty(uids, peer.uid) && has_or_empty(gids, peer.gid) &&
         has_or_empty(pids, peer.pid);
}

Result<std::unique_ptr<StreamListener>> listen_tcp(io::Loop& loop,
                                                   const transport::SocketAddress& address) {
  MOQ_TRY(auto listener, io::TcpListener::bind(loop, address));
  return std::make_unique<TcpCarrier>(std::move(listener));
}

Result<std::unique_ptr<StreamListener>> listen_unix(io::Loop& loop, UnixListen options) {
  std::optional<unsigned> mode;
  if (!options.allow.empty()) mode = kOpenMode;
  MOQ_TRY(auto listener, io::UnixListener::bind(loop, std::move(options.path), mode));
  return std::make_unique<UnixCarrier>(std::move(listener), std::move(options.allow));
}

}  // namespace moq::native
