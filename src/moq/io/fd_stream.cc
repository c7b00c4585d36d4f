#include "moq/io/fd_stream.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <string>

#include "moq/io/internal/os.h"

namespace moq::io {

using kio::kPending;
using kio::Poll;
using kio::Waiter;

namespace {

/// Read at once; a quarter of a second of video at 1 Mbit/s.
constexpr std::size_t kReadBytes = 32 * 1024;

// A second open of the same pipe or terminal: a description of our own, whose flags are ours.
Fd open_anew(int fd, int access) {
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  return Fd(::open(path.c_str(), access | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
}

bool ready_now(int fd, short events) {
  pollfd poll{.fd = fd, .events = events, .revents = 0};
  return ::poll(&poll, 1, 0) > 0;
}

ssize_t read_now(FdMode mode, int fd, std::uint8_t* into, std::size_t size) {
  if (mode == FdMode::socket) return ::recv(fd, into, size, MSG_DONTWAIT);
  if (mode == FdMode::guarded && !ready_now(fd, POLLIN)) {
    errno = EAGAIN;
    return -1;
  }
  return ::read(fd, into, size);
}

ssize_t write_now(FdMode mode, int fd, ByteSpan data) {
  if (mode == FdMode::socket)
    return ::send(fd, data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (mode == FdMode::guarded) {
    if (!ready_now(fd, POLLOUT)) {
      errno = EAGAIN;
      return -1;
    }
    // A pipe that is writable takes this much without blocking (pipe(7)).
    data = data.first(std::min<std::size_t>(data.size(), PIPE_BUF));
  }
  return ::write(fd, data.data(), data.size());
}

void ignore_sigpipe() {
  struct sigaction action{};
  if (::sigaction(SIGPIPE, nullptr, &action) == 0 && action.sa_handler == SIG_DFL) {
    ::signal(SIGPIPE, SIG_IGN);
  }
}

}  // namespace

namespace internal {

Result<FdHandle> FdHandle::open(Loop& loop, int fd, int access) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return std::unexpected(os_error(errno, "fstat"));
  const int flags = ::fcntl(fd, F_GETFL) & O_ACCMODE;
  if (flags != O_RDWR && flags != access) {
    return fail(Code::io, access == O_RDONLY ? "not open for reading" : "not open for writing");
  }
  FdHandle handle;
  Fd own;
  if (S_ISFIFO(status.st_mode) || ::isatty(fd) == 1) own = open_anew(fd, access);
  handle.mode = FdMode::nonblocking;
  if (!own.valid()) {
    own = Fd(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!own.valid()) return std::unexpected(os_error(errno, "dup"));
    handle.mode = S_ISSOCK(status.st_mode) ? FdMode::socket : FdMode::guarded;
  }
  // Watched by a copy: what cannot be watched is read from `own`.
  Fd copy(::fcntl(own.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy.valid()) return std::unexpected(os_error(errno, "dup"));
  Result<std::unique_ptr<FdWatch>> watch = FdWatch::create(loop, std::move(copy));
  if (watch) {
    handle.watch = *std::move(watch);
  } else if (watch.error().code == Code::unsupported) {
    handle.mode = FdMode::direct;
    handle.file = std::move(own);
  } else {
    return std::unexpected(watch.error());
  }
  return handle;
}

}  // namespace internal

Result<std::unique_ptr<FdSource>> FdSource::create(Loop& loop, int fd) {
  MOQ_TRY(internal::FdHandle handle, internal::FdHandle::open(loop, fd, O_RDONLY));
  return std::unique_ptr<FdSource>(new FdSource(std::move(handle)));
}

Poll<Result<Bytes>> FdSource::poll_read(const Waiter& waiter, std::size_t max) {
  MOQ_ASSERT(max > 0);
  std::array<std::uint8_t, kReadBytes> buffer;
  const std::size_t size = std::min(max, buffer.size());
  for (;;) {
    if (handle_.watch && !handle_.watch->poll_readable(waiter)) return kPending;
    const ssize_t got = read_now(handle_.mode, handle_.fd(), buffer.data(), size);
    if (got >= 0) {
      return Result<Bytes>(Bytes::copy(ByteSpan(buffer).first(static_cast<std::size_t>(got))));
    }
    if (errno == EAGAIN && handle_.watch) {
      handle_.watch->clear_readable();
    } else if (errno == EIO && ::isatty(handle_.fd()) == 1) {
      return Result<Bytes>();  // The terminal hung up.
    } else if (errno != EINTR) {
      return Result<Bytes>(std::unexpected(internal::os_error(errno, "read")));
    }
  }
}

Result<std::unique_ptr<FdSink>> FdSink::create(Loop& loop, int fd) {
  MOQ_TRY(internal::FdHandle handle, internal::FdHandle::open(loop, fd, O_WRONLY));
  ignore_sigpipe();
  return std::unique_ptr<FdSink>(new FdSink(std::move(handle)));
}

Poll<Result<void>> FdSink::poll_write(const Waiter& waiter, Bytes& data) {
  while (!data.empty()) {
    if (handle_.watch && !handle_.watch->poll_writable(waiter)) return kPending;
    const ssize_t taken = write_now(handle_.mode, handle_.fd(), data.span());
    if (taken >= 0) {
      data.take_front(static_cast<std::size_t>(taken));
    } else if (errno == EAGAIN && handle_.watch) {
      handle_.watch->clear_writable();
    } else if (errno != EINTR) {
      return Result<void>(std::unexpected(internal::os_error(errno, "write")));
    }
  }
  return Result<void>();
}

}  // namespace moq::io
