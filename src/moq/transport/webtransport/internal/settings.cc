#include "moq/transport/webtransport/internal/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "moq/base/wire.h"

namespace moq::transport::webtransport {
namespace {

constexpr std::uint64_t kMaxFieldSectionSize = 0x06;
constexpr std::uint64_t kEnableConnectProtocol = 0x08;
constexpr std::uint64_t kH3Datagram = 0x33;
constexpr std::uint64_t kH3DatagramDraft04 = 0xffd277;
constexpr std::uint64_t kMaxSessions = 0xc671706a;
constexpr std::uint64_t kMaxSessionsDraft = 0x2b603743;
constexpr std::uint64_t kEnableWebTransportDraft02 = 0x2b603742;

std::unexpected<H3Error> settings_error(std::string text) {
  return std::unexpected(H3Error{H3Code::settings_error, std::move(text)});
}

/// Ids of HTTP/2 that HTTP/3 forbids. RFC 9114 §7.2.4.1.
bool is_forbidden_setting(std::uint64_t id) { return id >= 0x02 && id <= 0x05; }

}  // namespace

Result<Settings, H3Error> Settings::decode(ByteSpan payload) {
  Settings settings;
  bool max_sessions_draft_is_zero = false;
  bool enabled_draft = false;
  std::vector<std::uint64_t> seen;
  Reader in(payload);
  while (in.remaining() > 0) {
    const std::uint64_t id = in.varint();
    const std::uint64_t value = in.varint();
    if (!in.ok()) return std::unexpected(H3Error{H3Code::frame_error, "SETTINGS is cut off"});
    if (seen.size() == kMaxSettings) {
      return std::unexpected(
          H3Error{H3Code::excessive_load, fmt::format("more than {} settings", kMaxSettings)});
    }
    if (is_forbidden_setting(id)) return settings_error(fmt::format("setting {:#x} of HTTP/2", id));
    if (std::ranges::find(seen, id) != seen.end()) {
      return settings_error(fmt::format("setting {:#x} comes twice", id));
    }
    seen.push_back(id);

    if ((id == kEnableConnectProtocol || id == kH3Datagram) && value > 1) {
      return settings_error(fmt::format("setting {:#x} is {}, not 0 or 1", id, value));
    }
    if ((id == kH3Datagram || id == kH3DatagramDraft04) && value == 1) settings.datagrams = true;
    if (id == kMaxSessions && value > 0) settings.webtransport = true;
    if (id == kMaxSessionsDraft && value == 0) max_sessions_draft_is_zero = true;
    if (id == kEnableWebTransportDraft02 && value == 1) enabled_draft = true;
  }
  if (enabled_draft && !max_sessions_draft_is_zero) settings.webtransport = true;
  return settings;
}

Bytes encode_control_preface() {
  Writer settings;
  settings.varint(kMaxFieldSectionSize).varint(kMaxFieldSectionBytes);
  for (const std::uint64_t id : {kEnableConnectProtocol, kH3Datagram, kH3DatagramDraft04,
                                 kMaxSessions, kMaxSessionsDraft, kEnableWebTransportDraft02}) {
    settings.varint(id).varint(1);
  }
  Writer out;
  out.varint(std::to_underlying(StreamType::control));
  out.varint(std::to_underlying(FrameType::settings)).prefixed(settings.span());
  return out.take();
}

}  // namespace moq::transport::webtransport
