#pragma once

#include <map>
#include <string>
#include <vector>

#include "moq/transport/quic/internal/ngtcp2.h"
#include "moq/transport/quic/internal/tls_session.h"
#include "moq/transport/quic/test_bed_test.h"

namespace moq::transport::quic::test {

/// A client that knows QUIC but none of our conventions: it sends the codes it is told to, and
/// shows those it gets. For tests alone.
class RawClient {
 public:
  explicit RawClient(Bed& bed)
      : bed_(bed),
        socket_(*bed.near.connect(bed.far.address(kPort))),
        tls_(client_tls(), kName, {kAlpn}, &conn_) {
    ngtcp2_settings settings;
    ngtcp2_settings_default(&settings);
    settings.initial_ts = internal::to_timestamp(bed_.world.now());
    settings.rand_ctx.native_handle = static_cast<Random*>(&bed_.world);
    ngtcp2_transport_params params;
    ngtcp2_transport_params_default(&params);
    params.initial_max_streams_bidi = params.initial_max_streams_uni = 100;
    params.initial_max_data = params.initial_max_stream_data_bidi_local = 1 << 20;
    params.initial_max_stream_data_bidi_remote = params.initial_max_stream_data_uni = 1 << 20;
    const ngtcp2_callbacks calls = callbacks();
    internal::Path path(socket_->local_address(), bed_.far.address(kPort));
    const ngtcp2_cid theirs = random_id();
    const ngtcp2_cid ours = random_id();
    ngtcp2_conn* conn = nullptr;
    EXPECT_EQ(ngtcp2_conn_client_new(&conn, &theirs, &ours, path.get(), NGTCP2_PROTO_VER_V1, &calls,
                                     &settings, &params, nullptr, this),
              0);
    owned_.reset(conn);
    conn_ = conn;
    ngtcp2_conn_set_tls_native_handle(conn, tls_.handle());
  }

  [[nodiscard]] ngtcp2_conn* conn() const { return conn_; }
  /// Lets `time` pass, sending and receiving.
  void run(Duration time) {
    const TimePoint end = bed_.world.now() + time;
    do {
      write();
      bed_.world.run_for(1ms);
      read();
    } while (bed_.world.now() < end);
    write();
  }
  std::int64_t open_uni() {
    std::int64_t id = -1;
    EXPECT_EQ(ngtcp2_conn_open_uni_stream(conn_, &id, nullptr), 0);
    return id;
  }
  void send(std::int64_t id, std::string_view text) {
    std::vector<std::uint8_t> packet(1452);
    internal::Path path;
    ngtcp2_ssize taken = 0;
    const ngtcp2_ssize size =
        ngtcp2_conn_write_stream(conn_, path.get(), nullptr, packet.data(), packet.size(), &taken,
                                 0, id, as_bytes(text).data(), text.size(), now());
    ASSERT_GT(size, 0);
    send_packet({packet.data(), static_cast<std::size_t>(size)});
  }
  void reset(std::int64_t id, std::uint64_t code) {
    ngtcp2_conn_shutdown_stream_write(conn_, 0, id, code);
  }
  void stop(std::int64_t id, std::uint64_t code) {
    ngtcp2_conn_shutdown_stream_read(conn_, 0, id, code);
  }

  std::map<std::int64_t, std::uint64_t> resets;  ///< Codes of RESET_STREAM, as on the wire.
  std::map<std::int64_t, std::uint64_t> closes;  ///< First code of each closed stream of ours.
  std::vector<std::int64_t> opened;              ///< By the server.
  int error = 0;                                 ///< What ngtcp2 said last of a packet.

 private:
  static RawClient& self(void* user) { return *static_cast<RawClient*>(user); }
  static ngtcp2_callbacks callbacks() {
    ngtcp2_callbacks calls{};
    calls.client_initial = ngtcp2_crypto_client_initial_cb;
    calls.recv_crypto_data = ngtcp2_crypto_recv_crypto_data_cb;
    calls.encrypt = ngtcp2_crypto_encrypt_cb;
    calls.decrypt = ngtcp2_crypto_decrypt_cb;
    calls.hp_mask = ngtcp2_crypto_hp_mask_cb;
    calls.recv_retry = ngtcp2_crypto_recv_retry_cb;
    calls.update_key = ngtcp2_crypto_update_key_cb;
    calls.delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb;
    calls.delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb;
    calls.version_negotiation = ngtcp2_crypto_version_negotiation_cb;
    calls.get_path_challenge_data = ngtcp2_crypto_get_path_challenge_data_cb;
    calls.rand = [](std::uint8_t* out, std::size_t size, const ngtcp2_rand_ctx* context) {
      internal::fill_random(*static_cast<Random*>(context->native_handle), out, size);
    };
    calls.get_new_connection_id = [](ngtcp2_conn*, ngtcp2_cid* id, std::uint8_t* token,
                                     std::size_t size, void* user) {
      id->datalen = size;
      internal::fill_random(self(user).bed_.world, id->data, size);
      internal::fill_random(self(user).bed_.world, token, NGTCP2_STATELESS_RESET_TOKENLEN);
      return 0;
    };
    calls.stream_reset = [](ngtcp2_conn*, std::int64_t id, std::uint64_t, std::uint64_t code,
                            void* user, void*) {
      self(user).resets[id] = code;
      return 0;
    };
    calls.stream_close = [](ngtcp2_conn*, std::uint32_t, std::int64_t id, std::uint64_t code,
                            void* user, void*) {
      self(user).closes[id] = code;
      return 0;
    };
    calls.stream_open = [](ngtcp2_conn*, std::int64_t id, void* user) {
      self(user).opened.push_back(id);
      return 0;
    };
    return calls;
  }

  ngtcp2_cid random_id() {
    ngtcp2_cid id;
    id.datalen = 16;
    internal::fill_random(bed_.world, id.data, id.datalen);
    return id;
  }
  [[nodiscard]] ngtcp2_tstamp now() const { return internal::to_timestamp(bed_.world.now()); }
  void send_packet(ByteSpan packet) {
    const SendBatch batch{.to = bed_.far.address(kPort),
                          .from = socket_->local_address(),
                          .data = packet,
                          .segment_size = packet.size(),
                          .ecn = 0};
    socket_->send({&batch, 1});
  }
  void write() {
    if (error != 0) return;
    if (ngtcp2_conn_get_expiry(conn_) <= now()) ngtcp2_conn_handle_expiry(conn_, now());
    std::vector<std::uint8_t> packet(1452);
    for (;;) {
      internal::Path path;
      const ngtcp2_ssize size =
          ngtcp2_conn_write_pkt(conn_, path.get(), nullptr, packet.data(), packet.size(), now());
      if (size <= 0) break;
      send_packet({packet.data(), static_cast<std::size_t>(size)});
    }
    ngtcp2_conn_update_pkt_tx_time(conn_, now());
  }
  void read() {
    while (auto batches = socket_->poll_receive(kio::Waiter::none())) {
      if (!*batches) continue;
      for (const ReceivedBatch& batch : **batches) {
        ByteSpan rest = batch.data;
        while (!rest.empty() && error == 0) {
          const std::size_t size = std::min(rest.size(), batch.segment_size);
          internal::Path path(socket_->local_address(), batch.from);
          error = ngtcp2_conn_read_pkt(conn_, path.get(), nullptr, rest.data(), size, now());
          rest = rest.subspan(size);
        }
      }
    }
  }

  Bed& bed_;
  std::unique_ptr<DatagramSocket> socket_;
  ngtcp2_conn* conn_ = nullptr;
  internal::TlsSession tls_;
  internal::ConnPtr owned_;
};

}  // namespace moq::transport::quic::test
