#include "moq/transport/quic/internal/tls_session.h"

#include <ngtcp2/ngtcp2_crypto_gnutls.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "moq/base/log.h"
#include "moq/base/wire.h"

namespace moq::transport::quic::internal {
namespace {

constexpr unsigned kAlpnExtension = 16;

}  // namespace

TlsSession::TlsSession(ServerTls tls, std::vector<std::string> alpn, ngtcp2_conn* const* conn)
    : server_(std::move(tls)), alpn_(std::move(alpn)), conn_(conn) {
  const ServerTls::State& state = server_->state();
  // No tickets: sessions are never resumed, since 0-RTT is not used.
  set_up(GNUTLS_SERVER | GNUTLS_NO_TICKETS, state);
  MOQ_ASSERT(ngtcp2_crypto_gnutls_configure_server_session(handle()) == 0);
  gnutls_handshake_set_hook_function(handle(), GNUTLS_HANDSHAKE_CLIENT_HELLO, GNUTLS_HOOK_PRE,
                                     on_client_hello);
  request_certificate(handle(), *server_);
}

TlsSession::TlsSession(ClientTls tls, const std::string& host, const std::vector<std::string>& alpn,
                       ngtcp2_conn* const* conn)
    : client_(std::move(tls)), conn_(conn) {
  const ClientTls::State& state = client_->state();
  set_up(GNUTLS_CLIENT, state);
  MOQ_ASSERT(ngtcp2_crypto_gnutls_configure_client_session(handle()) == 0);
  host_ = ask_for(handle(), *client_, host);
  MOQ_ASSERT(alpn.size() <= kMaxAlpnOffers);
  std::vector<gnutls_datum_t> offers;
  for (const std::string& name : alpn) offers.push_back(borrow(name));
  // Names of 1 to 32 bytes, as `dial` has checked.
  MOQ_ASSERT(gnutls_alpn_set_protocols(handle(), offers.data(),
                                       static_cast<unsigned>(offers.size()),
                                       GNUTLS_ALPN_MANDATORY) == 0);
}

template <typename State>
void TlsSession::set_up(unsigned flags, const State& state) {
  gnutls_session_t raw = nullptr;
  MOQ_ASSERT(gnutls_init(&raw, flags) == 0);
  session_.reset(raw);
  MOQ_ASSERT(gnutls_priority_set(raw, state.quic_priorities.get()) == 0);
  MOQ_ASSERT(gnutls_credentials_set(raw, GNUTLS_CRD_CERTIFICATE, state.credentials.get()) == 0);
  ref_.user_data = this;
  ref_.get_conn = [](ngtcp2_crypto_conn_ref* ref) {
    return *static_cast<TlsSession*>(ref->user_data)->conn_;
  };
  gnutls_session_set_ptr(raw, &ref_);
  gnutls_session_set_verify_function(raw, on_verify);
  if (state.key_log != nullptr) gnutls_session_set_keylog_function(raw, on_key_log);
}

TlsSession& TlsSession::self(gnutls_session_t session) {
  auto* ref = static_cast<ngtcp2_crypto_conn_ref*>(gnutls_session_get_ptr(session));
  return *static_cast<TlsSession*>(ref->user_data);
}

int TlsSession::on_key_log(gnutls_session_t session, const char* label,
                           const gnutls_datum_t* secret) {
  TlsSession& tls = self(session);
  gnutls_datum_t random{};
  gnutls_session_get_random(session, &random, nullptr);
  KeyLog* log =
      tls.server_ ? tls.server_->state().key_log.get() : tls.client_->state().key_log.get();
  log->write(label, {random.data, random.size}, {secret->data, secret->size});
  return 0;
}

// The library's own server-side ALPN knows only eight names, so the choice is made here, from the
// whole ClientHello before the library reads it; the library then sees the one chosen name.
int TlsSession::on_client_hello(gnutls_session_t session, unsigned, unsigned, unsigned incoming,
                                const gnutls_datum_t* message) {
  if (incoming == 0) return 0;
  TlsSession& tls = self(session);
  const int error =
      gnutls_ext_raw_parse(&tls, on_extension, message, GNUTLS_EXT_RAW_FLAG_TLS_CLIENT_HELLO);
  if (error < 0) return error;
  if (tls.failure_ || tls.alpn_.empty()) {
    if (!tls.failure_) {
      auto none = tls.refuse("the client offers no ALPN");
      static_cast<void>(none);
    }
    return GNUTLS_E_NO_APPLICATION_PROTOCOL;
  }
  return 0;
}

int TlsSession::on_extension(void* context, unsigned id, const unsigned char* data, unsigned size) {
  auto& tls = *static_cast<TlsSession*>(context);
  if (id == kAlpnExtension && !tls.choose_alpn({data, size})) {
    return 0;  // Told by `failure_`; an error here would be reported as a decoding error.
  }
  return 0;
}

Result<void> TlsSession::choose_alpn(ByteSpan client_list) {
  // RFC 7301 §3.1: a two-byte length, then names with one byte of length each.
  Reader in(client_list);
  std::vector<std::string_view> offered;
  in.u16();
  while (in.ok() && in.remaining() > 0) offered.push_back(as_text(in.bytes(in.u8())));
  for (const std::string& ours : alpn_) {
    if (std::ranges::find(offered, ours) == offered.end()) continue;
    const gnutls_datum_t chosen = borrow(ours);
    MOQ_ASSERT(gnutls_alpn_set_protocols(handle(), &chosen, 1, GNUTLS_ALPN_MANDATORY) == 0);
    return {};
  }
  return refuse("no protocol (ALPN) in common");
}

std::unexpected<Error> TlsSession::refuse(std::string why) {
  alert_ = kNoApplicationProtocol;
  failure_ = Error(Code::version, std::move(why));
  return std::unexpected(*failure_);
}

int TlsSession::on_verify(gnutls_session_t session) {
  TlsSession& tls = self(session);
  auto checked = tls.client_ ? check_server(session, *tls.client_, tls.host_)
                             : check_client(session, *tls.server_);
  if (!checked) {
    tls.failure_ = checked.error().error;
    tls.alert_ = checked.error().alert;
    return GNUTLS_E_CERTIFICATE_ERROR;
  }
  tls.peer_ = *std::move(checked);
  return 0;
}

std::string TlsSession::alpn() const {
  gnutls_datum_t chosen{};
  if (gnutls_alpn_get_selected_protocol(handle(), &chosen) != 0) return {};
  return std::string(as_text({chosen.data, chosen.size}));
}

std::optional<std::string> TlsSession::server_name() const {
  if (!server_) return host_.empty() ? std::nullopt : std::optional(host_);
  std::array<char, 256> name{};
  std::size_t size = name.size();
  unsigned type = 0;
  if (gnutls_server_name_get(handle(), name.data(), &size, &type, 0) != 0) return std::nullopt;
  // The library counts the terminating zero in some versions.
  return std::string(name.data(), strnlen(name.data(), size));
}

}  // namespace moq::transport::quic::internal
