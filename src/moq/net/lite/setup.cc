#include "moq/net/lite/setup.h"

#include <set>
#include <utility>

namespace moq::net::lite {
namespace {

enum Parameter : std::uint64_t { kProbe = 1, kPath = 2, kRole = 3, kCost = 4, kHop = 5 };

ProbeLevel probe_level(std::uint64_t value) {
  if (value >= 2) return ProbeLevel::increase;
  return value == 1 ? ProbeLevel::report : ProbeLevel::none;
}

std::optional<Role> role_of(std::uint64_t value) {
  if (value == 1) return Role::publisher;
  if (value == 2) return Role::subscriber;
  return std::nullopt;
}

/// Reads one parameter's value into `setup`.
void read_value(Setup& setup, std::uint64_t id, Reader& value, Version) {
  switch (id) {
    case kProbe:
      setup.probe = probe_level(value.varint());
      break;
    case kPath: {
      const ByteSpan path = value.bytes(value.remaining());
      if (!is_utf8(path)) value.fail(DecodeError::bad_utf8);
      setup.path = as_text(path);
      break;
    }
    case kRole:
      setup.role = role_of(value.varint());
      break;
    case kCost:
      setup.cost = value.varint();
      break;
    case kHop:
      setup.hop = value.varint();
      break;
    default:
      value.skip(value.remaining());
  }
  if (value.remaining() > 0) value.fail(DecodeError::trailing);
}

}  // namespace

Result<Setup, DecodeError> Setup::decode(Reader& in, Version version) {
  Setup setup;
  const std::uint64_t count = in.varint();
  if (count > kMaxSetupParameters) in.fail(DecodeError::too_many);
  std::set<std::uint64_t> seen;
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    const std::uint64_t id = in.varint();
    Reader value(in.prefixed(kMaxSetupBytes), varint_kind(version));
    if (!in.ok()) break;
    if (!seen.insert(id).second) in.fail(DecodeError::duplicate);
    read_value(setup, id, value, version);
    if (!value.ok()) in.fail(value.error());
  }
  return in.finish(std::move(setup));
}

void Setup::encode(Writer& out, Version version) const {
  Writer parameters(varint_kind(version));
  std::uint64_t count = 0;
  const auto number = [&](std::uint64_t id, std::uint64_t value) {
    Writer encoded(varint_kind(version));
    encoded.varint(value);
    parameters.varint(id).prefixed(encoded.span());
    count += 1;
  };
  if (probe != ProbeLevel::none) number(kProbe, std::to_underlying(probe));
  if (path) {
    parameters.varint(kPath).text(*path);
    count += 1;
  }
  if (role) number(kRole, std::to_underlying(*role));
  if (cost) number(kCost, *cost);
  if (hop != 0) number(kHop, hop);
  out.varint(count).bytes(parameters.span());
}

}  // namespace moq::net::lite
