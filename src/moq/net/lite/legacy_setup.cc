#include "moq/net/lite/legacy_setup.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace moq::net::lite {
namespace {

constexpr std::uint64_t kMaxParameterBytes = 65535;
/// Path, request ids, token cache, authority, implementation, and the two of the Rust peers.
constexpr std::array<std::uint64_t, 7> kUnrepeatable{1, 2, 4, 5, 7, 0x40b5a, 0x40b5c};

bool holds_number(std::uint64_t type) { return type % 2 == 0; }

std::vector<LegacyParameter> read_parameters(Reader& in) {
  const std::uint64_t count = in.varint();
  if (count > kMaxSetupParameters) in.fail(DecodeError::too_many);
  std::vector<LegacyParameter> parameters;
  std::set<std::uint64_t> seen;
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    LegacyParameter parameter{.type = in.varint()};
    if (holds_number(parameter.type)) {
      parameter.number = in.varint();
    } else {
      parameter.bytes = as_text(in.prefixed(kMaxParameterBytes));
    }
    const bool first = seen.insert(parameter.type).second;
    if (!first && std::ranges::find(kUnrepeatable, parameter.type) != kUnrepeatable.end()) {
      in.fail(DecodeError::duplicate);
    }
    parameters.push_back(std::move(parameter));
  }
  return parameters;
}

void write_parameters(Writer& out, const std::vector<LegacyParameter>& parameters) {
  out.varint(parameters.size());
  for (const LegacyParameter& parameter : parameters) {
    out.varint(parameter.type);
    if (holds_number(parameter.type)) {
      out.varint(parameter.number);
    } else {
      out.text(parameter.bytes);
    }
  }
}

Bytes framed(std::uint64_t type, const Writer& body) {
  MOQ_ASSERT(body.size() <= UINT16_MAX);
  Writer out;
  out.varint(type).u16(static_cast<std::uint16_t>(body.size())).bytes(body.span());
  return out.take();
}

}  // namespace

Result<ClientSetup, DecodeError> ClientSetup::decode(Reader& in) {
  ClientSetup setup;
  const std::uint64_t count = in.varint();
  if (count > kMaxSetupVersions) in.fail(DecodeError::too_many);
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) setup.versions.push_back(in.varint());
  setup.parameters = read_parameters(in);
  return in.finish(std::move(setup));
}

Bytes ClientSetup::encode() const {
  Writer body;
  body.varint(versions.size());
  for (const std::uint64_t version : versions) body.varint(version);
  write_parameters(body, parameters);
  return framed(kClientSetupType, body);
}

Result<ServerSetup, DecodeError> ServerSetup::decode(Reader& in) {
  ServerSetup setup;
  setup.version = in.varint();
  setup.parameters = read_parameters(in);
  return in.finish(std::move(setup));
}

Bytes ServerSetup::encode() const {
  Writer body;
  body.varint(version);
  write_parameters(body, parameters);
  return framed(kServerSetupType, body);
}

Result<SessionInfo, DecodeError> SessionInfo::decode(Reader& in, Version) {
  const SessionInfo info{.bitrate_bps = in.varint()};
  return in.finish(info);
}

void SessionInfo::encode(Writer& out, Version) const { out.varint(bitrate_bps); }

}  // namespace moq::net::lite
