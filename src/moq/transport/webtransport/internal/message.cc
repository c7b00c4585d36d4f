#include "moq/transport/webtransport/internal/message.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "moq/base/wire.h"
#include "moq/transport/webtransport/internal/structured_field.h"

namespace moq::transport::webtransport {
namespace {

constexpr std::string_view kProtocolToken = "webtransport";
constexpr std::string_view kAvailableProtocols = "wt-available-protocols";
constexpr std::string_view kProtocol = "wt-protocol";

/// Fields that only mean something to HTTP/1. RFC 9114 §4.2.
constexpr std::array<std::string_view, 5> kConnectionFields = {
    "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"};

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}
bool is_value_char(char c) {
  const auto byte = static_cast<std::uint8_t>(c);
  return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}
bool is_visible(char c) {
  const auto byte = static_cast<std::uint8_t>(c);
  return byte > 0x20 && byte != 0x7f;
}

/// Why a field section is malformed; empty if it is not. RFC 9114 §4.2, §4.3.
std::string malformed(std::span<const Header> headers,
                      std::span<const std::string_view> known_pseudo) {
  std::vector<std::string_view> seen_pseudo;
  bool after_regular = false;
  for (const auto& [name, value] : headers) {
    if (!std::ranges::all_of(value, is_value_char)) return "a header value has control characters";
    if (name.starts_with(':')) {
      // Known first: the text names a header only if its name is harmless.
      if (std::ranges::find(known_pseudo, name) == known_pseudo.end()) {
        return "an unknown pseudo header";
      }
      if (after_regular) return fmt::format("{} after a regular header", name);
      if (std::ranges::find(seen_pseudo, name) != seen_pseudo.end()) {
        return fmt::format("{} comes twice", name);
      }
      seen_pseudo.emplace_back(name);
      continue;
    }
    after_regular = true;
    if (name.empty() || !std::ranges::all_of(name, is_name_char)) return "a bad header name";
    if (std::ranges::find(kConnectionFields, name) != kConnectionFields.end()) {
      return fmt::format("the HTTP/1 header '{}'", name);
    }
  }
  return {};
}

/// The value of `name`, joined by ", " if it comes more than once; none if it does not.
std::optional<std::string> field(std::span<const Header> headers, std::string_view name) {
  std::optional<std::string> joined;
  for (const Header& header : headers) {
    if (header.name != name) continue;
    joined = joined ? *joined + ", " + header.value : header.value;
  }
  return joined;
}

Bytes headers_frame(std::span<const Header> headers) {
  Writer out;
  out.varint(std::to_underlying(FrameType::headers)).prefixed(encode_headers(headers));
  return out.take();
}

std::unexpected<Refusal> refuse(int status, std::string text) {
  return std::unexpected(Refusal{status, std::move(text)});
}
std::unexpected<H3Error> message_error(std::string text) {
  return std::unexpected(H3Error{H3Code::message_error, "response: " + std::move(text)});
}

}  // namespace

bool is_request_path(std::string_view text) {
  return text.starts_with('/') && std::ranges::all_of(text, is_visible);
}
bool is_authority(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_visible) &&
         text.find_first_of("/?#@") == std::string_view::npos;
}

Bytes encode_request(const ConnectRequest& request) {
  std::vector<Header> headers = {{":method", "CONNECT"},
                                 {":scheme", "https"},
                                 {":authority", request.authority},
                                 {":path", request.path},
                                 {":protocol", std::string(kProtocolToken)}};
  if (!request.protocols.empty()) {
    headers.push_back({std::string(kAvailableProtocols), format_string_list(request.protocols)});
  }
  if (!request.origin.empty()) headers.push_back({"origin", request.origin});
  if (!request.user_agent.empty()) headers.push_back({"user-agent", request.user_agent});
  return headers_frame(headers);
}

Result<ConnectRequest, Refusal> parse_request(std::span<const Header> headers) {
  static constexpr std::array<std::string_view, 5> kPseudo = {":method", ":scheme", ":authority",
                                                              ":path", ":protocol"};
  if (std::string why = malformed(headers, kPseudo); !why.empty()) {
    return refuse(400, "malformed request: " + why);
  }
  const std::optional<std::string> method = field(headers, ":method");
  if (!method) return refuse(400, "malformed request: no :method");
  if (method != "CONNECT") return refuse(405, "the method is not CONNECT");
  const std::optional<std::string> protocol = field(headers, ":protocol");
  if (!protocol) return refuse(400, "CONNECT without :protocol");
  if (protocol != kProtocolToken) return refuse(501, "CONNECT for another protocol");
  if (field(headers, ":scheme") != "https") return refuse(400, "the :scheme is not https");

  ConnectRequest request;
  request.authority = field(headers, ":authority").value_or("");
  if (!is_authority(request.authority)) return refuse(400, "a bad or missing :authority");
  request.path = field(headers, ":path").value_or("");
  if (!is_request_path(request.path)) return refuse(400, "a bad or missing :path");
  if (const auto offered = field(headers, kAvailableProtocols)) {
    auto protocols = parse_string_list(*offered, kMaxProtocols);
    if (!protocols) return refuse(400, "wt-available-protocols is not a list of strings");
    request.protocols = *std::move(protocols);
  }
  request.origin = field(headers, "origin").value_or("");
  request.user_agent = field(headers, "user-agent").value_or("");
  return request;
}

Bytes encode_response(const ConnectResponse& response) {
  std::vector<Header> headers = {{":status", std::to_string(response.status)}};
  if (response.status == 200) headers.push_back({"sec-webtransport-http3-draft", "draft02"});
  if (response.status == 405) headers.push_back({"allow", "CONNECT"});
  if (!response.protocol.empty()) {
    headers.push_back({std::string(kProtocol), format_string(response.protocol)});
  }
  return headers_frame(headers);
}

Result<ConnectResponse, H3Error> parse_response(std::span<const Header> headers) {
  static constexpr std::array<std::string_view, 1> kPseudo = {":status"};
  if (std::string why = malformed(headers, kPseudo); !why.empty()) return message_error(why);
  const std::string status = field(headers, ":status").value_or("");
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (status.size() != 3 || status.front() == '0' || !std::ranges::all_of(status, is_digit)) {
    return message_error("a bad or missing :status");
  }
  ConnectResponse response;
  response.status = std::stoi(status);
  if (response.status == 101) return message_error("status 101 does not exist in HTTP/3");
  if (const auto chosen = field(headers, kProtocol); chosen && response.status == 200) {
    auto protocol = parse_string_item(*chosen);
    if (!protocol) return message_error("wt-protocol is not a string");
    response.protocol = *std::move(protocol);
  }
  return response;
}

}  // namespace moq::transport::webtransport
