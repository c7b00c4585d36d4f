#include "moq/net/lite/announce.h"

#include <algorithm>
#include <utility>

#include "moq/net/lite/message.h"

namespace moq::net::lite {
namespace {

AnnounceStatus read_status(Reader& in, Version version) {
  const std::uint8_t status = in.u8();
  const std::uint8_t last = has_announce_update(version) ? 2 : 1;
  if (status > last) in.fail(DecodeError::unknown);
  return AnnounceStatus{status};
}

/// Without a base there is nothing to keep of it.
void check_base(Reader& in, std::uint64_t base, std::uint64_t keep) {
  if (base == 0 && keep != 0) in.fail(DecodeError::out_of_range);
}

PathRef read_path_ref(Reader& in, Version version) {
  if (!has_announce_compression(version)) return {.rest = read_path(in)};
  PathRef ref{.base = in.varint(), .keep = in.varint(), .rest = read_path(in)};
  check_base(in, ref.base, ref.keep);
  return ref;
}

void write_path_ref(Writer& out, const PathRef& ref, Version version) {
  if (has_announce_compression(version)) out.varint(ref.base).varint(ref.keep);
  out.text(ref.rest.text());
}

HopsRef read_hops_ref(Reader& in, Version version) {
  if (!has_announce_compression(version)) return {.literal = read_chain(in, version)};
  HopsRef ref{.base = in.varint(), .literal = read_chain(in, version), .keep = in.varint()};
  check_base(in, ref.base, ref.keep);
  return ref;
}

void write_hops_ref(Writer& out, const HopsRef& ref, Version version) {
  if (!has_announce_compression(version)) return write_chain(out, ref.literal, version);
  out.varint(ref.base);
  write_chain(out, ref.literal, version);
  out.varint(ref.keep);
}

RouteCosts read_costs(Reader& in) { return {.warm = in.varint(), .cold = in.varint()}; }

void write_costs(Writer& out, const RouteCosts& costs) {
  out.varint(std::min(costs.warm, kMaxVarint)).varint(std::min(costs.cold, kMaxVarint));
}

}  // namespace

Result<AnnounceRequest, DecodeError> AnnounceRequest::decode(Reader& in, Version version) {
  AnnounceRequest request{.prefix = read_path(in)};
  if (has_exclude_hop(version)) request.exclude_hop = in.varint();
  if (has_hidden_request(version)) request.hidden = in.boolean();
  return in.finish(std::move(request));
}

void AnnounceRequest::encode(Writer& out, Version version) const {
  out.text(prefix.text());
  if (has_exclude_hop(version)) out.varint(exclude_hop);
  if (has_hidden_request(version)) out.boolean(hidden);
}

Result<AnnounceInit, DecodeError> AnnounceInit::decode(Reader& in, Version) {
  AnnounceInit init;
  const std::uint64_t count = in.varint();
  if (count > kMaxLiveAnnouncements) in.fail(DecodeError::too_many);
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) init.suffixes.push_back(read_path(in));
  return in.finish(std::move(init));
}

void AnnounceInit::encode(Writer& out, Version) const {
  out.varint(suffixes.size());
  for (const Path& suffix : suffixes) out.text(suffix.text());
}

Result<AnnounceOk, DecodeError> AnnounceOk::decode(Reader& in, Version) {
  const AnnounceOk answer{.hop = in.varint(), .active = in.varint()};
  return in.finish(answer);
}

void AnnounceOk::encode(Writer& out, Version) const { out.varint(hop).varint(active); }

Result<Announce, DecodeError> Announce::decode(Reader& in, Version version) {
  Announce announce{
      .status = read_status(in, version), .suffix = read_path(in), .hops = read_chain(in, version)};
  return in.finish(std::move(announce));
}

void Announce::encode(Writer& out, Version version) const {
  out.u8(std::to_underlying(status)).text(suffix.text());
  write_chain(out, hops, version);
}

Result<AnnounceStart, DecodeError> AnnounceStart::decode(Reader& in, Version version) {
  AnnounceStart start{.suffix = read_path_ref(in, version),
                      .hops = read_hops_ref(in, version),
                      .costs = read_costs(in)};
  return in.finish(std::move(start));
}

void AnnounceStart::encode(Writer& out, Version version) const {
  write_path_ref(out, suffix, version);
  write_hops_ref(out, hops, version);
  write_costs(out, costs);
}

Result<AnnounceEnd, DecodeError> AnnounceEnd::decode(Reader& in, Version) {
  const AnnounceEnd end{.id = in.varint()};
  return in.finish(end);
}

void AnnounceEnd::encode(Writer& out, Version) const { out.varint(id); }

Result<AnnounceUpdate, DecodeError> AnnounceUpdate::decode(Reader& in, Version version) {
  AnnounceUpdate update{
      .id = in.varint(), .hops = read_hops_ref(in, version), .costs = read_costs(in)};
  return in.finish(std::move(update));
}

void AnnounceUpdate::encode(Writer& out, Version version) const {
  out.varint(id);
  write_hops_ref(out, hops, version);
  write_costs(out, costs);
}

}  // namespace moq::net::lite
