#include "moq/transport/websocket/handshake.h"

#include <algorithm>
#include <array>

#include "moq/transport/websocket/internal/accept_key.h"

namespace moq::transport::websocket {
namespace {

constexpr std::size_t kReadBytes = 16 << 10;
constexpr std::string_view kVersion = "13";

std::string random_key(Random& random) {
  std::array<std::uint8_t, 16> bytes{};
  for (std::size_t i = 0; i < bytes.size(); i += 8) {
    const std::uint64_t number = random.next();
    for (std::size_t k = 0; k < 8; ++k) bytes[i + k] = static_cast<std::uint8_t>(number >> (8 * k));
  }
  return internal::base64(bytes);
}

std::string join(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out.append(out.empty() ? "" : ", ").append(name);
  return out;
}

std::string request_head(const ConnectOptions& options, std::string_view key) {
  std::string head = "GET " + (options.target.empty() ? "/" : options.target) + " HTTP/1.1\r\n";
  const auto line = [&head](std::string_view name, std::string_view value) {
    head.append(name).append(": ").append(value).append("\r\n");
  };
  line("Host", options.authority);
  line("Connection", "Upgrade");
  line("Upgrade", "websocket");
  line("Sec-WebSocket-Version", kVersion);
  line("Sec-WebSocket-Key", key);
  if (!options.subprotocols.empty()) {
    line("Sec-WebSocket-Protocol", join(options.subprotocols));
  }
  if (!options.user_agent.empty()) line("User-Agent", options.user_agent);
  return head.append("\r\n");
}

/// What the server has agreed to.
Result<Subprotocol> check_answer(const http::Response& answer, const ConnectOptions& options,
                                 std::string_view key) {
  if (answer.status != 101) return std::unexpected(http::status_error(answer.status));
  if (!answer.fields.lists("upgrade", "websocket") ||
      !answer.fields.lists("connection", "upgrade")) {
    return fail(Code::protocol_violation, "the server switches to something else than WebSocket");
  }
  if (answer.fields.get("sec-websocket-accept") != internal::accept_key(key)) {
    return fail(Code::protocol_violation, "the answer is not to our WebSocket request");
  }
  if (answer.fields.has("sec-websocket-extensions")) {
    return fail(Code::protocol_violation, "the server uses an extension that was not offered");
  }
  const std::string chosen(answer.fields.get("sec-websocket-protocol"));
  if (chosen.empty()) return Subprotocol();
  const bool offered =
      std::ranges::find(options.subprotocols, chosen) != options.subprotocols.end();
  auto subprotocol = Subprotocol::parse(chosen);
  if (!offered || !subprotocol) {
    return fail(Code::protocol_violation,
                "the server chose sub-protocol '" + chosen + "', which was not offered");
  }
  return *std::move(subprotocol);
}

}  // namespace

kio::Task<Result<Connected>> connect(kio::Clock& clock, Random& random,
                                     std::unique_ptr<ByteStream> stream, ConnectOptions options) {
  const std::string key = random_key(random);
  Bytes request = Bytes::copy(request_head(options, key));
  const auto written = co_await stream->write(request);
  if (!written) co_return std::unexpected(written.error());

  http::HeadReader reader;
  std::optional<std::string> head;
  while (!head) {
    auto bytes = co_await stream->read(kReadBytes);
    if (!bytes) co_return std::unexpected(bytes.error());
    if (bytes->empty()) co_return fail(Code::closed, "the server ended the connection");
    auto pushed = reader.push(*bytes);
    if (!pushed) co_return std::unexpected(pushed.error());
    head = *std::move(pushed);
  }
  const auto answer = http::Response::parse(*head);
  if (!answer) co_return std::unexpected(answer.error());
  auto subprotocol = check_answer(*answer, options, key);
  if (!subprotocol) co_return std::unexpected(subprotocol.error());
  auto pipe = std::make_unique<Pipe>(clock, random, std::move(stream), Role::client, reader.rest(),
                                     options.pipe);
  co_return Connected(std::move(pipe), *std::move(subprotocol));
}

bool asks_for_websocket(const http::Request& request) {
  return request.fields.lists("upgrade", "websocket");
}

Result<UpgradeRequest> UpgradeRequest::parse(const http::Request& request) {
  const http::Fields& fields = request.fields;
  if (request.method != "GET" || !request.http11 || !asks_for_websocket(request) ||
      !fields.lists("connection", "upgrade")) {
    return fail(Code::decode, "not a request for a WebSocket");
  }
  if (fields.get("sec-websocket-version") != kVersion) {
    return fail(Code::unsupported, "only WebSocket version 13");
  }
  UpgradeRequest upgrade;
  upgrade.key = fields.get("sec-websocket-key");
  if (!internal::is_key(upgrade.key)) return fail(Code::decode, "a bad Sec-WebSocket-Key");
  upgrade.subprotocols = fields.list("sec-websocket-protocol");
  if (upgrade.subprotocols.size() > kMaxSubprotocols) upgrade.subprotocols.resize(kMaxSubprotocols);
  return upgrade;
}

std::string UpgradeRequest::accept(std::string_view subprotocol) const {
  std::string head =
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Accept: " +
      internal::accept_key(key) + "\r\n";
  if (!subprotocol.empty())
    head.append("Sec-WebSocket-Protocol: ").append(subprotocol).append("\r\n");
  return head.append("\r\n");
}

}  // namespace moq::transport::websocket
