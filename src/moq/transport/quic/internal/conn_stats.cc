// What a connection has measured and counted.
#include "moq/transport/quic/internal/conn.h"

namespace moq::transport::quic::internal {

std::uint64_t Conn::losses_of_streams() const {
  std::uint64_t lost = 0;
  if (!alive()) return lost;
  streams_.for_each([&](const Stream& stream) {
    if (stream.in_transport && stream.can_send()) {
      lost += ngtcp2_conn_get_stream_loss_count(conn_.get(), stream.id);
    }
  });
  return lost;
}

Stats Conn::make_stats(std::uint64_t losses_of_streams) const {
  Stats stats;
  stats.bytes_sent = bytes_sent_;
  stats.bytes_received = bytes_received_;
  stats.packets_sent = packets_sent_;
  stats.packets_received = packets_received_;
  const std::uint64_t lost = packets_lost_ + losses_of_streams;
  stats.packets_lost = lost + datagrams_lost_;
  stats.bytes_lost = datagram_bytes_lost_;
  // ngtcp2 1.11 tells how many packets were lost, not which.
  if (data_packets_ > 0) stats.bytes_lost += lost * data_packet_bytes_ / data_packets_;
  if (!alive()) return stats;
  ngtcp2_conn_info info;
  ngtcp2_conn_get_conn_info(conn_.get(), &info);
  if (info.latest_rtt == 0 || info.smoothed_rtt == 0) return stats;
  stats.rtt = Duration(static_cast<std::int64_t>(info.smoothed_rtt));
  stats.send_rate_bps = static_cast<std::uint64_t>(static_cast<double>(info.cwnd) * 8e9 /
                                                   static_cast<double>(info.smoothed_rtt));
  return stats;
}

Stats Conn::stats() const { return make_stats(losses_of_streams()); }

std::shared_ptr<const StatsCell> Conn::stats_cell() {
  if (!stats_cell_) {
    stats_cell_ = std::make_shared<StatsCell>();
    error_ ? stats_cell_->close() : publish_stats(now());
  }
  return stats_cell_;
}

void Conn::publish_stats(TimePoint time) {
  if (time >= look_at_losses_) {
    seen_losses_ = losses_of_streams();
    look_at_losses_ = time + kLossLookInterval;
  }
  stats_cell_->set(make_stats(seen_losses_));
}

}  // namespace moq::transport::quic::internal
