#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "moq/io/byte_stream.h"
#include "moq/io/fd_watch.h"
#include "moq/io/loop.h"
#include "moq/kio/clock.h"

namespace moq::io {

/// Longest path of a Unix socket, as the system has it.
inline constexpr std::size_t kMaxUnixPathBytes = 107;

/// Who runs a process, as the system says it: at the moment of connecting, or of listening.
struct PeerCredentials {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;  ///< The effective group; the supplementary ones are not told.
  std::int32_t pid = 0;   ///< 0 if it is not to be seen from here.
};

/// A connection over a Unix socket. Dropping it closes it. `loop` must outlive it.
class UnixStream final : public ByteStream {
 public:
  /// Fails with `refused` if nothing is at `path` or nobody listens there, `invalid_argument` if
  /// the path is empty or too long, `io` for the rest.
  static kio::Task<Result<std::unique_ptr<UnixStream>>> connect(Loop& loop, std::string path);
  UnixStream(std::unique_ptr<FdWatch> watch, std::string peer)
      : watch_(std::move(watch)), peer_(std::move(peer)) {}

  kio::Poll<Result<Bytes>> poll_read(const kio::Waiter& waiter, std::size_t max) override;
  kio::Poll<Result<void>> poll_write(const kio::Waiter& waiter, Bytes& data) override;
  void finish() override;
  /// "unix:PATH" where it was dialled, "unix:uid=1000,pid=42" where it was accepted.
  [[nodiscard]] std::string peer() const override { return peer_; }
  /// SO_PEERCRED.
  [[nodiscard]] Result<PeerCredentials> credentials() const;

 private:
  std::unique_ptr<FdWatch> watch_;
  std::string peer_;
};

/// Accepts connections at a path, which it removes at its end.
class UnixListener {
 public:
  /// Makes the socket with the permissions `mode`; none = as the process's umask has it, which is
  /// mostly for its own user alone. A socket that a process left there, and that
  /// nobody listens at, is replaced; fails with `duplicate` if somebody does, or if the path is
  /// another file.
  static Result<std::unique_ptr<UnixListener>> bind(Loop& loop, std::string path,
                                                    std::optional<unsigned> mode = std::nullopt);
  UnixListener(const UnixListener&) = delete;
  UnixListener& operator=(const UnixListener&) = delete;
  ~UnixListener();

  /// The next connection. While the process has no descriptors left, connections wait.
  kio::Poll<Result<std::unique_ptr<UnixStream>>> poll_accept(const kio::Waiter& waiter);
  auto accept() {
    return kio::wait([this](const kio::Waiter& waiter) { return poll_accept(waiter); });
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  UnixListener(Loop& loop, std::unique_ptr<FdWatch> watch, std::string path);

  Loop* loop_;
  std::unique_ptr<FdWatch> watch_;
  std::string path_;
  std::uint64_t device_ = 0;  // Of the socket's file, to know it again.
  std::uint64_t inode_ = 0;
  kio::Timer pause_;  // Set while there is no descriptor to accept with.
};

}  // namespace moq::io
