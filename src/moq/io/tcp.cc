#include "moq/io/tcp.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "moq/io/internal/os.h"

namespace moq::io {

using kio::kPending;
using kio::Poll;
using kio::Waiter;
using transport::SocketAddress;

namespace {

constexpr std::size_t kReadBytes = 16 * 1024;
/// Connections that wait to be accepted; a burst of browsers. The kernel refuses more.
constexpr int kBacklog = 128;
/// Between attempts to accept when no descriptor is free.
constexpr Duration kAcceptPause = 100ms;

bool out_of_resources(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

// Errors of one connection, which accept(2) reports in its place.
bool of_one_connection(int error) {
  constexpr std::array kErrors = {EINTR,     ECONNABORTED, EPROTO,       ENETDOWN,    ENOPROTOOPT,
                                  EHOSTDOWN, ENONET,       EHOSTUNREACH, ENETUNREACH, EPERM};
  return std::ranges::find(kErrors, error) != kErrors.end();
}

}  // namespace

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
    watch->clear_writable();
    co_await kio::wait([&watch](const Waiter& waiter) { return watch->poll_writable(waiter); });
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(watch->fd(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) co_return std::unexpected(internal::os_error(error, what));
  }
  co_return std::make_unique<TcpStream>(std::move(watch));
}

Poll<Result<Bytes>> TcpStream::poll_read(const Waiter& waiter, std::size_t max) {
  MOQ_ASSERT(max > 0);
  std::array<std::uint8_t, kReadBytes> buffer;
  for (;;) {
    if (!watch_->poll_readable(waiter)) return kPending;
    const ssize_t got = ::recv(watch_->fd(), buffer.data(), std::min(max, buffer.size()), 0);
    if (got >= 0) {
      return Result<Bytes>(Bytes::copy(ByteSpan(buffer).first(static_cast<std::size_t>(got))));
    }
    if (errno == EAGAIN) {
      watch_->clear_readable();
    } else if (errno != EINTR) {
      return Result<Bytes>(std::unexpected(internal::os_error(errno, "receive")));
    }
  }
}

Poll<Result<void>> TcpStream::poll_write(const Waiter& waiter, Bytes& data) {
  while (!data.empty()) {
    if (!watch_->poll_writable(waiter)) return kPending;
    const ssize_t taken = ::send(watch_->fd(), data.data(), data.size(), MSG_NOSIGNAL);
    if (taken >= 0) {
      data.take_front(static_cast<std::size_t>(taken));
    } else if (errno == EAGAIN) {
      watch_->clear_writable();
    } else if (errno != EINTR) {
      return Result<void>(std::unexpected(internal::os_error(errno, "send")));
    }
  }
  return Result<void>();
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
  if (::bind(fd.get(), os.get(), os.size) != 0 || ::listen(fd.get(), kBacklog) != 0) {
    return std::unexpected(internal::os_error(errno, "listen at " + local.to_string()));
  }
  MOQ_TRY(std::unique_ptr<FdWatch> watch, FdWatch::create(loop, std::move(fd)));
  return std::unique_ptr<TcpListener>(new TcpListener(loop, std::move(watch)));
}

Poll<Result<std::unique_ptr<TcpStream>>> TcpListener::poll_accept(const Waiter& waiter) {
  using Accepted = Result<std::unique_ptr<TcpStream>>;
  for (;;) {
    if (pause_.deadline()) {
      if (!pause_.poll(waiter)) return kPending;
      pause_.clear();
    }
    if (!watch_->poll_readable(waiter)) return kPending;
    Fd fd(::accept4(watch_->fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd.valid()) {
      internal::set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
      Result<std::unique_ptr<FdWatch>> watch = FdWatch::create(*loop_, std::move(fd));
      if (watch) return Accepted(std::make_unique<TcpStream>(*std::move(watch)));
      pause_.set_after(kAcceptPause);
    } else if (errno == EAGAIN) {
      watch_->clear_readable();
    } else if (out_of_resources(errno)) {
      pause_.set_after(kAcceptPause);
    } else if (!of_one_connection(errno)) {
      return Accepted(std::unexpected(internal::os_error(errno, "accept")));
    }
  }
}

SocketAddress TcpListener::local_address() const {
  return internal::local_address_of(watch_->fd());
}

}  // namespace moq::io
