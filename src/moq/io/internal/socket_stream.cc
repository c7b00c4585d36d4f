#include "moq/io/internal/socket_stream.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

#include "moq/io/internal/os.h"

namespace moq::io::internal {

using kio::kPending;
using kio::Poll;
using kio::Waiter;

namespace {

constexpr std::size_t kReadBytes = 16 * 1024;
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

Poll<Result<Bytes>> poll_receive(FdWatch& watch, const Waiter& waiter, std::size_t max) {
  MOQ_ASSERT(max > 0);
  std::array<std::uint8_t, kReadBytes> buffer;
  for (;;) {
    if (!watch.poll_readable(waiter)) return kPending;
    const ssize_t got = ::recv(watch.fd(), buffer.data(), std::min(max, buffer.size()), 0);
    if (got >= 0) {
      return Result<Bytes>(Bytes::copy(ByteSpan(buffer).first(static_cast<std::size_t>(got))));
    }
    if (errno == EAGAIN) {
      watch.clear_readable();
    } else if (errno != EINTR) {
      return Result<Bytes>(std::unexpected(os_error(errno, "receive")));
    }
  }
}

Poll<Result<void>> poll_send(FdWatch& watch, const Waiter& waiter, Bytes& data) {
  while (!data.empty()) {
    if (!watch.poll_writable(waiter)) return kPending;
    const ssize_t taken = ::send(watch.fd(), data.data(), data.size(), MSG_NOSIGNAL);
    if (taken >= 0) {
      data.take_front(static_cast<std::size_t>(taken));
    } else if (errno == EAGAIN) {
      watch.clear_writable();
    } else if (errno != EINTR) {
      return Result<void>(std::unexpected(os_error(errno, "send")));
    }
  }
  return Result<void>();
}

kio::Task<Result<void>> connected(FdWatch& watch, std::string_view what) {
  watch.clear_writable();
  co_await kio::wait([&watch](const Waiter& waiter) { return watch.poll_writable(waiter); });
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(watch.fd(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) co_return std::unexpected(os_error(error, what));
  co_return Result<void>();
}

Poll<Result<Fd>> poll_accept(FdWatch& watch, kio::Timer& pause, const Waiter& waiter) {
  for (;;) {
    if (pause.deadline()) {
      if (!pause.poll(waiter)) return kPending;
      pause.clear();
    }
    if (!watch.poll_readable(waiter)) return kPending;
    Fd fd(::accept4(watch.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd.valid()) return Result<Fd>(std::move(fd));
    if (errno == EAGAIN) {
      watch.clear_readable();
    } else if (out_of_resources(errno)) {
      pause_accepting(pause);
    } else if (!of_one_connection(errno)) {
      return Result<Fd>(std::unexpected(os_error(errno, "accept")));
    }
  }
}

void pause_accepting(kio::Timer& pause) { pause.set_after(kAcceptPause); }

}  // namespace moq::io::internal
