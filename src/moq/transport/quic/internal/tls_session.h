#pragma once

#include <ngtcp2/ngtcp2_crypto.h>

#include <optional>
#include <string>
#include <vector>

#include "moq/transport/quic/connection.h"
#include "moq/transport/quic/tls.h"
#include "moq/transport/tls/internal/peer_check.h"

namespace moq::transport::quic::internal {

using namespace tls::internal;  // NOLINT(google-build-using-namespace): of one piece with it.

/// Names that one ClientHello can offer: a limit of the TLS library.
inline constexpr std::size_t kMaxAlpnOffers = 8;

/// One TLS handshake, driven by ngtcp2's crypto library. Stays where it is: the library keeps its
/// address.
class TlsSession {
 public:
  /// `conn` is read when the library asks for the connection, so it may be set later.
  TlsSession(ServerTls tls, std::vector<std::string> alpn, ngtcp2_conn* const* conn);
  /// `alpn`: at most `kMaxAlpnOffers`.
  TlsSession(ClientTls tls, const std::string& host, const std::vector<std::string>& alpn,
             ngtcp2_conn* const* conn);
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  [[nodiscard]] gnutls_session_t handle() const { return session_.get(); }

  /// The negotiated protocol; "" if none.
  [[nodiscard]] std::string alpn() const;
  /// The name in the client's SNI.
  [[nodiscard]] std::optional<std::string> server_name() const;
  [[nodiscard]] const std::optional<PeerIdentity>& peer_identity() const { return peer_; }

  /// Which check of ours failed; none if it was not ours.
  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }
  /// The alert for it; 0 = the library's choice.
  [[nodiscard]] std::uint8_t alert() const { return alert_; }

 private:
  static TlsSession& self(gnutls_session_t session);
  static int on_verify(gnutls_session_t session);
  static int on_client_hello(gnutls_session_t session, unsigned type, unsigned when,
                             unsigned incoming, const gnutls_datum_t* message);
  static int on_extension(void* context, unsigned id, const unsigned char* data, unsigned size);
  static int on_key_log(gnutls_session_t session, const char* label, const gnutls_datum_t* secret);

  template <typename State>
  void set_up(unsigned flags, const State& state);
  Result<void> choose_alpn(ByteSpan client_list);
  std::unexpected<Error> refuse(std::string why);

  ngtcp2_crypto_conn_ref ref_{};
  std::optional<ServerTls> server_;
  std::optional<ClientTls> client_;
  std::vector<std::string> alpn_;  // The server's list.
  std::string host_;               // What the server's certificate must be for.
  ngtcp2_conn* const* conn_;
  GnutlsSession session_;
  std::optional<PeerIdentity> peer_;
  std::optional<Error> failure_;
  std::uint8_t alert_ = 0;
};

}  // namespace moq::transport::quic::internal
