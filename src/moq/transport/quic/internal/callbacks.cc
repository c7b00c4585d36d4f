#include "moq/transport/quic/internal/callbacks.h"

#include <gnutls/gnutls.h>

#include <array>

#include "moq/transport/quic/internal/endpoint.h"
#include "moq/transport/quic/internal/frame_scan.h"
#include "moq/transport/quic/internal/spare_key.h"

namespace moq::transport::quic::internal {
namespace {

thread_local Conn* current_conn = nullptr;

}  // namespace

CurrentConn::CurrentConn(Conn& conn) { current_conn = &conn; }
CurrentConn::~CurrentConn() { current_conn = nullptr; }

int Callbacks::decrypt(std::uint8_t* out, const ngtcp2_crypto_aead* aead,
                       const ngtcp2_crypto_aead_ctx* context, const std::uint8_t* in,
                       std::size_t size, const std::uint8_t* nonce, std::size_t nonce_size,
                       const std::uint8_t* additional, std::size_t additional_size) {
  const ngtcp2_crypto_aead_ctx* key = SpareKey::ready(*context, *aead, SpareKey::Use::open);
  if (key == nullptr) return NGTCP2_ERR_CALLBACK_FAILURE;
  const int error = ngtcp2_crypto_decrypt_cb(out, aead, key, in, size, nonce, nonce_size,
                                             additional, additional_size);
  if (error != 0 || current_conn == nullptr) return error;
  Conn& conn = *current_conn;
  conn.authentic_ = true;
  if (!conn.handshake_completed_) return 0;
  FrameScanner scanner({out, size - aead->max_overhead});
  FrameScanner::Frame frame;
  while (scanner.next(frame)) {
    const Conn::Signal signal{static_cast<std::int64_t>(frame.stream_id), frame.code};
    if (!frame.reset) {
      conn.stops_.push_back(signal);
    } else if (conn.is_new_peer_uni(signal.id) && open_before_reset(frame)) {
      conn.resets_.push_back(signal);
    }
  }
  conn.only_acks_ = scanner.only_acks();
  conn.pinged_ = scanner.pinged();
  return 0;
}

int Callbacks::encrypt(std::uint8_t* out, const ngtcp2_crypto_aead* aead,
                       const ngtcp2_crypto_aead_ctx* context, const std::uint8_t* in,
                       std::size_t size, const std::uint8_t* nonce, std::size_t nonce_size,
                       const std::uint8_t* additional, std::size_t additional_size) {
  const ngtcp2_crypto_aead_ctx* key = SpareKey::ready(*context, *aead, SpareKey::Use::seal);
  if (key == nullptr) return NGTCP2_ERR_CALLBACK_FAILURE;
  return ngtcp2_crypto_encrypt_cb(out, aead, key, in, size, nonce, nonce_size, additional,
                                  additional_size);
}

int Callbacks::update_key(ngtcp2_conn* raw, std::uint8_t* rx_secret, std::uint8_t* tx_secret,
                          ngtcp2_crypto_aead_ctx* rx_context, std::uint8_t* rx_iv,
                          ngtcp2_crypto_aead_ctx* tx_context, std::uint8_t* tx_iv,
                          const std::uint8_t* rx_before, const std::uint8_t* tx_before,
                          std::size_t secret_size, void*) {
  std::array<std::uint8_t, SpareKey::kMaxBytes> rx_key;
  std::array<std::uint8_t, SpareKey::kMaxBytes> tx_key;
  if (ngtcp2_crypto_update_key(raw, rx_secret, tx_secret, rx_context, rx_key.data(), rx_iv,
                               tx_context, tx_key.data(), tx_iv, rx_before, tx_before,
                               secret_size) != 0) {
    return NGTCP2_ERR_CALLBACK_FAILURE;
  }
  const std::size_t size = ngtcp2_crypto_aead_keylen(&ngtcp2_conn_get_crypto_ctx(raw)->aead);
  SpareKey::put_away(*rx_context, rx_key.data(), size);
  SpareKey::put_away(*tx_context, tx_key.data(), size);
  gnutls_memset(rx_key.data(), 0, rx_key.size());
  gnutls_memset(tx_key.data(), 0, tx_key.size());
  return 0;
}

int Callbacks::server_crypto_data(ngtcp2_conn* raw, ngtcp2_encryption_level level,
                                  std::uint64_t offset, const std::uint8_t* data, std::size_t size,
                                  void* user) {
  if (static_cast<Conn*>(user)->tls_ == nullptr) {
    // No client has anything to say after the handshake: there are no tickets to ask for, and
    // KeyUpdate is QUIC's own.
    ngtcp2_conn_set_tls_alert(raw, GNUTLS_A_UNEXPECTED_MESSAGE);
    return NGTCP2_ERR_CRYPTO;
  }
  return ngtcp2_crypto_recv_crypto_data_cb(raw, level, offset, data, size, user);
}

void Callbacks::qlog(void* user, std::uint32_t, const void* data, std::size_t size) {
  std::FILE* file = static_cast<Conn*>(user)->qlog_;
  if (file != nullptr) std::fwrite(data, 1, size, file);
}

ngtcp2_callbacks Callbacks::common() {
  ngtcp2_callbacks calls{};
  calls.recv_crypto_data = ngtcp2_crypto_recv_crypto_data_cb;
  calls.encrypt = encrypt;
  calls.decrypt = decrypt;
  calls.hp_mask = ngtcp2_crypto_hp_mask_cb;
  calls.update_key = update_key;
  calls.delete_crypto_aead_ctx = [](ngtcp2_conn*, ngtcp2_crypto_aead_ctx* context, void*) {
    SpareKey::free(*context);
  };
  calls.delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb;
  calls.version_negotiation = ngtcp2_crypto_version_negotiation_cb;

  calls.rand = [](std::uint8_t* out, std::size_t size, const ngtcp2_rand_ctx* context) {
    fill_random(*static_cast<Random*>(context->native_handle), out, size);
  };
  calls.get_path_challenge_data = [](ngtcp2_conn*, std::uint8_t* data, void* user) {
    fill_random(static_cast<Conn*>(user)->endpoint_->random(), data, NGTCP2_PATH_CHALLENGE_DATALEN);
    return 0;
  };
  calls.get_new_connection_id = [](ngtcp2_conn*, ngtcp2_cid* id, std::uint8_t* token,
                                   std::size_t size, void* user) {
    Conn& conn = *static_cast<Conn*>(user);
    id->datalen = size;
    fill_random(conn.endpoint_->random(), id->data, size);
    conn.endpoint_->mark_id(id->data);
    conn.endpoint_->reset_token(token, *id);
    conn.ids_.push_back(to_connection_id(id->data));
    conn.endpoint_->add_id(conn, conn.ids_.back());
    return 0;
  };
  calls.remove_connection_id = [](ngtcp2_conn*, const ngtcp2_cid* id, void* user) {
    Conn& conn = *static_cast<Conn*>(user);
    if (id->datalen != kConnectionIdBytes) return 0;
    const ConnectionId gone = to_connection_id(id->data);
    std::erase(conn.ids_, gone);
    conn.endpoint_->remove_id(gone);
    return 0;
  };
  calls.handshake_completed = [](ngtcp2_conn*, void* user) {
    static_cast<Conn*>(user)->handshake_completed_ = true;
    return 0;
  };
  calls.recv_stateless_reset = [](ngtcp2_conn*, const ngtcp2_pkt_stateless_reset*, void* user) {
    static_cast<Conn*>(user)->stateless_reset_ = true;
    return 0;
  };

  calls.stream_open = [](ngtcp2_conn* raw, std::int64_t id, void* user) {
    Stream* stream = static_cast<Conn*>(user)->add_peer_stream(id);
    return ngtcp2_conn_set_stream_user_data(raw, id, stream) == 0 ? 0 : NGTCP2_ERR_CALLBACK_FAILURE;
  };
  calls.stream_close = [](ngtcp2_conn* raw, std::uint32_t, std::int64_t id, std::uint64_t,
                          void* user, void* stream) {
    if (stream != nullptr) {
      static_cast<Conn*>(user)->on_stream_closed(*static_cast<Stream*>(stream),
                                                 ngtcp2_conn_get_stream_loss_count(raw, id));
    }
    return 0;
  };
  calls.recv_stream_data = [](ngtcp2_conn*, std::uint32_t flags, std::int64_t, std::uint64_t,
                              const std::uint8_t* data, std::size_t size, void* user,
                              void* stream) {
    static_cast<Conn*>(user)->on_data(*static_cast<Stream*>(stream), {data, size},
                                      (flags & NGTCP2_STREAM_DATA_FLAG_FIN) != 0);
    return 0;
  };
  calls.stream_reset = [](ngtcp2_conn*, std::int64_t, std::uint64_t, std::uint64_t code, void* user,
                          void* stream) {
    static_cast<Conn*>(user)->on_reset(*static_cast<Stream*>(stream), code);
    return 0;
  };
  calls.acked_stream_data_offset = [](ngtcp2_conn*, std::int64_t, std::uint64_t offset,
                                      std::uint64_t size, void* user, void* stream) {
    static_cast<Conn*>(user)->on_acked(*static_cast<Stream*>(stream), offset + size, size == 0);
    return 0;
  };
  calls.extend_max_stream_data = [](ngtcp2_conn*, std::int64_t, std::uint64_t, void* user,
                                    void* stream) {
    if (stream != nullptr) static_cast<Conn*>(user)->on_window(*static_cast<Stream*>(stream));
    return 0;
  };
  calls.extend_max_local_streams_uni = [](ngtcp2_conn*, std::uint64_t, void* user) {
    static_cast<Conn*>(user)->on_credit_[0].wake();
    return 0;
  };
  calls.extend_max_local_streams_bidi = [](ngtcp2_conn*, std::uint64_t, void* user) {
    static_cast<Conn*>(user)->on_credit_[1].wake();
    return 0;
  };
  calls.lost_datagram = [](ngtcp2_conn*, std::uint64_t size, void* user) {
    // Its number is its size, see `Conn::offer_datagram`.
    ++static_cast<Conn*>(user)->datagrams_lost_;
    static_cast<Conn*>(user)->datagram_bytes_lost_ += size;
    return 0;
  };
  calls.recv_datagram = [](ngtcp2_conn*, std::uint32_t, const std::uint8_t* data, std::size_t size,
                           void* user) {
    static_cast<Conn*>(user)->on_datagram({data, size});
    return 0;
  };
  return calls;
}

const ngtcp2_callbacks* Callbacks::client() {
  static const ngtcp2_callbacks kCalls = [] {
    ngtcp2_callbacks calls = common();
    calls.client_initial = ngtcp2_crypto_client_initial_cb;
    calls.recv_retry = ngtcp2_crypto_recv_retry_cb;
    calls.handshake_confirmed = [](ngtcp2_conn*, void* user) {
      static_cast<Conn*>(user)->handshake_confirmed_ = true;
      return 0;
    };
    calls.path_validation = [](ngtcp2_conn*, std::uint32_t, const ngtcp2_path* path,
                               const ngtcp2_path*, ngtcp2_path_validation_result result,
                               void* user) {
      if (result == NGTCP2_PATH_VALIDATION_RESULT_SUCCESS) {
        static_cast<Conn*>(user)->on_path_valid(from_sockaddr(path->local));
      }
      return 0;
    };
    return calls;
  }();
  return &kCalls;
}

const ngtcp2_callbacks* Callbacks::server() {
  static const ngtcp2_callbacks kCalls = [] {
    ngtcp2_callbacks calls = common();
    calls.recv_client_initial = ngtcp2_crypto_recv_client_initial_cb;
    calls.recv_crypto_data = server_crypto_data;
    calls.path_validation = [](ngtcp2_conn*, std::uint32_t, const ngtcp2_path*,
                               const ngtcp2_path* fallback, ngtcp2_path_validation_result result,
                               void* user) {
      static_cast<Conn*>(user)->on_peer_path_validated(
          result == NGTCP2_PATH_VALIDATION_RESULT_SUCCESS, fallback);
      return 0;
    };
    return calls;
  }();
  return &kCalls;
}

}  // namespace moq::transport::quic::internal
