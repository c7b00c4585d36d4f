#pragma once

#include <string_view>

#include "moq/io/fd_watch.h"
#include "moq/kio/clock.h"
#include "moq/transport/byte_stream.h"

/// What TCP and Unix sockets do alike.
namespace moq::io::internal {

/// Connections that wait to be accepted; a burst of browsers. The kernel refuses more.
inline constexpr int kBacklog = 128;

kio::Poll<Result<Bytes>> poll_receive(FdWatch& watch, const kio::Waiter& waiter, std::size_t max);
kio::Poll<Result<void>> poll_send(FdWatch& watch, const kio::Waiter& waiter, Bytes& data);

/// Waits until the socket is connected. Fails with `what` before the reason. Both outlive the task.
kio::Task<Result<void>> connected(FdWatch& watch, std::string_view what);

/// The next connection, as a descriptor that does not block. `pause` is set while the process has
/// no descriptors left: connections wait then.
kio::Poll<Result<Fd>> poll_accept(FdWatch& watch, kio::Timer& pause, const kio::Waiter& waiter);
/// After an accepted descriptor could not be watched.
void pause_accepting(kio::Timer& pause);

}  // namespace moq::io::internal
