#include "moq/net/lite/announce_codec.h"

#include <algorithm>
#include <string>
#include <utility>

#include "moq/net/lite/message.h"

namespace moq::net::lite {
namespace {

/// How many of the latest announcements an encoder looks at for something to refer to. Up to 127
/// the distance takes one byte, as "none" does, so that any use of a base is a gain.
constexpr std::size_t kBaseWindow = 16;

/// What announcements before 06, which do not tell costs, count as.
constexpr RouteCosts kUnknownCosts{.warm = 0, .cold = kMaxVarint};

std::unexpected<Error> violation(std::string_view why) {
  return fail(Code::protocol_violation, "announcement: " + std::string(why));
}

/// How many ids at their ends two chains have in common.
std::size_t common_end(const HopChain& a, const HopChain& b) {
  const auto differs = std::mismatch(a.rbegin(), a.rend(), b.rbegin(), b.rend());
  return static_cast<std::size_t>(differs.first - a.rbegin());
}

}  // namespace

namespace detail {

std::uint64_t AnnounceTable::Entry::held_bytes() const {
  return suffix.text().size() + hops.size() * sizeof(HopChain::value_type);
}

const AnnounceTable::Entry* AnnounceTable::find(std::uint64_t id) const {
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : &found->second;
}

std::optional<std::uint64_t> AnnounceTable::id_of(const Path& suffix) const {
  const auto found = ids_.find(suffix.text());
  if (found == ids_.end()) return std::nullopt;
  return found->second;
}

std::uint64_t AnnounceTable::add(Path suffix, HopChain hops) {
  const std::uint64_t id = next_id_++;
  Entry& entry = entries_[id];
  entry = {.suffix = std::move(suffix), .hops = std::move(hops)};
  ids_.emplace(entry.suffix.text(), id);
  held_bytes_ += entry.held_bytes();
  return id;
}

void AnnounceTable::set_hops(std::uint64_t id, HopChain hops) {
  Entry& entry = entries_.at(id);
  held_bytes_ -= entry.held_bytes();
  entry.hops = std::move(hops);
  held_bytes_ += entry.held_bytes();
}

Path AnnounceTable::remove(std::uint64_t id) {
  auto node = entries_.extract(id);
  MOQ_ASSERT(!node.empty());
  held_bytes_ -= node.mapped().held_bytes();
  ids_.erase(node.mapped().suffix.text());
  return std::move(node.mapped().suffix);
}

}  // namespace detail

template <typename M>
Result<std::optional<AnnounceEvent>> AnnounceDecoder::decode_as(ByteSpan body) {
  MOQ_TRY(auto message, decode_message<M>(body, version_));
  return apply(std::move(message));
}

Result<std::optional<AnnounceEvent>> AnnounceDecoder::decode(std::uint64_t type, ByteSpan body) {
  if (!has_announce_ids(version_)) return decode_as<Announce>(body);
  switch (type) {
    case AnnounceStart::kType:
      return decode_as<AnnounceStart>(body);
    case AnnounceEnd::kType:
      return decode_as<AnnounceEnd>(body);
    case AnnounceUpdate::kType:
      return decode_as<AnnounceUpdate>(body);
    default:
      return std::nullopt;
  }
}

Result<std::vector<AnnounceEvent>> AnnounceDecoder::init(const AnnounceInit& message) {
  std::vector<AnnounceEvent> events;
  for (const Path& suffix : message.suffixes) {
    MOQ_TRY(auto event, start(suffix, {.hops = {}, .costs = kUnknownCosts}));
    events.push_back(std::move(event));
  }
  return events;
}

Result<std::optional<AnnounceEvent>> AnnounceDecoder::apply(Announce message) {
  const std::optional<std::uint64_t> id = table_.id_of(message.suffix);
  if (message.status == AnnounceStatus::ended) {
    if (!id) return std::nullopt;
    table_.remove(*id);
    return AnnounceEvent{
        .kind = AnnounceEvent::Kind::end, .id = *id, .suffix = std::move(message.suffix)};
  }
  AnnouncedRoute route{.hops = std::move(message.hops), .costs = kUnknownCosts};
  if (!id) return start(std::move(message.suffix), std::move(route));
  if (!has_announce_update(version_)) return violation("of what is announced already");
  MOQ_CHECK(check_room(route.hops.size() * sizeof(HopChain::value_type)));
  table_.set_hops(*id, route.hops);
  return AnnounceEvent{.kind = AnnounceEvent::Kind::update,
                       .id = *id,
                       .suffix = std::move(message.suffix),
                       .route = std::move(route)};
}

Result<std::optional<AnnounceEvent>> AnnounceDecoder::apply(AnnounceStart message) {
  MOQ_TRY(auto suffix, resolve(message.suffix));
  MOQ_TRY(auto hops, resolve(message.hops));
  return start(std::move(suffix), {.hops = std::move(hops), .costs = message.costs});
}

Result<std::optional<AnnounceEvent>> AnnounceDecoder::apply(AnnounceUpdate message) {
  const detail::AnnounceTable::Entry* entry = table_.find(message.id);
  if (entry == nullptr) return violation("update of an id that is not live");
  MOQ_TRY(auto hops, resolve(message.hops));
  MOQ_CHECK(check_room(hops.size() * sizeof(HopChain::value_type)));
  AnnounceEvent event{.kind = AnnounceEvent::Kind::update,
                      .id = message.id,
                      .suffix = entry->suffix,
                      .route = {.hops = hops, .costs = message.costs}};
  table_.set_hops(message.id, std::move(hops));
  return event;
}

Result<std::optional<AnnounceEvent>> AnnounceDecoder::apply(AnnounceEnd message) {
  if (table_.find(message.id) == nullptr) return violation("end of an id that is not live");
  return AnnounceEvent{
      .kind = AnnounceEvent::Kind::end, .id = message.id, .suffix = table_.remove(message.id)};
}

Result<AnnounceEvent> AnnounceDecoder::start(Path suffix, AnnouncedRoute route) {
  if (table_.id_of(suffix)) return violation("of what is announced already");
  if (table_.size() >= kMaxLiveAnnouncements) return fail(Code::too_many, "live announcements");
  const detail::AnnounceTable::Entry entry{.suffix = suffix, .hops = route.hops};
  MOQ_CHECK(check_room(entry.held_bytes()));
  const std::uint64_t id = table_.add(suffix, route.hops);
  return AnnounceEvent{.kind = AnnounceEvent::Kind::start,
                       .id = id,
                       .suffix = std::move(suffix),
                       .route = std::move(route)};
}

Result<const detail::AnnounceTable::Entry*> AnnounceDecoder::base_of(std::uint64_t distance) const {
  if (distance > table_.next_id()) return violation("refers to an id before the first");
  const detail::AnnounceTable::Entry* entry = table_.find(table_.next_id() - distance);
  if (entry == nullptr) return violation("refers to an id that is not live");
  return entry;
}

Result<Path> AnnounceDecoder::resolve(const PathRef& ref) const {
  if (ref.base == 0) return ref.rest;
  MOQ_TRY(const auto* base, base_of(ref.base));
  if (ref.keep > base->suffix.segment_count()) return violation("keeps more than there is");
  auto path = base->suffix.first(static_cast<std::size_t>(ref.keep)).join(ref.rest);
  if (!path) return violation(to_string(path.error()));
  return *std::move(path);
}

Result<HopChain> AnnounceDecoder::resolve(const HopsRef& ref) const {
  HopChain chain = ref.literal;
  if (ref.base != 0) {
    MOQ_TRY(const auto* base, base_of(ref.base));
    if (ref.keep > base->hops.size()) return violation("keeps more hops than there are");
    chain.insert(chain.end(), base->hops.end() - static_cast<std::ptrdiff_t>(ref.keep),
                 base->hops.end());
  }
  if (const auto checked = check_chain(chain); !checked) {
    return violation(to_string(checked.error()));
  }
  return chain;
}

Result<void> AnnounceDecoder::check_room(std::uint64_t more_bytes) const {
  if (table_.held_bytes() + more_bytes <= kMaxAnnouncedBytes) return {};
  return fail(Code::too_many, "size of live announcements");
}

template <typename M>
Bytes AnnounceEncoder::framed(const M& message) const {
  Writer out(varint_kind(version_));
  if constexpr (requires { M::kType; }) out.varint(M::kType);
  write_message(out, message, version_);
  return out.take();
}

AnnounceEncoder::Started AnnounceEncoder::start(const Path& suffix, const AnnouncedRoute& route) {
  MOQ_ASSERT(route.hops.size() <= kMaxHops);
  const std::uint64_t id = next_id_++;
  ++live_;
  if (!has_announce_ids(version_)) {
    suffixes_.emplace(id, suffix);
    return {.id = id, .message = framed(Announce{.suffix = suffix, .hops = route.hops})};
  }
  Bytes message = framed(AnnounceStart{
      .suffix = compress(suffix), .hops = compress(route.hops), .costs = route.costs});
  if (has_announce_compression(version_)) {
    recent_.push_back({.suffix = suffix, .hops = route.hops});
    if (recent_.size() > kBaseWindow) recent_.erase(recent_.begin());
  }
  return {.id = id, .message = std::move(message)};
}

Bytes AnnounceEncoder::update(std::uint64_t id, const AnnouncedRoute& route) {
  MOQ_ASSERT(id < next_id_);
  MOQ_ASSERT(route.hops.size() <= kMaxHops);
  if (!has_announce_update(version_)) return {};
  if (!has_announce_ids(version_)) {
    return framed(Announce{.suffix = suffixes_.at(id), .hops = route.hops});
  }
  Bytes message =
      framed(AnnounceUpdate{.id = id, .hops = compress(route.hops), .costs = route.costs});
  if (next_id_ - id <= recent_.size()) recent_[recent_.size() - (next_id_ - id)].hops = route.hops;
  return message;
}

Bytes AnnounceEncoder::end(std::uint64_t id) {
  MOQ_ASSERT(id < next_id_ && live_ > 0);
  --live_;
  if (has_announce_ids(version_)) {
    if (next_id_ - id <= recent_.size()) recent_[recent_.size() - (next_id_ - id)].live = false;
    return framed(AnnounceEnd{.id = id});
  }
  auto node = suffixes_.extract(id);
  MOQ_ASSERT(!node.empty());
  return framed(
      Announce{.status = AnnounceStatus::ended, .suffix = std::move(node.mapped()), .hops = {}});
}

/// The announcement so many ids before the next; null if it is not live.
const AnnounceEncoder::Recent* AnnounceEncoder::recent(std::uint64_t distance) const {
  const Recent& at = recent_[recent_.size() - distance];
  return at.live ? &at : nullptr;
}

PathRef AnnounceEncoder::compress(const Path& suffix) const {
  PathRef best{.rest = suffix};
  if (!has_announce_compression(version_)) return best;
  for (std::uint64_t distance = 1; distance <= recent_.size(); ++distance) {
    const auto* entry = recent(distance);
    if (entry == nullptr) continue;
    const std::size_t keep = entry->suffix.common_segments(suffix);
    if (keep > best.keep) best = {.base = distance, .keep = keep};
  }
  if (best.base != 0) {
    const Path kept = suffix.first(static_cast<std::size_t>(best.keep));
    best.rest = *suffix.strip_prefix(kept);
  }
  return best;
}

HopsRef AnnounceEncoder::compress(const HopChain& hops) const {
  HopsRef best{.literal = hops};
  if (!has_announce_compression(version_)) return best;
  for (std::uint64_t distance = 1; distance <= recent_.size(); ++distance) {
    const auto* entry = recent(distance);
    if (entry == nullptr) continue;
    const std::size_t keep = common_end(entry->hops, hops);
    if (keep > best.keep) best = {.base = distance, .keep = keep};
  }
  if (best.base != 0) {
    best.literal.assign(hops.begin(), hops.end() - static_cast<std::ptrdiff_t>(best.keep));
  }
  return best;
}

}  // namespace moq::net::lite
