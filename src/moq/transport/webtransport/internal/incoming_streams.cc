#include "moq/transport/webtransport/internal/incoming_streams.h"

#include <fmt/format.h>

#include <utility>

#include "moq/base/log.h"
#include "moq/transport/webtransport/internal/stream_prefix.h"

namespace moq::transport::webtransport {
namespace {

/// Read at once while looking for a prefix: a packet's worth, of which the prefix is cut off.
constexpr std::size_t kReadBytes = 2048;

std::unexpected<H3Error> creation_error(std::string text) {
  return std::unexpected(H3Error{H3Code::stream_creation_error, std::move(text)});
}

}  // namespace

Result<void, H3Error> IncomingStreams::poll(Session& quic, const Waiter& waiter) {
  for (std::size_t i = 0; i < unidentified_.size();) {
    MOQ_TRY(const bool identified, identify(unidentified_[i], waiter));
    if (!identified) {
      ++i;
      continue;
    }
    if (i + 1 < unidentified_.size()) unidentified_[i] = std::move(unidentified_.back());
    unidentified_.pop_back();
  }
  for (auto accept : {&IncomingStreams::accept_uni, &IncomingStreams::accept_bidi}) {
    while (std::optional<IncomingStream> stream = (this->*accept)(quic, waiter)) {
      MOQ_TRY(const bool identified, identify(*stream, waiter));
      if (!identified) unidentified_.push_back(*std::move(stream));
    }
  }
  return {};
}

bool IncomingStreams::has_room(const Queue& queue) const {
  return unidentified_.size() < limits_.unidentified_streams &&
         queue.streams.size() < limits_.ready_streams;
}

std::optional<IncomingStream> IncomingStreams::accept_uni(Session& quic, const Waiter& waiter) {
  if (!has_room(uni_)) {
    on_room_.add(waiter);
    return std::nullopt;
  }
  auto accepted = quic.poll_accept_uni(waiter);
  if (!accepted || !*accepted) return std::nullopt;
  IncomingStream stream;
  stream.recv = std::move(**accepted);
  return stream;
}

std::optional<IncomingStream> IncomingStreams::accept_bidi(Session& quic, const Waiter& waiter) {
  if (!has_room(bidi_)) {
    on_room_.add(waiter);
    return std::nullopt;
  }
  auto accepted = quic.poll_accept_bidi(waiter);
  if (!accepted || !*accepted) return std::nullopt;
  IncomingStream stream;
  stream.send = std::move((*accepted)->send);
  stream.recv = std::move((*accepted)->recv);
  return stream;
}

Poll<IncomingStream> IncomingStreams::take(Queue& queue, const Waiter& waiter) {
  if (queue.streams.empty()) {
    queue.waiting.add(waiter);
    return kio::kPending;
  }
  IncomingStream stream = std::move(queue.streams.front());
  queue.streams.pop_front();
  on_room_.wake();
  return stream;
}

void IncomingStreams::clear() {
  unidentified_.clear();
  control_.reset();
  request_.reset();
  for (Queue* queue : {&uni_, &bidi_}) {
    queue->streams.clear();
    queue->waiting.wake();
  }
}

Result<bool, H3Error> IncomingStreams::identify(IncomingStream& stream, const Waiter& waiter) {
  const std::uint64_t ours =
      stream.send ? kWebTransportBidi : std::to_underlying(StreamType::webtransport);
  for (;;) {
    if (read_prefix(stream.read.span(), ours)) {
      MOQ_CHECK(sort(std::move(stream)));
      return true;
    }
    auto chunk = stream.recv->poll_read(waiter, kReadBytes);
    if (chunk.pending()) return false;
    if (!*chunk || (*chunk)->empty()) {
      // Reset or finished before it said what it is. draft-ietf-webtrans-http3 §4.
      MOQ_LOG(debug, "webtransport", "a stream ended within its prefix: dropped");
      stream = {};
      return true;
    }
    const Bytes parts[] = {std::move(stream.read), **std::move(chunk)};
    stream.read = parts[0].empty() ? parts[1] : join(parts);
  }
}

Result<void, H3Error> IncomingStreams::sort(IncomingStream stream) {
  const bool bidi = stream.send != nullptr;
  const std::uint64_t ours =
      bidi ? kWebTransportBidi : std::to_underlying(StreamType::webtransport);
  const StreamPrefix prefix = *read_prefix(stream.read.span(), ours);
  const bool webtransport = prefix.type == ours;
  if (webtransport && prefix.session_id != kSessionId) {
    MOQ_LOG(debug, "webtransport", "a stream of session {}: dropped", prefix.session_id);
    return {};
  }
  // HTTP frames start with the type itself.
  if (webtransport || !bidi) stream.read = stream.read.slice(prefix.size_bytes);
  if (!bidi) return sort_uni(std::move(stream), prefix.type);
  sort_bidi(std::move(stream), webtransport);
  return {};
}

Result<void, H3Error> IncomingStreams::sort_uni(IncomingStream stream, std::uint64_t type) {
  switch (static_cast<StreamType>(type)) {
    case StreamType::webtransport:
      uni_.streams.push_back(std::move(stream));
      uni_.waiting.wake();
      return {};
    case StreamType::control:
      if (std::exchange(control_seen_, true)) return creation_error("a second control stream");
      control_ = std::move(stream);
      return {};
    case StreamType::qpack_encoder:
    case StreamType::qpack_decoder: {
      auto& kept = qpack_[type - std::to_underlying(StreamType::qpack_encoder)];
      if (kept) return creation_error(fmt::format("a second QPACK stream of type {}", type));
      kept = std::move(stream.recv);
      return {};
    }
    case StreamType::push:
      if (role_ == Role::server) return creation_error("a push stream from a client");
      return std::unexpected(H3Error{H3Code::id_error, "a push that was never allowed"});
  }
  MOQ_LOG(debug, "webtransport", "a stream of type {:#x}: dropped", type);
  return {};
}

void IncomingStreams::sort_bidi(IncomingStream stream, bool webtransport) {
  if (webtransport) {
    bidi_.streams.push_back(std::move(stream));
    bidi_.waiting.wake();
    return;
  }
  if (role_ == Role::server && !std::exchange(request_seen_, true)) {
    request_ = std::move(stream);
    return;
  }
  MOQ_LOG(debug, "webtransport", "a bidirectional stream that is not the session's: dropped");
}

}  // namespace moq::transport::webtransport
