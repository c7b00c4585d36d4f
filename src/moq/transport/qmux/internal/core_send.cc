// What goes out, record by record: control frames, then datagrams, then streams by priority.
#include <algorithm>

#include "moq/transport/qmux/internal/core.h"

namespace moq::transport::qmux {
namespace {

/// Less room than this in a record is not worth another STREAM frame.
constexpr std::size_t kLeastStreamRoom = 64;
static_assert(kMaxControlFrameBytes < kLeastStreamRoom);

}  // namespace

bool Core::takes_more(const Writer& out, std::size_t bytes) const {
  // Before 01 a record is one frame.
  if (!has_records(options_.framing)) return out.size() == 0;
  return out.size() + bytes <= kMaxRecordBytes;
}

Bytes Core::next_record() {
  Writer out;
  if (phase_ == Phase::open) {
    if (!std::exchange(parameters_sent_, true)) write_parameters(out);
    while (takes_more(out, kMaxControlFrameBytes) && write_control(out)) {
    }
    while (!datagrams_out_.empty() &&
           takes_more(out, datagram_bytes(datagrams_out_.front().size()))) {
      write_datagram(out);
    }
    while (takes_more(out, kLeastStreamRoom) && write_stream(out)) {
    }
  } else if (phase_ == Phase::closing && last_) {
    if (!std::exchange(parameters_sent_, true) && is_strict(options_.framing)) {
      write_parameters(out);  // Nothing may come before them.
    }
    encode_close(out, *last_, options_.framing);
    last_.reset();
  }
  if (out.size() == 0) return {};
  return out.take();
}

void Core::write_parameters(Writer& out) {
  const Parameters& ours = options_.parameters;
  WireParameters wire;
  wire.idle_timeout_ms =
      static_cast<std::uint64_t>(std::max<std::int64_t>(to_ms(ours.idle_timeout), 0));
  wire.max_data = ours.connection_window;
  wire.max_stream_data_bidi_local = ours.stream_window;
  wire.max_stream_data_bidi_remote = ours.stream_window;
  wire.max_stream_data_uni = ours.stream_window;
  wire.max_streams_bidi = ours.max_streams_bidi;
  wire.max_streams_uni = ours.max_streams_uni;
  wire.max_record_bytes = kMaxRecordBytes;
  if (has_records(options_.framing)) wire.max_datagram_frame_bytes = kMaxRecordBytes;
  wire.protocols = options_.offers;
  Writer body;
  wire.encode(body);
  encode_parameters(out, body.span());
}

bool Core::write_control(Writer& out) {
  if (write_pings(out)) return true;
  if (has_flow_control(options_.framing)) {
    if (const auto max = window_.raise()) {
      encode_max_data(out, *max);
      return true;
    }
    for (const bool bidi : {false, true}) {
      if (const auto max = peer_streams_[bidi].raise()) {
        encode_max_streams(out, MaxStreams{.bidi = bidi, .max = *max});
        return true;
      }
    }
  }
  return write_stream_control(out);
}

bool Core::write_pings(Writer& out) {
  if (!pongs_.empty()) {
    encode_ping(out, Ping{.response = true, .sequence = pongs_.front()});
    pongs_.pop_front();
    return true;
  }
  if (!ping_wanted_ || !peer_parameters_) return false;
  ping_wanted_ = false;
  last_ping_ = now_;
  if (pings_.size() == kMaxPings) pings_.pop_front();
  pings_.emplace_back(next_ping_, now_);
  encode_ping(out, Ping{.response = false, .sequence = next_ping_++});
  return true;
}

bool Core::write_stream_control(Writer& out) {
  while (!control_.empty()) {
    Stream& stream = *control_.front();
    if (stream.reset_code && !std::exchange(stream.reset_sent, true)) {
      encode_reset(
          out, ResetStream{.id = stream.id, .code = *stream.reset_code, .final_size = stream.sent},
          options_.framing);
      return true;
    }
    if (stream.stop_code && !stream.received_all() && !std::exchange(stream.stop_sent, true)) {
      encode_stop(out, StopSending{.id = stream.id, .code = *stream.stop_code});
      return true;
    }
    if (has_flow_control(options_.framing) && !stream.stop_code && !stream.received_all()) {
      if (const auto max = stream.window.raise()) {
        encode_max_stream_data(out, MaxStreamData{.id = stream.id, .max = *max});
        return true;
      }
    }
    control_.pop_front();
    stream.in_control = false;
    settle(stream);
  }
  return false;
}

bool Core::write_datagram(Writer& out) {
  encode_datagram(out, datagrams_out_.front().span());
  datagrams_out_.pop_front();
  return true;
}

bool Core::write_stream(Writer& out) {
  if (send_queue_.empty()) return false;
  const bool blocked = sent_ == max_sent_;
  Stream* stream = blocked ? send_queue_.front_without_data() : send_queue_.front();
  if (stream == nullptr) return false;

  const std::size_t record = max_record_bytes(options_.framing);
  const std::size_t overhead = stream_overhead(stream->id, stream->sent, record, options_.framing);
  std::uint64_t size = std::min(record - out.size() - overhead, kMaxStreamPayload);
  size = std::min<std::uint64_t>(size, stream->out.size());
  if (has_flow_control(options_.framing)) {
    size = std::min({size, stream->max_sent - stream->sent, max_sent_ - sent_});
  }
  StreamData frame;
  frame.id = stream->id;
  frame.offset = stream->sent;
  frame.fin = stream->fin_queued && size == stream->out.size();
  encode_stream_header(out, frame, static_cast<std::size_t>(size), options_.framing);
  for (std::uint64_t left = size; left > 0;) {
    const Bytes piece = stream->out.take(static_cast<std::size_t>(left));
    out.bytes(piece.span());
    left -= piece.size();
  }
  stream->sent += size;
  sent_ += size;

  // Behind its equals, if there is more.
  send_queue_.remove(*stream);
  if (frame.fin) {
    on_fin_sent(*stream);
  } else {
    if (stream->wants_send()) send_queue_.push(*stream);
    if (stream->out.size() < options_.parameters.stream_send_buffer) stream->on_writable.wake();
  }
  settle(*stream);
  return true;
}

/// With pings, the response to one that follows the end tells that the peer has all of it. Else
/// the pipe's word has to do.
void Core::on_fin_sent(Stream& stream) {
  stream.fin_sent = true;
  if (!stream.has_sender) return;
  if (!has_records(options_.framing)) {
    stream.delivered = true;
    stream.on_finished.wake();
    return;
  }
  stream.fin_ping = next_ping_;
  undelivered_.emplace(stream.fin_ping, stream.id);
  if (!stream.on_finished.empty()) ping_wanted_ = true;
}

}  // namespace moq::transport::qmux
