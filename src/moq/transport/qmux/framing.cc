#include "moq/transport/qmux/framing.h"

#include <utility>

namespace moq::transport::qmux {

std::string_view to_string(Framing framing) {
  switch (framing) {
    case Framing::webtransport:
      return "webtransport";
    case Framing::qmux_00:
      return "qmux-00";
    case Framing::qmux_01:
      return "qmux-01";
    case Framing::qmux_02:
      return "qmux-02";
  }
  std::unreachable();
}

}  // namespace moq::transport::qmux
