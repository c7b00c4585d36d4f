#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "moq/io/loop.h"
#include "moq/kio/poll.h"
#include "moq/native/server.h"
#include "moq/transport/byte_stream.h"

namespace moq::native {

/// Where connections of bytes come from: a TCP port, a Unix socket.
class StreamListener {
 public:
  virtual ~StreamListener() = default;

  struct Accepted {
    std::unique_ptr<transport::ByteStream> stream;
    std::optional<Error> refused;  ///< Why whoever is at the other end may not be here.
  };
  /// The next connection. Fails, for good, when the socket does.
  virtual kio::Poll<Result<Accepted>> poll_accept(const kio::Waiter& waiter) = 0;
  /// What `Session::carrier()` says of its connections.
  [[nodiscard]] virtual std::string_view carrier() const = 0;
  /// None for a Unix socket.
  [[nodiscard]] virtual std::optional<transport::SocketAddress> address() const { return {}; }

  auto accept() {
    return kio::wait([this](const kio::Waiter& waiter) { return poll_accept(waiter); });
  }
};

Result<std::unique_ptr<StreamListener>> listen_tcp(io::Loop& loop,
                                                   const transport::SocketAddress& address);
/// Without a list of who may connect, the permissions of the socket's file say it, which are those
/// of the process's umask; with one, anyone may connect, and is looked at.
Result<std::unique_ptr<StreamListener>> listen_unix(io::Loop& loop, UnixListen options);

}  // namespace moq::native
