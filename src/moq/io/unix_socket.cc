#include "moq/io/unix_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "moq/io/internal/os.h"
#include "moq/io/internal/socket_stream.h"

namespace moq::io {

using kio::kPending;
using kio::Poll;
using kio::Waiter;

namespace {

static_assert(kMaxUnixPathBytes + 1 == sizeof(sockaddr_un::sun_path));

Result<sockaddr_un> address_of(const std::string& path) {
  if (path.empty()) return fail(Code::invalid_argument, "a Unix socket needs a path");
  if (path.size() > kMaxUnixPathBytes) {
    return fail(Code::invalid_argument, "the path of a Unix socket has at most " +
                                            std::to_string(kMaxUnixPathBytes) + " bytes: '" + path +
                                            "'");
  }
  if (path.find('\0') != std::string::npos) {
    return fail(Code::invalid_argument, "a path holds a zero byte");
  }
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

Result<Fd> open_unix() {
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return std::unexpected(internal::os_error(errno, "socket"));
  return fd;
}

int connect_to(int fd, const sockaddr_un& address) {
  return ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0
                                                                                         : errno;
}

Result<PeerCredentials> credentials_of(int fd) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    return std::unexpected(internal::os_error(errno, "credentials of a peer"));
  }
  return PeerCredentials{.uid = credentials.uid, .gid = credentials.gid, .pid = credentials.pid};
}

std::string name_of_peer(int fd) {
  const auto credentials = credentials_of(fd);
  if (!credentials) return "unix";
  return "unix:uid=" + std::to_string(credentials->uid) +
         ",pid=" + std::to_string(credentials->pid);
}

/// Makes way for a socket at `path`: what a dead process left there goes.
Result<void> clear_path(const std::string& path, const sockaddr_un& address) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) return {};  // bind tells of the rest.
  if (!S_ISSOCK(status.st_mode)) {
    return fail(Code::duplicate, "'" + path + "' is there, and not a socket");
  }
  MOQ_TRY(const Fd probe, open_unix());
  // EAGAIN is a full queue: somebody listens, too.
  const int error = connect_to(probe.get(), address);
  if (error == ECONNREFUSED) {
    ::unlink(path.c_str());
    return {};
  }
  if (error == 0 || error == EAGAIN) {
    return fail(Code::duplicate, "somebody listens at '" + path + "' already");
  }
  return std::unexpected(internal::os_error(error, "listen at '" + path + "'"));
}

}  // namespace

kio::Task<Result<std::unique_ptr<UnixStream>>> UnixStream::connect(Loop& loop, std::string path) {
  MOQ_CO_TRY(const sockaddr_un address, address_of(path));
  MOQ_CO_TRY(Fd fd, open_unix());
  // A Unix socket connects at once, or not at all.
  if (const int error = connect_to(fd.get(), address); error != 0) {
    Error why = internal::os_error(error, "connect to '" + path + "'");
    // No socket, or nobody who accepts: as with a port, somebody may come.
    if (error == ENOENT || error == EAGAIN) why.code = Code::refused;
    co_return std::unexpected(std::move(why));
  }
  MOQ_CO_TRY(std::unique_ptr<FdWatch> watch, FdWatch::create(loop, std::move(fd)));
  co_return std::make_unique<UnixStream>(std::move(watch), "unix:" + path);
}

Poll<Result<Bytes>> UnixStream::poll_read(const Waiter& waiter, std::size_t max) {
  return internal::poll_receive(*watch_, waiter, max);
}

Poll<Result<void>> UnixStream::poll_write(const Waiter& waiter, Bytes& data) {
  return internal::poll_send(*watch_, waiter, data);
}

void UnixStream::finish() { ::shutdown(watch_->fd(), SHUT_WR); }

Result<PeerCredentials> UnixStream::credentials() const { return credentials_of(watch_->fd()); }

UnixListener::UnixListener(Loop& loop, std::unique_ptr<FdWatch> watch, std::string path)
    : loop_(&loop), watch_(std::move(watch)), path_(std::move(path)), pause_(loop.clock()) {
  struct stat status{};
  if (::lstat(path_.c_str(), &status) != 0) return;
  device_ = status.st_dev;
  inode_ = status.st_ino;
}

UnixListener::~UnixListener() {
  // Unless somebody put another there.
  struct stat status{};
  if (::lstat(path_.c_str(), &status) != 0) return;
  if (status.st_dev == device_ && status.st_ino == inode_) ::unlink(path_.c_str());
}

Result<std::unique_ptr<UnixListener>> UnixListener::bind(Loop& loop, std::string path,
                                                         std::optional<unsigned> mode) {
  MOQ_TRY(const sockaddr_un address, address_of(path));
  MOQ_CHECK(clear_path(path, address));
  MOQ_TRY(Fd fd, open_unix());
  const std::string what = "listen at '" + path + "'";
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return std::unexpected(internal::os_error(errno, what));
  }
  // Nobody can connect before it listens, so the mode is in time.
  const bool allowed = !mode || ::chmod(path.c_str(), *mode) == 0;
  if (!allowed || ::listen(fd.get(), internal::kBacklog) != 0) {
    const Error error = internal::os_error(errno, what);
    ::unlink(path.c_str());
    return std::unexpected(error);
  }
  MOQ_TRY(std::unique_ptr<FdWatch> watch, FdWatch::create(loop, std::move(fd)));
  return std::unique_ptr<UnixListener>(new UnixListener(loop, std::move(watch), std::move(path)));
}

Poll<Result<std::unique_ptr<UnixStream>>> UnixListener::poll_accept(const Waiter& waiter) {
  using Accepted = Result<std::unique_ptr<UnixStream>>;
  for (;;) {
    auto fd = internal::poll_accept(*watch_, pause_, waiter);
    if (fd.pending()) return kPending;
    if (!*fd) return Accepted(std::unexpected((*fd).error()));
    std::string peer = name_of_peer((*fd)->get());
    Result<std::unique_ptr<FdWatch>> watch = FdWatch::create(*loop_, **std::move(fd));
    if (watch) return Accepted(std::make_unique<UnixStream>(*std::move(watch), std::move(peer)));
    internal::pause_accepting(pause_);
  }
}

}  // namespace moq::io
