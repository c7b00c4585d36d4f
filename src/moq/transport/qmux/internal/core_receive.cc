// What comes in, frame by frame.
#include <fmt/format.h>

#include <algorithm>

#include "moq/transport/qmux/internal/core.h"

namespace moq::transport::qmux {
namespace {

/// The part of `record` that `part` borrows.
Bytes slice_of(const Bytes& record, ByteSpan part) {
  if (part.empty()) return {};
  return record.slice(static_cast<std::size_t>(part.data() - record.data()), part.size());
}

/// A peer's text, made safe for a log.
std::string clean_reason(const std::string& reason) {
  if (!is_utf8(as_bytes(reason))) return "(reason is not text)";
  std::string text = reason;
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return text;
}

Duration agreed_timeout(Duration ours, std::uint64_t theirs_ms) {
  const Duration theirs = from_ms(theirs_ms);
  if (ours <= Duration::zero()) return theirs;
  return theirs_ms == 0 ? ours : std::min(ours, theirs);
}

}  // namespace

void Core::on_record(const Bytes& record) {
  stats_.bytes_received += record.size();
  active_ = now_;
  send_is_activity_ = true;
  if (record.size() > max_record_bytes(options_.framing)) {
    violate(fmt::format("a record of {} bytes", record.size()));
    return;
  }
  Reader in(record);
  while (in.remaining() > 0 && phase_ == Phase::open) {
    const auto frame = decode_frame(in, options_.framing);
    if (!frame) {
      violate(to_error(frame.error(), "a frame").describe());
      return;
    }
    on_frame(*frame, record);
  }
}

void Core::on_frame(const Frame& frame, const Bytes& record) {
  if (is_strict(options_.framing) && !peer_parameters_) {
    const auto* ignored = std::get_if<Ignored>(&frame);
    const bool padding = ignored != nullptr && ignored->padding;
    if (!padding && !std::holds_alternative<ParametersFrame>(frame)) {
      violate("a frame before the parameters");
      return;
    }
  }
  std::visit([this, &record](const auto& one) { on(one, record); }, frame);
}

Stream* Core::find(std::uint64_t id) const {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second.get();
}

Stream* Core::locate(std::uint64_t id) {
  const bool bidi = (id & 2) == 0;
  const bool local = ((id & 1) != 0) == (options_.side == Side::server);
  const std::uint64_t index = id >> 2;
  if (local) {
    if (index >= opened_[bidi]) violate(fmt::format("stream {} is ours, and not open", id));
    return find(id);
  }
  Window& window = peer_streams_[bidi];
  const std::uint64_t first = window.used();
  if (index < first) return find(id);
  if (!window.use(index + 1 - first)) {
    violate(fmt::format("stream {} is beyond the {} that may be opened", id, window.max()));
    return nullptr;
  }
  // It opens all of its kind below it, whose frames come later: RFC 9000 §3.2.
  Stream* newest = nullptr;
  for (std::uint64_t i = first; i <= index; ++i) {
    newest = &create((i << 2) | (id & 3), false);
    accept_[bidi].push_back(newest);
  }
  on_accept_[bidi].wake();
  return newest;
}

Stream* Core::locate_receiving(std::uint64_t id) {
  const bool local = ((id & 1) != 0) == (options_.side == Side::server);
  if (local && (id & 2) != 0) {
    violate(fmt::format("data on stream {}, which only we send on", id));
    return nullptr;
  }
  return locate(id);
}

Stream* Core::locate_sending(std::uint64_t id) {
  const bool local = ((id & 1) != 0) == (options_.side == Side::server);
  if (!local && (id & 2) != 0) {
    violate(fmt::format("asks for less or more on stream {}, which we do not send on", id));
    return nullptr;
  }
  return locate(id);
}

void Core::on(const StreamData& data, const Bytes& record) {
  Stream* stream = locate_receiving(data.id);
  if (stream == nullptr || stream->received_all()) return;
  const std::size_t size = data.data.size();
  if (has_flow_control(options_.framing) && (!window_.use(size) || !stream->window.use(size))) {
    violate(fmt::format("more data on stream {} than allowed", data.id));
    return;
  }
  if (stream->stop_code || !stream->has_receiver) {
    window_.release(size);
  } else {
    stream->in.push(slice_of(record, data.data), record.size());
    unread_ += size;
  }
  if (data.fin) stream->fin_received = true;
  stream->on_readable.wake();
  settle(*stream);
}

void Core::on(const ResetStream& reset, const Bytes&) {
  if (reset.reliable_size) {
    violate("RESET_STREAM_AT, which we did not ask for");
    return;
  }
  Stream* stream = locate_receiving(reset.id);
  if (stream == nullptr || stream->received_all()) return;
  if (has_flow_control(options_.framing)) {
    // Older peers name less than they sent. What they sent and did not name is counted already.
    const std::uint64_t got = stream->window.used();
    const std::uint64_t missing = std::max(reset.final_size, got) - got;
    if (!window_.use(missing) || !stream->window.use(missing)) {
      violate(fmt::format("stream {} ends beyond what is allowed", reset.id));
      return;
    }
    window_.release(missing);
  }
  drop_unread(*stream);
  stream->reset_received = reset.code;
  stream->on_readable.wake();
  settle(*stream);
}

void Core::on(const StopSending& stop, const Bytes&) {
  Stream* stream = locate_sending(stop.id);
  if (stream == nullptr || stream->send_over() || stream->reset_code) return;
  stream->stopped = stop.code;
  // RFC 9000 §3.5: who is stopped resets.
  stream->reset_code = stop.code;
  stream->out.clear();
  send_queue_.remove(*stream);
  want_control(*stream);
  stream->on_writable.wake();
  stream->on_finished.wake();
}

void Core::on(const MaxData& max, const Bytes&) { max_sent_ = std::max(max_sent_, max.max); }

void Core::on(const MaxStreamData& max, const Bytes&) {
  Stream* stream = locate_sending(max.id);
  if (stream == nullptr || max.max <= stream->max_sent) return;
  stream->max_sent = max.max;
  enqueue(*stream);
}

void Core::on(const MaxStreams& max, const Bytes&) {
  if (max.max > kMaxVarint >> 2) {
    violate("more streams than there are ids");
    return;
  }
  if (max.max <= max_opened_[max.bidi]) return;
  max_opened_[max.bidi] = max.max;
  on_open_[max.bidi].wake();
}

void Core::on(const Close& close, const Bytes&) {
  const std::string reason = clean_reason(close.reason);
  // Nothing more is to be said: the pipe is closed in turn.
  phase_ = Phase::closing;
  if (close.application) {
    end_with(Error(Code::closed, reason, close.code));
  } else {
    std::string text = fmt::format("the peer closed: code {}", close.code);
    if (!reason.empty()) text += " (" + reason + ")";
    end_with(Error(Code::transport, std::move(text)));
  }
}

void Core::on(const Datagram& datagram, const Bytes& record) {
  const Parameters& limits = options_.parameters;
  Bytes data = slice_of(record, datagram.data);
  // What stays is not cut from what is large.
  if (data.size() < record.size() / 2) data = Bytes::copy(data.span());
  datagram_bytes_in_ += data.size();
  datagrams_in_.push_back(std::move(data));
  while (datagrams_in_.size() > limits.datagrams_received ||
         datagram_bytes_in_ > limits.datagram_bytes_received) {
    datagram_bytes_in_ -= datagrams_in_.front().size();
    datagrams_in_.pop_front();
  }
  on_datagram_.wake();
}

void Core::on(const Ping& ping, const Bytes&) {
  if (ping.response) {
    on_pong(ping.sequence);
    return;
  }
  if (is_strict(options_.framing) && peer_ping_ && ping.sequence <= *peer_ping_) {
    violate("a ping whose number does not grow");
    return;
  }
  peer_ping_ = ping.sequence;
  if (pongs_.size() == kMaxPongs) pongs_.pop_front();
  pongs_.push_back(ping.sequence);
}

void Core::on_pong(std::uint64_t sequence) {
  if (sequence >= next_ping_) {
    if (is_strict(options_.framing)) violate("a response to a ping that was not sent");
    return;
  }
  while (!pings_.empty() && pings_.front().first < sequence) pings_.pop_front();
  if (!pings_.empty() && pings_.front().first == sequence) {
    const Duration rtt = now_ - pings_.front().second;
    pings_.pop_front();
    // RFC 6298 §2.
    stats_.rtt = stats_.rtt ? (*stats_.rtt * 7 + rtt) / 8 : rtt;
  }
  while (!undelivered_.empty() && undelivered_.begin()->first <= sequence) {
    Stream* stream = find(undelivered_.begin()->second);
    undelivered_.erase(undelivered_.begin());
    stream->delivered = true;
    stream->on_finished.wake();
  }
}

void Core::on(const Ignored&, const Bytes&) {}

void Core::on(const ParametersFrame& frame, const Bytes&) {
  if (peer_parameters_) {
    violate("parameters a second time");
    return;
  }
  auto decoded = WireParameters::decode(frame.body);
  if (!decoded) {
    violate(to_error(decoded.error(), "parameters").describe());
    return;
  }
  if (decoded->protocols && !options_.offers) {
    violate("a list of protocols, which are agreed on already");
    return;
  }
  choose_protocol_of(*decoded);
  peer_parameters_ = *std::move(decoded);
  const WireParameters& peer = *peer_parameters_;
  max_sent_ = std::max(max_sent_, peer.max_data);
  max_opened_[0] = std::max(max_opened_[0], peer.max_streams_uni);
  max_opened_[1] = std::max(max_opened_[1], peer.max_streams_bidi);
  idle_timeout_ = agreed_timeout(options_.parameters.idle_timeout, peer.idle_timeout_ms);
  if (has_records(options_.framing)) {
    const std::uint64_t largest =
        std::min<std::uint64_t>(peer.max_datagram_frame_bytes, kMaxRecordBytes);
    const std::uint64_t overhead = 1 + varint_size(largest);
    max_datagram_ = static_cast<std::size_t>(largest > overhead ? largest - overhead : 0);
  }
  // The peer's streams may have been faster than its parameters.
  for (auto& [id, stream] : streams_) {
    stream->max_sent = std::max(stream->max_sent, first_credit(*stream));
    enqueue(*stream);
  }
  last_ping_ = now_;
  on_ready_.wake();
  on_open_[0].wake();
  on_open_[1].wake();
}

void Core::choose_protocol_of(const WireParameters& peer) {
  if (!options_.offers) return;
  const std::vector<std::string> none;
  const std::vector<std::string>& theirs = peer.protocols ? *peer.protocols : none;
  const bool server = options_.side == Side::server;
  const auto chosen = server ? choose_protocol(*options_.offers, theirs)
                             : choose_protocol(theirs, *options_.offers);
  protocol_ = chosen.value_or("");
}

}  // namespace moq::transport::qmux
