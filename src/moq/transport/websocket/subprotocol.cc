#include "moq/transport/websocket/subprotocol.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace moq::transport::websocket {
namespace {

using qmux::Framing;

/// Those that a version can be added to, the best first.
constexpr std::array kFramings = {Framing::qmux_02, Framing::qmux_01, Framing::qmux_00};
/// The versions of moq-transport that came after qmux settled on its second form.
constexpr int kFirstWithOneForm = 18;

std::string with(Framing framing, std::string_view protocol) {
  return std::string(qmux::to_string(framing)).append(".").append(protocol);
}

/// Whether peers know `protocol` under `qmux-01` alone.
bool has_one_form(std::string_view protocol) {
  constexpr std::string_view kTransport = "moqt-";
  if (!protocol.starts_with(kTransport)) return false;
  protocol.remove_prefix(kTransport.size());
  int draft = 0;
  std::from_chars(protocol.data(), protocol.data() + protocol.size(), draft);
  return draft >= kFirstWithOneForm;
}

}  // namespace

std::optional<Subprotocol> Subprotocol::parse(std::string_view name) {
  const std::string_view form = name.substr(0, name.find('.'));
  const std::string_view protocol = name.substr(std::min(form.size() + 1, name.size()));
  for (const Framing framing : kFramings) {
    if (form != qmux::to_string(framing)) continue;
    if (protocol.empty() && form.size() != name.size()) return std::nullopt;  // "qmux-01."
    return Subprotocol{std::string(name), framing, std::string(protocol)};
  }
  if (name == qmux::to_string(Framing::webtransport)) {
    return Subprotocol{std::string(name), Framing::webtransport, ""};
  }
  return std::nullopt;
}

std::vector<std::string> offers(std::span<const std::string> protocols, bool bare) {
  std::vector<std::string> names;
  for (const std::string& protocol : protocols) {
    for (const Framing framing : kFramings) {
      if (framing == Framing::qmux_01 || !has_one_form(protocol)) {
        names.push_back(with(framing, protocol));
      }
    }
  }
  if (!bare) return names;
  for (const Framing framing : kFramings) names.emplace_back(qmux::to_string(framing));
  names.emplace_back(qmux::to_string(Framing::webtransport));
  return names;
}

std::optional<Subprotocol> choose(std::span<const std::string> offered,
                                  std::span<const std::string> protocols) {
  if (offered.empty()) return Subprotocol();
  const auto has = [offered](const std::string& name) {
    return std::ranges::find(offered, name) != offered.end();
  };
  for (const std::string& protocol : protocols) {
    for (const Framing framing : kFramings) {
      const std::string name = with(framing, protocol);
      if (has(name)) return Subprotocol::parse(name);
    }
  }
  for (const Framing framing : kFramings) {
    const std::string name(qmux::to_string(framing));
    if (has(name)) return Subprotocol::parse(name);
  }
  const std::string oldest(qmux::to_string(Framing::webtransport));
  return has(oldest) ? Subprotocol::parse(oldest) : std::nullopt;
}

}  // namespace moq::transport::websocket
