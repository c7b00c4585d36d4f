// Packets: which stream's bytes go into the next one.
#include <array>

#include "moq/transport/quic/internal/conn.h"
#include "moq/transport/quic/internal/endpoint.h"

namespace moq::transport::quic::internal {
namespace {

// Pieces of one stream in one packet: enough for frames of a hundred bytes.
constexpr std::size_t kMaxPieces = 16;

/// Addresses of consecutive packets, converted once while they stay the same.
class PathCache {
 public:
  void apply(const ngtcp2_path& path, Output::Packet& packet) {
    if (!same(path.local, local_) || !same(path.remote, remote_)) {
      copy(path.local, local_);
      copy(path.remote, remote_);
      from_ = from_sockaddr(path.local);
      to_ = from_sockaddr(path.remote);
      changed_ = true;
    }
    packet.from = from_;
    packet.to = to_;
  }
  [[nodiscard]] bool changed() { return std::exchange(changed_, false); }

 private:
  struct Raw {
    ngtcp2_sockaddr_union address{};
    ngtcp2_socklen size = 0;
  };
  static bool same(const ngtcp2_addr& a, const Raw& b) {
    return a.addrlen == b.size && std::memcmp(a.addr, &b.address, b.size) == 0;
  }
  static void copy(const ngtcp2_addr& from, Raw& to) {
    to.size = from.addrlen;
    std::memcpy(&to.address, from.addr, from.addrlen);
  }
  Raw local_, remote_;
  SocketAddress from_, to_;
  bool changed_ = false;
};

}  // namespace

bool Conn::write(Output& output) {
  if (!alive()) {
    if (std::exchange(repeat_close_, false)) write_linger(output);
    return false;
  }
  const TimePoint time = now();
  const ngtcp2_tstamp timestamp = to_timestamp(time);
  end_pacing(timestamp);
  pacing_end_ = 0;  // Else what is written now waits for it.
  const std::size_t share = std::max(ngtcp2_conn_get_send_quantum(conn_.get()), kMaxPacketBytes);
  drop_large_datagrams();
  PathCache addresses;
  Path path;
  std::size_t written = 0;
  bool more = false;
  for (;;) {
    const std::span<std::uint8_t> room = output.room(packet_limit_);
    if (written >= share || room.empty()) {
      more = true;
      break;
    }
    ngtcp2_pkt_info info{};
    carries_data_ = false;
    const ngtcp2_ssize size = write_packet(path.get(), &info, room, timestamp);
    if (size < 0) {
      const int error = static_cast<int>(size);
      fail(error, local_error(error));
      return false;
    }
    if (size == 0) break;
    Output::Packet packet{.size = static_cast<std::size_t>(size), .ecn = info.ecn};
    addresses.apply(*path.get(), packet);
    if (addresses.changed()) socket_ = endpoint_->socket_for(packet.from);
    packet.socket = socket_;
    if (!server_) packet.from = {};  // A connected socket has its own.
    output.add(packet);
    written += packet.size;
    ++packets_sent_;
    if (carries_data_) {
      ++data_packets_;
      data_packet_bytes_ += packet.size;
    } else if (bytes_in_flight() > 0) {  // Else it is a mere acknowledgement.
      only_data_in_flight_ = false;
    }
  }
  if (written > 0) {
    bytes_sent_ += written;
    // Pacing starts here. If all was written, its end is nothing to wake up for.
    const bool idle = !more && send_queue_.empty();
    if (idle) idle_until_ = ngtcp2_conn_get_expiry(conn_.get());
    ngtcp2_conn_update_pkt_tx_time(conn_.get(), timestamp);
    if (idle) {
      const ngtcp2_tstamp next = ngtcp2_conn_get_expiry(conn_.get());
      if (next < idle_until_) pacing_end_ = next;
    }
    note_sent(time);
  }
  // What was received in this turn counts as well.
  if (stats_cell_) publish_stats(time);
  update_deadline();
  return more;
}

// The path may have shrunk since they were queued.
void Conn::drop_large_datagrams() {
  if (datagrams_out_.empty()) return;
  const std::size_t largest = max_datagram_bytes();
  for (std::size_t left = datagrams_out_.size(); left > 0; --left) {
    Bytes data = datagrams_out_.pop_front();
    if (data.size() <= largest) datagrams_out_.push_back(std::move(data));
  }
}

ngtcp2_ssize Conn::write_packet(ngtcp2_path* path, ngtcp2_pkt_info* info,
                                std::span<std::uint8_t> room, ngtcp2_tstamp time) {
  const bool open = handshake_completed_;
  while (open && !datagrams_out_.empty()) {
    const ngtcp2_ssize size = offer_datagram(path, info, room, time);
    if (size != NGTCP2_ERR_WRITE_MORE) return size;
  }
  bool window = true;
  while (open && window && !send_queue_.empty()) {
    Stream& stream = *send_queue_.front();
    const ngtcp2_ssize size = offer_stream(stream, path, info, room, time);
    switch (size) {
      case NGTCP2_ERR_WRITE_MORE:
        break;
      case NGTCP2_ERR_STREAM_DATA_BLOCKED:
        if (ngtcp2_conn_get_max_data_left(conn_.get()) == 0) {
          window = false;  // The connection's: nobody can send, until the peer reads.
        } else {
          stream.blocked = true;
          send_queue_.remove(&stream);
        }
        break;
      case NGTCP2_ERR_STREAM_SHUT_WR:
      case NGTCP2_ERR_STREAM_NOT_FOUND:
        send_queue_.remove(&stream);
        break;
      default:
        return size;
    }
  }
  return ngtcp2_conn_writev_stream(conn_.get(), path, info, room.data(), room.size(), nullptr,
                                   NGTCP2_WRITE_STREAM_FLAG_NONE, -1, nullptr, 0, time);
}

ngtcp2_ssize Conn::offer_datagram(ngtcp2_path* path, ngtcp2_pkt_info* info,
                                  std::span<std::uint8_t> room, ngtcp2_tstamp time) {
  const Bytes& data = datagrams_out_.front();
  const ngtcp2_vec piece{const_cast<std::uint8_t*>(data.data()), data.size()};
  int accepted = 0;
  // A datagram may be empty; a piece of it, ngtcp2 asserts, may not.
  const ngtcp2_ssize size = ngtcp2_conn_writev_datagram(
      conn_.get(), path, info, room.data(), room.size(), &accepted, NGTCP2_WRITE_DATAGRAM_FLAG_MORE,
      data.size(), &piece, data.empty() ? 0 : 1, time);
  if (accepted != 0) datagrams_out_.pop_front();
  return size;
}

ngtcp2_ssize Conn::offer_stream(Stream& stream, ngtcp2_path* path, ngtcp2_pkt_info* info,
                                std::span<std::uint8_t> room, ngtcp2_tstamp time) {
  std::array<ngtcp2_vec, kMaxPieces> pieces;
  std::size_t bytes = 0;
  const std::size_t count = stream.out.peek(pieces, room.size(), bytes);
  const bool fin = stream.fin_queued && bytes == stream.out.unsent();
  const std::uint32_t flags = static_cast<std::uint32_t>(NGTCP2_WRITE_STREAM_FLAG_MORE) |
                              (fin ? static_cast<std::uint32_t>(NGTCP2_WRITE_STREAM_FLAG_FIN) : 0U);
  ngtcp2_ssize taken = -1;
  const ngtcp2_ssize size =
      ngtcp2_conn_writev_stream(conn_.get(), path, info, room.data(), room.size(), &taken, flags,
                                stream.id, pieces.data(), count, time);
  if (taken >= 0) {
    const auto sent = static_cast<std::size_t>(taken);
    mark_sent(stream, sent, fin && sent == bytes);
  }
  return size;
}

void Conn::mark_sent(Stream& stream, std::size_t bytes, bool fin) {
  const std::size_t before = stream.out.unsent();
  stream.out.mark_sent(bytes);
  unacked_ += bytes;
  carries_data_ = true;
  if (fin) {
    stream.fin_sent = true;
    stream.fin_sent_alone = bytes == 0;
    // The loss of a mere end does not show in what is unacknowledged.
    if (bytes == 0) only_data_in_flight_ = false;
  }
  if (stream.wants_send()) {
    send_queue_.rotate();
  } else {
    send_queue_.remove(&stream);
  }
  if (before >= parameters_.stream_send_buffer &&
      stream.out.unsent() < parameters_.stream_send_buffer) {
    stream.on_writable.wake();
  }
}

}  // namespace moq::transport::quic::internal
