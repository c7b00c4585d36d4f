// What the handles of the session and of its streams ask.
#include <fmt/format.h>

#include <algorithm>

#include "moq/transport/qmux/internal/core.h"

namespace moq::transport::qmux {
namespace {

Error stream_error(const char* what, std::uint32_t code) {
  return Error(Code::application, fmt::format("the peer {} the stream with {:#x}", what, code),
               code);
}

/// What a stream that nobody finished is reset with.
constexpr std::uint32_t kCancelled = 1;

}  // namespace

Stream& Core::create(std::uint64_t id, bool local) {
  auto made = std::make_unique<Stream>(id);
  Stream& stream = *made;
  streams_.emplace(id, std::move(made));
  stream.local = local;
  stream.has_sender = stream.can_send();
  stream.has_receiver = stream.can_receive();
  if (stream.can_receive()) stream.window = Window(options_.parameters.stream_window);
  stream.max_sent = first_credit(stream);
  return stream;
}

std::uint64_t Core::first_credit(const Stream& stream) const {
  if (!stream.can_send() || !peer_parameters_) return 0;
  if (!has_flow_control(options_.framing)) return kMaxVarint;
  if (!stream.bidi()) return peer_parameters_->max_stream_data_uni;
  return stream.local ? peer_parameters_->max_stream_data_bidi_remote
                      : peer_parameters_->max_stream_data_bidi_local;
}

Poll<Result<Stream*>> Core::poll_open(bool bidi, const Waiter& waiter) {
  if (end_) return Result<Stream*>(std::unexpected(*end_));
  if (opened_[bidi] >= max_opened_[bidi]) {
    on_open_[bidi].add(waiter);
    return kio::kPending;
  }
  const std::uint64_t kind = (options_.side == Side::server ? 1U : 0U) | (bidi ? 0U : 2U);
  return Result<Stream*>(&create((opened_[bidi]++ << 2) | kind, true));
}

Poll<Result<Stream*>> Core::poll_accept(bool bidi, const Waiter& waiter) {
  if (end_) return Result<Stream*>(std::unexpected(*end_));
  if (accept_[bidi].empty()) {
    on_accept_[bidi].add(waiter);
    return kio::kPending;
  }
  Stream* stream = accept_[bidi].front();
  accept_[bidi].pop_front();
  return Result<Stream*>(stream);
}

void Core::send_datagram(Bytes data) {
  if (end_ || data.size() > max_datagram_ || max_datagram_ == 0) return;
  if (datagrams_out_.size() >= options_.parameters.datagrams_queued) return;
  datagrams_out_.push_back(std::move(data));
  on_command_.wake();
}

Poll<Result<Bytes>> Core::poll_recv_datagram(const Waiter& waiter) {
  if (end_) return Result<Bytes>(std::unexpected(*end_));
  if (datagrams_in_.empty()) {
    on_datagram_.add(waiter);
    return kio::kPending;
  }
  Bytes data = std::move(datagrams_in_.front());
  datagrams_in_.pop_front();
  datagram_bytes_in_ -= data.size();
  return Result<Bytes>(std::move(data));
}

Poll<Result<void>> Core::poll_writable(Stream& stream, const Waiter& waiter) {
  if (stream.stopped) {
    return Result<void>(std::unexpected(stream_error("stopped", *stream.stopped)));
  }
  if (end_) return Result<void>(std::unexpected(*end_));
  if (stream.out.size() < options_.parameters.stream_send_buffer) return Result<void>();
  stream.on_writable.add(waiter);
  return kio::kPending;
}

void Core::write(Stream& stream, Bytes data) {
  if (end_ || !stream.open_for_writing()) return;
  stream.out.push(std::move(data));
  enqueue(stream);
}

void Core::finish(Stream& stream) {
  if (end_ || !stream.open_for_writing()) return;
  stream.fin_queued = true;
  enqueue(stream);
}

void Core::reset(Stream& stream, std::uint32_t code) {
  if (end_ || stream.send_over() || stream.reset_code) return;
  stream.reset_code = code;
  stream.out.clear();
  send_queue_.remove(stream);
  want_control(stream);
  stream.on_writable.wake();
  stream.on_finished.wake();
}

Poll<Result<void>> Core::poll_finished(Stream& stream, const Waiter& waiter) {
  if (stream.stopped) {
    return Result<void>(std::unexpected(stream_error("stopped", *stream.stopped)));
  }
  if (stream.delivered) return Result<void>();
  if (end_) return Result<void>(std::unexpected(*end_));
  if (stream.reset_code) return fail(Code::cancelled, "the stream was reset");
  stream.on_finished.add(waiter);
  // Unless a ping that will tell is under way.
  if (stream.fin_sent && next_ping_ <= stream.fin_ping) want_ping();
  return kio::kPending;
}

void Core::set_priority(Stream& stream, Priority priority) {
  send_queue_.set_priority(stream, priority);
}

void Core::release_sender(Stream& stream) {
  if (!stream.fin_queued) reset(stream, kCancelled);
  stream.has_sender = false;
  undelivered_.erase({stream.fin_ping, stream.id});
  settle(stream);
}

Poll<Result<Bytes>> Core::poll_read(Stream& stream, const Waiter& waiter, std::size_t max) {
  if (stream.reset_received) {
    const Error error = stream_error("reset", *stream.reset_received);
    stream.end_read = true;
    settle(stream);
    return Result<Bytes>(std::unexpected(error));
  }
  if (stream.stop_code) return Result<Bytes>(fail(Code::cancelled, "reading was stopped"));
  if (end_) return Result<Bytes>(std::unexpected(*end_));
  if (stream.in.size() > 0) {
    Bytes data = stream.in.take(max);
    give_back(stream, data.size());
    return Result<Bytes>(std::move(data));
  }
  if (stream.fin_received) {
    stream.end_read = true;
    settle(stream);
    return Result<Bytes>(Bytes());
  }
  stream.on_readable.add(waiter);
  return kio::kPending;
}

void Core::stop(Stream& stream, std::uint32_t code) {
  if (end_ || stream.reset_received || stream.stop_code) return;
  stream.stop_code = code;
  drop_unread(stream);
  if (!stream.received_all()) want_control(stream);
  settle(stream);
}

void Core::release_receiver(Stream& stream) {
  if (!stream.end_read) stop(stream, 0);
  stream.has_receiver = false;
  settle(stream);
}

void Core::enqueue(Stream& stream) {
  if (!stream.wants_send()) return;
  send_queue_.push(stream);
  on_command_.wake();
}

void Core::want_control(Stream& stream) {
  if (!std::exchange(stream.in_control, true)) control_.push_back(&stream);
  on_command_.wake();
}

void Core::want_ping() {
  if (!has_records(options_.framing)) return;
  ping_wanted_ = true;
  on_command_.wake();
}

/// `bytes` of the stream's data were read.
void Core::give_back(Stream& stream, std::size_t bytes) {
  const bool paused = reading_pauses();
  unread_ -= bytes;
  window_.release(bytes);
  stream.window.release(bytes);
  if (paused && !reading_pauses()) on_command_.wake();
  if (!has_flow_control(options_.framing)) return;
  if (window_.wants_raise()) on_command_.wake();
  if (!stream.received_all() && stream.window.wants_raise()) want_control(stream);
}

void Core::drop_unread(Stream& stream) {
  const std::size_t bytes = stream.in.size();
  stream.in.clear();
  give_back(stream, bytes);
}

void Core::settle(Stream& stream) {
  if (!stream.local && !stream.counted && stream.send_over() && stream.receive_over()) {
    stream.counted = true;
    Window& streams = peer_streams_[stream.bidi()];
    streams.release(1);
    if (!has_flow_control(options_.framing)) {
      static_cast<void>(streams.raise());  // The peer asks nobody.
    } else if (streams.wants_raise()) {
      on_command_.wake();
    }
  }
  if (stream.has_sender || stream.has_receiver || stream.in_control) return;
  if (!end_ && !(stream.send_over() && stream.received_all())) return;
  send_queue_.remove(stream);
  streams_.erase(stream.id);
}

}  // namespace moq::transport::qmux
