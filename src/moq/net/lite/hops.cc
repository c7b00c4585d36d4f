#include "moq/net/lite/hops.h"

#include <algorithm>

#include "moq/net/lite/limits.h"

namespace moq::net::lite {
namespace {

bool contains(const HopChain& chain, std::uint64_t hop) {
  return hop != 0 && std::ranges::find(chain, hop) != chain.end();
}

std::optional<HopChain> appended(HopChain chain, std::uint64_t hop) {
  if (chain.size() >= kMaxHops || contains(chain, hop)) return std::nullopt;
  chain.push_back(hop);
  return chain;
}

}  // namespace

Result<void, DecodeError> check_chain(const HopChain& chain) {
  if (chain.size() > kMaxHops) return std::unexpected(DecodeError::too_many);
  for (std::size_t i = 0; i < chain.size(); ++i) {
    const auto rest = chain.begin() + static_cast<std::ptrdiff_t>(i) + 1;
    if (chain[i] != 0 && std::find(rest, chain.end(), chain[i]) != chain.end()) {
      return std::unexpected(DecodeError::duplicate);
    }
  }
  return {};
}

HopChain read_chain(Reader& in, Version version) {
  if (!has_hop_count(version)) return {};
  const std::uint64_t count = in.varint();
  if (count > kMaxHops) in.fail(DecodeError::too_many);
  if (!in.ok()) return {};
  HopChain chain(static_cast<std::size_t>(count));
  if (!has_hop_ids(version)) return chain;
  for (std::uint64_t& hop : chain) hop = in.varint();
  if (const auto checked = check_chain(chain); in.ok() && !checked) in.fail(checked.error());
  return chain;
}

void write_chain(Writer& out, const HopChain& chain, Version version) {
  if (!has_hop_count(version)) return;
  out.varint(chain.size());
  if (!has_hop_ids(version)) return;
  for (const std::uint64_t hop : chain) out.varint(hop);
}

std::optional<HopChain> sent_chain(HopChain chain, std::uint64_t own_hop, Version version) {
  if (!has_hop_count(version) || receiver_adds_hop(version)) return chain;
  return appended(std::move(chain), own_hop);
}

std::optional<HopChain> received_chain(HopChain chain, std::uint64_t sender_hop,
                                       std::uint64_t own_hop, Version version) {
  if (receiver_adds_hop(version)) {
    auto longer = appended(std::move(chain), sender_hop);
    if (!longer) return std::nullopt;
    chain = *std::move(longer);
  }
  if (contains(chain, own_hop)) return std::nullopt;
  return chain;
}

}  // namespace moq::net::lite
