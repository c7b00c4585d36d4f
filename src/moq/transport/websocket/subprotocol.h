#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "moq/transport/qmux/framing.h"

/// `Sec-WebSocket-Protocol`: how a name there tells the framing and the moq version. session.md
/// §5.1.
namespace moq::transport::websocket {

/// A sub-protocol, taken apart.
struct Subprotocol {
  std::string name;  ///< As it is offered and answered: "qmux-01.moq-lite-06"; "" = none was.
  qmux::Framing framing = qmux::Framing::webtransport;
  std::string protocol;  ///< The moq name, "moq-lite-06"; "" where the first message tells it.

  /// None for a name that means nothing here.
  static std::optional<Subprotocol> parse(std::string_view name);
};

/// What a client offers that speaks `protocols` (moq names, those preferred first). `bare`: also
/// the names without a version, for sessions that begin with the old SETUP.
std::vector<std::string> offers(std::span<const std::string> protocols, bool bare);

/// What a server takes that speaks `protocols`: its order decides. None if there is nothing in
/// common. A client that offers nothing at all gets the framing `webtransport`.
std::optional<Subprotocol> choose(std::span<const std::string> offered,
                                  std::span<const std::string> protocols);

}  // namespace moq::transport::websocket
