#pragma once

#include <memory>

#include "moq/transport/quic/internal/conn.h"

namespace moq::transport::quic::internal {

/// The application's handle of a connection; closes it when dropped. `keep_alive` is what the
/// connection lives on: its endpoint.
std::unique_ptr<Connection> make_handle(Ref<Conn> conn, std::shared_ptr<void> keep_alive);

}  // namespace moq::transport::quic::internal
