#include "moq/sim/session_pair.h"

#include "moq/sim/internal/pair.h"

namespace moq::sim {
namespace {

using internal::Flow;
using internal::StreamRef;

StreamRecord::Direction describe(const Flow& flow) {
  return {.written = join(flow.written),
          .finished = flow.out.finished,
          .reset = flow.reset_code,
          .stopped = flow.stop_code,
          .priority = flow.out.priority};
}

}  // namespace

SessionPair session_pair(World& world, PairOptions options) {
  auto pair = std::make_shared<internal::Pair>(world, std::move(options));
  return {.client = internal::make_session(pair, Side::client),
          .server = internal::make_session(pair, Side::server),
          .control = PairControl(pair)};
}

void PairControl::partition() { pair_->partition(); }
void PairControl::heal() { pair_->heal(); }
void PairControl::kill(Side side, std::optional<Error> peer_sees) {
  pair_->kill(side, std::move(peer_sees));
}
void PairControl::set_link(Side from, const LinkOptions& link) {
  pair_->end(from).link.set_options(link);
}

std::size_t PairControl::open_streams(Side opener) const {
  std::size_t count = 0;
  for (const auto& [id, stream] : pair_->streams()) count += stream->opener == opener ? 1 : 0;
  return count;
}

std::uint64_t PairControl::streams_opened(Side opener) const {
  internal::End& end = pair_->end(opener);
  return end.kind(false).opened + end.kind(true).opened;
}

std::size_t PairControl::unsent_bytes(Side sender) const {
  std::size_t bytes = 0;
  for (const auto& [id, stream] : pair_->streams()) bytes += stream->from(sender).out.unsent_bytes;
  return bytes;
}

std::size_t PairControl::unread_bytes(Side receiver) const {
  std::size_t bytes = 0;
  for (const auto& [id, stream] : pair_->streams()) {
    bytes += stream->from(other(receiver)).in.unread_bytes;
  }
  return bytes;
}

std::vector<StreamRecord> PairControl::records() const {
  std::vector<StreamRecord> records;
  for (const StreamRef& stream : pair_->history()) {
    records.push_back({.id = stream->id,
                       .opener = stream->opener,
                       .bidi = stream->bidi,
                       .from_client = describe(stream->from(Side::client)),
                       .from_server = describe(stream->from(Side::server))});
  }
  return records;
}

bool PairControl::inject(Side sender, std::uint64_t stream_id, Bytes data) {
  const auto found = pair_->streams().find(stream_id);
  if (found == pair_->streams().end() || !found->second->has(sender)) return false;
  const StreamRef stream = found->second;
  if (stream->from(sender).out.finished || stream->from(sender).out.failed) return false;
  pair_->write(stream, sender, std::move(data));
  return true;
}

bool PairControl::inject_reset(Side sender, std::uint64_t stream_id, std::uint32_t code) {
  const auto found = pair_->streams().find(stream_id);
  if (found == pair_->streams().end() || !found->second->has(sender)) return false;
  const StreamRef stream = found->second;
  if (stream->from(sender).out.done || stream->from(sender).out.failed) return false;
  pair_->reset(stream, sender, code);
  return true;
}

bool PairControl::inject_stop(Side receiver, std::uint64_t stream_id, std::uint32_t code) {
  const auto found = pair_->streams().find(stream_id);
  const Side sender = other(receiver);
  if (found == pair_->streams().end() || !found->second->has(sender)) return false;
  const StreamRef stream = found->second;
  if (stream->from(sender).in.stopped) return false;
  pair_->stop(stream, sender, code);
  return true;
}

}  // namespace moq::sim
