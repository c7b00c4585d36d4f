#include "moq/io/tcp.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

#include "moq/io/internal/os.h"
#include "moq/io/internal/socket_stream.h"

namespace moq::io {

using kio::kPending;
using kio::Poll;
using kio::Waiter;
using transport::SocketAddress;

kio::Task<Result<std::unique_ptr<TcpStream>>> TcpStream::connect(Loop& loop, SocketAddress remote) {
  MOQ_CO_TRY(const int number, internal::open_socket(remote, SOCK_STREAM));
  Fd fd(number);
  internal::set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  const std::string what = "connect to " + remote.to_string();
  const internal::OsAddress os = internal::to_os(remote, false);
  const bool done = ::connect(fd.get(), os.get(), os.size) == 0;
  if (!done && errno != EINPROGRESS) co_return std::unexpected(internal::os_error(errno, what));
  MOQ_CO_TRY(std::unique_ptr<FdWatch> watch, FdWatch::create(loop, std::move(fd)));
  if (!done) {
    auto connected = co_await internal::connected(*watch, what);
    if (!connected) co_return std::unexpected(connected.error());
  }
  co_return std::make_unique<TcpStream>(std::move(watch));
}

Poll<Result<Bytes>> TcpStream::poll_read(const Waiter& waiter, std::size_t max) {
  return internal::poll_receive(*watch_, waiter, max);
}

Poll<Result<void>> TcpStream::poll_write(const Waiter& waiter, Bytes& data) {
  return internal::poll_send(*watch_, waiter, data);
}

void TcpStream::finish() { ::shutdown(watch_->fd(), SHUT_WR); }

std::string TcpStream::peer() const {
  const SocketAddress remote = remote_address();
  return remote == SocketAddress() ? std::string() : remote.to_string();
}

SocketAddress TcpStream::local_address() const { return internal::local_address_of(watch_->fd()); }

SocketAddress TcpStream::remote_address() const {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (::getpeername(watch_->fd(), reinterpret_cast<sockaddr*>(&storage), &size) != 0) return {};
  return internal::from_os(storage);
}

Result<std::unique_ptr<TcpListener>> TcpListener::bind(Loop& loop, const SocketAddress& local) {
  MOQ_TRY(const int number, internal::open_socket(local, SOCK_STREAM));
  Fd fd(number);
  // A restarted server takes its port over while old connections linger in TIME_WAIT.
  internal::set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (local.v6) internal::set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
  const internal::OsAddress os = internal::to_os(local, false);
  if (::bind(fd.get(), os.get(), os.size) != 0 || ::listen(fd.get(), internal::kBacklog) != 0) {
    return std::unexpected(internal::os_error(errno, "listen at " + local.to_string()));
  }
  MOQ_TRY(std::unique_ptr<FdWatch> watch, FdWatch::create(loop, std::move(fd)));
  return std::unique_ptr<TcpListener>(new TcpListener(loop, std::move(watch)));
}

Poll<Result<std::unique_ptr<TcpStream>>> TcpListener::poll_accept(const Waiter& waiter) {
  using Accepted = Result<std::unique_ptr<TcpStream>>;
  for (;;) {
    auto fd = internal::poll_accept(*watch_, pause_, waiter);
    if (fd.pending()) return kPending;
    if (!*fd) return Accepted(std::unexpected((*fd).error()));
    internal::set_option((*fd)->get(), IPPROTO_TCP, TCP_NODELAY, 1);
    Result<std::unique_ptr<FdWatch>> watch = FdWatch::create(*loop_, **std::move(fd));
    if (watch) return Accepted(std::make_unique<TcpStream>(*std::move(watch)));
    internal::pause_accepting(pause_);
  }
}

SocketAddress TcpListener::local_address() const {
  return internal::local_address_of(watch_->fd());
}

}  // namespace moq::io
