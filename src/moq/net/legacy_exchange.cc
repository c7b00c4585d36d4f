#include "moq/net/internal/legacy_exchange.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "moq/net/internal/connection.h"
#include "moq/net/lite/legacy_setup.h"
#include "moq/net/wire_code.h"

namespace moq::net {
namespace {

using kio::Poll;
using kio::Waiter;

constexpr std::uint64_t kPath = 0x1;
constexpr std::uint64_t kMaxRequestId = 0x2;
constexpr std::uint64_t kAuthority = 0x5;
constexpr std::uint64_t kImplementation = 0x7;
/// As Rust peers have it: requests are bounded by what serves them, not by their number.
constexpr std::uint64_t kAllRequests = 0xffffffff;

/// A type, which takes one byte, and the length of the body.
constexpr std::size_t kHeadBytes = 3;

/// Reads a message of `type` and no byte more: what follows is for the session that is yet to be.
/// Returns its body. One coroutine, as g++ 12 at -O2 frees what one returns to another twice.
kio::Task<Result<Bytes>> read_body(transport::RecvStream& stream, std::uint64_t type) {
  std::string text;
  std::size_t wanted = kHeadBytes;
  while (text.size() < wanted) {
    auto part = co_await stream.read(wanted - text.size());
    if (!part) co_return std::unexpected(std::move(part).error());
    if (part->empty()) co_return fail(Code::protocol_violation, "FIN in the first SETUP");
    text += part->text();
    if (static_cast<std::uint8_t>(text.front()) != type) {
      co_return fail(Code::protocol_violation, "the first stream does not begin with SETUP");
    }
    if (text.size() == kHeadBytes) {
      wanted += std::size_t{static_cast<std::uint8_t>(text[1])} << 8;
      wanted += static_cast<std::uint8_t>(text[2]);
    }
  }
  co_return Bytes::copy(std::string_view(text).substr(kHeadBytes));
}

template <typename Setup>
Result<Setup> decode_setup(const Bytes& body) {
  Reader in(body.span());
  auto setup = Setup::decode(in);
  if (setup) return *std::move(setup);
  return fail(Code::protocol_violation, to_error(setup.error(), Setup::kName).text);
}

/// The name of a version by its setup code, or the code.
std::string describe_code(std::uint64_t code) {
  for (auto i = std::to_underlying(Version::lite_01); i <= std::to_underlying(Version::moqt_22);
       ++i) {
    if (setup_code(Version{i}) == code) return std::string(to_string(Version{i}));
  }
  return fmt::format("{:#x}", code);
}

std::string list_of_codes(const std::vector<std::uint64_t>& codes) {
  constexpr std::size_t kShown = 16;
  std::string out;
  for (std::size_t i = 0; i < codes.size() && i < kShown; ++i) {
    out.append(out.empty() ? "" : ", ").append(describe_code(codes[i]));
  }
  if (codes.size() > kShown) out += ", ...";
  return out.empty() ? "nothing" : out;
}

/// Why the greeting broke off. Where the session goes the streams may go first, without its cause.
kio::Task<Error> ended_by(kio::Clock& clock, transport::Session& transport, Error error) {
  if (error.code == Code::application) {
    kio::Timer timer(clock);
    timer.set_after(kCloseFollows);
    auto closed = co_await kio::wait([&](const Waiter& waiter) -> Poll<std::optional<Error>> {
      if (auto cause = transport.poll_closed(waiter)) return std::optional(*std::move(cause));
      if (timer.poll(waiter)) return std::optional<Error>();
      return kio::kPending;
    });
    if (!closed) co_return Error(Code::protocol_violation, "reset in the first SETUP");
    error = *std::move(closed);
  }
  co_return from_transport(std::move(error), Scope::session);
}

lite::ClientSetup client_setup(const LegacyOffer& offer) {
  lite::ClientSetup setup;
  for (const Version version : offer.versions) setup.versions.push_back(setup_code(version));
  // Servers that pick moq-lite pass over all of these.
  if (std::ranges::none_of(offer.versions, is_moqt)) return setup;
  if (offer.path && !offer.path->empty()) {
    setup.parameters.push_back({.type = kPath, .bytes = *offer.path});
  }
  if (offer.authority) {
    setup.parameters.push_back({.type = kAuthority, .bytes = *offer.authority});
  }
  setup.parameters.push_back({.type = kMaxRequestId, .number = kAllRequests});
  setup.parameters.push_back({.type = kImplementation, .bytes = "libmoq"});
  return setup;
}

}  // namespace

kio::Task<Result<LegacyGreeting>> offer_versions(kio::Clock& clock, transport::Session& transport,
                                                 LegacyOffer offer) {
  auto stream = co_await transport.open_bidi();
  if (!stream) co_return std::unexpected(from_transport(stream.error(), Scope::session));
  stream->send->set_priority(transport::kControlPriority);
  const lite::ClientSetup ours = client_setup(offer);
  stream->send->write(ours.encode());
  auto body = co_await read_body(*stream->recv, lite::kServerSetupType);
  if (!body) {
    Error error = co_await ended_by(clock, transport, body.error());
    // The server says in its reason what it speaks.
    if (error.code == Code::version) error.text += "; we offered " + list_of(offer.versions);
    co_return std::unexpected(std::move(error));
  }
  auto setup = decode_setup<lite::ServerSetup>(*body);
  if (!setup) co_return std::unexpected(std::move(setup).error());
  const auto version = version_of_setup_code(setup->version, offer.versions);
  if (!version) {
    co_return fail(Code::version, "the server picked " + describe_code(setup->version) +
                                      "; we offered " + list_of(offer.versions));
  }
  co_return LegacyGreeting(*version, *std::move(stream), *std::move(body));
}

kio::Task<Result<LegacyGreeting>> pick_version(kio::Clock& clock, transport::Session& transport,
                                               std::span<const Version> versions) {
  auto stream = co_await transport.accept_bidi();
  if (!stream) co_return std::unexpected(from_transport(stream.error(), Scope::session));
  stream->send->set_priority(transport::kControlPriority);
  auto body = co_await read_body(*stream->recv, lite::kClientSetupType);
  if (!body) {
    Error error = co_await ended_by(clock, transport, body.error());
    co_return std::unexpected(std::move(error));
  }
  auto setup = decode_setup<lite::ClientSetup>(*body);
  if (!setup) co_return std::unexpected(std::move(setup).error());
  for (const std::uint64_t code : setup->versions) {
    const auto version = version_of_setup_code(code, versions);
    if (!version) continue;
    co_return LegacyGreeting(*version, *std::move(stream), *std::move(body));
  }
  co_return fail(Code::version, "the client offers " + list_of_codes(setup->versions) +
                                    ", the server has " + list_of(versions));
}

}  // namespace moq::net
