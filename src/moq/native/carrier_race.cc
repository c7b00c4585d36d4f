#include "moq/native/internal/carrier_race.h"

#include "moq/native/internal/terminal.h"

namespace moq::native {

Error both_failed(const Error& quic, const Error& websocket) {
  const Error& cause = is_terminal(quic) ? websocket : quic;
  return Error(cause.code, "QUIC: " + quic.describe() + "; WebSocket: " + websocket.describe(),
               cause.wire);
}

}  // namespace moq::native
