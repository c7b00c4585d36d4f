// Streams and datagrams: what arrives for them, and what their handles ask.
#include <fmt/format.h>

#include "moq/transport/code_mapping.h"
#include "moq/transport/quic/internal/conn.h"
#include "moq/transport/quic/internal/endpoint.h"

namespace moq::transport::quic::internal {
namespace {

/// The error for a code that the peer put into RESET_STREAM or STOP_SENDING.
Error stream_error(const char* what, std::uint64_t wire) {
  if (const auto code = from_wire_code(wire)) {
    return Error(Code::application, fmt::format("the peer {} the stream with {:#x}", what, *code),
                 *code);
  }
  return Error(Code::transport,
               fmt::format("the peer {} the stream with the unmapped code {:#x}", what, wire));
}

// Window is given back in steps of this share of it, stream credit likewise: often enough that the
// peer never waits for it, seldom enough that it costs few frames.
constexpr std::uint64_t kStreamWindowSteps = 8;
constexpr std::uint64_t kConnectionWindowSteps = 16;
constexpr std::uint64_t kStreamCreditSteps = 16;

}  // namespace

// What arrives, from callbacks.

Stream* Conn::add_peer_stream(std::int64_t id) {
  Stream* stream = streams_.create(id, false);
  stream->has_receiver = true;
  stream->has_sender = stream->bidi();
  accept_[stream->bidi()].push_back(stream);
  on_accept_[stream->bidi()].wake();
  return stream;
}

void Conn::on_data(Stream& stream, ByteSpan data, bool fin) {
  if (fin) stream.fin_received = true;
  if (stream.stop_sent || !stream.has_receiver) {
    credit_connection(data.size());
  } else {
    stream.in.push(data);
  }
  stream.on_readable.wake();
}

void Conn::on_reset(Stream& stream, std::uint64_t code) {
  stream.reset_received = true;
  stream.reset_code = code;
  for (const Signal& reset : resets_) {
    if (reset.id == stream.id) stream.reset_code = reset.code;
  }
  if (!stream.bidi()) uni_resets_.push_back(stream.id);
  credit_connection(stream.in.size());
  stream.in.recycle();
  stream.on_readable.wake();
}

bool Conn::is_new_peer_uni(std::int64_t id) const {
  const bool by_server = (id & 1) != 0;
  const bool uni = (id & 2) != 0;
  return uni && by_server != server_ && streams_.find(id) == nullptr;
}

// A reset closes a unidirectional stream on the spot, or, where it could not be rewritten, never.
void Conn::close_reset_streams() {
  for (const std::int64_t id : uni_resets_) {
    Stream* stream = streams_.find(id);
    if (stream == nullptr || !stream->in_transport) continue;
    ngtcp2_conn_set_stream_user_data(conn_.get(), id, nullptr);
    ++forgotten_;
    on_stream_closed(*stream, 0);
  }
  uni_resets_.clear();
}

void Conn::on_acked(Stream& stream, std::uint64_t to, bool fin_alone) {
  const std::uint64_t before = stream.out.acked();
  stream.out.mark_acked(to);
  unacked_ -= stream.out.acked() - before;
  stalled_since_.reset();
  if (fin_alone) stream.fin_frame_acked = true;
  if (!stream.fin_sent || stream.out.acked() < stream.out.end()) return;
  // An end sent in a frame of its own is acknowledged by its own; once something was lost, ngtcp2
  // may have joined it with data.
  if (stream.fin_frame_acked || !stream.fin_sent_alone ||
      ngtcp2_conn_get_stream_loss_count(conn_.get(), stream.id) > 0) {
    stream.fin_acked = true;
    stream.on_finished.wake();
  }
}

void Conn::on_window(Stream& stream) {
  stream.blocked = false;
  if (stream.wants_send()) send_queue_.push(&stream);
}

void Conn::on_stream_closed(Stream& stream, std::size_t lost) {
  packets_lost_ += lost;
  if (lost > 0) look_at_losses_ = {};  // They are no longer those of an open stream.
  stream.in_transport = false;
  send_queue_.remove(&stream);
  if (stream.can_send() && !stream.reset_sent && !stream.stopped && stream.fin_sent) {
    stream.fin_acked = true;
  }
  unacked_ -= stream.out.sent() - stream.out.acked();
  if (unacked_ == 0) stalled_since_.reset();
  // ngtcp2 looks at the data no more.
  stream.out.recycle();
  stream.on_finished.wake();
  reap(stream);
}

void Conn::apply_stop(std::int64_t id, std::uint64_t code) {
  Stream* stream = streams_.find(id);
  if (stream == nullptr || !stream->can_send()) return;
  if (stream->stopped || stream->reset_sent || stream->fin_acked) return;
  stream->stopped = true;
  stream->stop_code = code;
  send_queue_.remove(stream);
  if (stream->in_transport) stream->out.drop_unsent();
  stream->on_writable.wake();
  stream->on_finished.wake();
}

void Conn::on_datagram(ByteSpan data) {
  while (datagrams_in_.size() >= parameters_.datagrams_received) {
    if (datagrams_in_.empty()) return;
    datagrams_in_.pop_front();
  }
  datagrams_in_.push_back(Bytes::copy(data));
  on_datagram_.wake();
}

// Credit, and the end of streams.

void Conn::credit(Stream& stream, std::uint64_t bytes) {
  credit_connection(bytes);
  if (!stream.in_transport || stream.fin_received || stream.reset_received) return;
  stream.uncredited += bytes;
  if (stream.uncredited * kStreamWindowSteps < parameters_.stream_window) return;
  const std::uint64_t back = std::exchange(stream.uncredited, 0);
  ngtcp2_conn_extend_max_stream_offset(conn_.get(), stream.id, back);
  schedule();
}

void Conn::credit_connection(std::uint64_t bytes) {
  if (!alive()) return;
  uncredited_ += bytes;
  if (uncredited_ * kConnectionWindowSteps < parameters_.connection_window) return;
  ngtcp2_conn_extend_max_offset(conn_.get(), std::exchange(uncredited_, 0));
  schedule();
}

// The peer may open another once this one is closed and the application has seen its end: what
// waits to be accepted or read counts as open, which bounds it.
void Conn::return_place(Stream& stream) {
  if (stream.local || stream.returned || stream.in_transport || !alive()) return;
  if (!stream.receiver_done()) return;
  stream.returned = true;
  const bool bidi = stream.bidi();
  const std::uint64_t limit = bidi ? parameters_.max_streams_bidi : parameters_.max_streams_uni;
  ++spent_streams_[bidi];
  if (spent_streams_[bidi] * kStreamCreditSteps < limit) return;
  const std::size_t back = std::exchange(spent_streams_[bidi], 0);
  if (bidi) {
    ngtcp2_conn_extend_max_streams_bidi(conn_.get(), back);
  } else {
    ngtcp2_conn_extend_max_streams_uni(conn_.get(), back);
  }
  schedule();
}

void Conn::reap(Stream& stream) {
  return_place(stream);
  if (stream.abandoned()) streams_.remove(&stream);
}

void Conn::drop_streams() {
  send_queue_.clear();
  for (Ring<Stream*>& ring : accept_) {
    while (!ring.empty()) {
      Stream* stream = ring.pop_front();
      stream->has_sender = stream->has_receiver = false;
    }
  }
  std::vector<Stream*> abandoned;
  streams_.for_each([&](Stream& stream) {
    stream.in_transport = false;
    stream.out.recycle();
    stream.in.recycle();
    if (stream.abandoned()) abandoned.push_back(&stream);
  });
  for (Stream* stream : abandoned) streams_.remove(stream);
}

// What handles of sessions ask.

Poll<Result<Stream*>> Conn::poll_open(bool bidi, const Waiter& waiter) {
  using Opened = Result<Stream*>;
  if (error_) return Opened(std::unexpected(*error_));
  std::int64_t id = 0;
  int blocked = NGTCP2_ERR_STREAM_ID_BLOCKED;
  if (handshake_completed_) {
    blocked = bidi ? ngtcp2_conn_open_bidi_stream(conn_.get(), &id, nullptr)
                   : ngtcp2_conn_open_uni_stream(conn_.get(), &id, nullptr);
  }
  if (blocked != 0) {
    on_credit_[bidi].add(waiter);
    return kio::kPending;
  }
  Stream* stream = streams_.create(id, true);
  stream->has_sender = true;
  stream->has_receiver = bidi;
  ngtcp2_conn_set_stream_user_data(conn_.get(), id, stream);
  return Opened(stream);
}

Poll<Result<Stream*>> Conn::poll_accept(bool bidi, const Waiter& waiter) {
  using Accepted = Result<Stream*>;
  if (error_) return Accepted(std::unexpected(*error_));
  if (accept_[bidi].empty()) {
    on_accept_[bidi].add(waiter);
    return kio::kPending;
  }
  return Accepted(accept_[bidi].pop_front());
}

std::size_t Conn::max_datagram_bytes() const {
  if (!alive() || max_datagram_frame_ == 0) return 0;
  // A short header with our longest packet number, the tag, and the frame's type and length.
  const std::size_t overhead = 1 + ngtcp2_conn_get_dcid(conn_.get())->datalen + 4 + 16 + 3;
  const std::size_t packet =
      std::min(packet_limit_, ngtcp2_conn_get_path_max_tx_udp_payload_size(conn_.get()));
  const std::size_t fits = packet > overhead ? packet - overhead : 0;
  const std::size_t allowed =
      max_datagram_frame_ > 3 ? static_cast<std::size_t>(max_datagram_frame_ - 3) : 0;
  return std::min(fits, allowed);
}

void Conn::send_datagram(Bytes data) {
  if (data.size() > max_datagram_bytes()) return;
  if (datagrams_out_.size() >= parameters_.datagrams_queued) return;
  datagrams_out_.push_back(std::move(data));
  schedule();
}

Poll<Result<Bytes>> Conn::poll_recv_datagram(const Waiter& waiter) {
  if (error_) return Result<Bytes>(std::unexpected(*error_));
  if (datagrams_in_.empty()) {
    on_datagram_.add(waiter);
    return kio::kPending;
  }
  return Result<Bytes>(datagrams_in_.pop_front());
}

// What handles of streams ask.

std::optional<Error> Conn::send_error(const Stream& stream) const {
  if (stream.stopped) return stream_error("stopped", stream.stop_code);
  if (stream.reset_sent) return Error(Code::cancelled, "the stream was reset");
  return error_;
}

Poll<Result<void>> Conn::poll_writable(Stream& stream, const Waiter& waiter) {
  if (auto error = send_error(stream)) return Result<void>(std::unexpected(*std::move(error)));
  if (stream.out.unsent() < parameters_.stream_send_buffer) return Result<void>();
  stream.on_writable.add(waiter);
  return kio::kPending;
}

void Conn::write(Stream& stream, Bytes data) {
  if (error_ || stream.stopped || stream.reset_sent || stream.fin_queued) return;
  stream.out.push(std::move(data));
  if (stream.blocked || !stream.wants_send()) return;
  send_queue_.push(&stream);
  schedule();
}

void Conn::finish(Stream& stream) {
  if (error_ || stream.stopped || stream.reset_sent || stream.fin_queued) return;
  stream.fin_queued = true;
  if (stream.blocked) return;
  send_queue_.push(&stream);
  schedule();
}

void Conn::reset(Stream& stream, std::uint32_t code) {
  if (error_ || stream.stopped || stream.reset_sent || stream.fin_acked) return;
  stream.reset_sent = true;
  send_queue_.remove(&stream);
  stream.out.drop_unsent();
  ngtcp2_conn_shutdown_stream_write(conn_.get(), 0, stream.id, to_wire_code(code));
  stream.on_writable.wake();
  stream.on_finished.wake();
  schedule();
}

Poll<Result<void>> Conn::poll_finished(Stream& stream, const Waiter& waiter) {
  if (stream.delivered()) return Result<void>();
  if (auto error = send_error(stream)) return Result<void>(std::unexpected(*std::move(error)));
  stream.on_finished.add(waiter);
  return kio::kPending;
}

void Conn::set_priority(Stream& stream, Priority priority) {
  send_queue_.set_priority(&stream, priority);
}

Poll<Result<Bytes>> Conn::poll_read(Stream& stream, const Waiter& waiter, std::size_t max) {
  if (stream.reset_received) {
    stream.end_read = true;
    return_place(stream);
    return Result<Bytes>(std::unexpected(stream_error("reset", stream.reset_code)));
  }
  if (stream.stop_sent) return Result<Bytes>(moq::fail(Code::cancelled, "reading was stopped"));
  if (error_) return Result<Bytes>(std::unexpected(*error_));
  if (stream.in.size() > 0) {
    Bytes data = stream.in.take(max);
    credit(stream, data.size());
    return Result<Bytes>(std::move(data));
  }
  if (stream.fin_received) {
    stream.end_read = true;
    return_place(stream);
    return Result<Bytes>(Bytes());
  }
  stream.on_readable.add(waiter);
  return kio::kPending;
}

void Conn::stop(Stream& stream, std::uint32_t code) {
  if (error_ || stream.reset_received || std::exchange(stream.stop_sent, true)) return;
  credit_connection(stream.in.size());
  stream.in.recycle();
  if (stream.in_transport && !stream.fin_received) {
    ngtcp2_conn_shutdown_stream_read(conn_.get(), 0, stream.id, to_wire_code(code));
  }
  stream.on_readable.wake();
  return_place(stream);
  schedule();
}

void Conn::release_sender(Stream& stream) {
  if (!stream.fin_queued) reset(stream, 1);
  stream.has_sender = false;
  reap(stream);
}

void Conn::release_receiver(Stream& stream) {
  // Nothing to stop if all has come, read or not.
  if (!stream.fin_received) stop(stream, 0);
  credit_connection(stream.in.size());
  stream.in.recycle();
  stream.has_receiver = false;
  reap(stream);
}

}  // namespace moq::transport::quic::internal
