#include "moq/transport/tls/stream.h"

#include <array>
#include <cerrno>
#include <cstring>

#include "moq/transport/tls/internal/peer_check.h"

namespace moq::transport::tls {

using kio::kPending;
using kio::Poll;
using kio::Waiter;

namespace {

/// The most that one record carries, RFC 8446 §5.1.
constexpr std::size_t kRecordBytes = 16 << 10;
/// What is taken at once of the stream below: a record and what belongs to it.
constexpr std::size_t kReadBytes = 17 << 10;

}  // namespace

/// Stays where it is: the library keeps its address.
struct Stream::State {
  State(std::unique_ptr<ByteStream> stream, ClientTls tls, const std::string& name)
      : below(std::move(stream)), client(std::move(tls)) {
    set_up(GNUTLS_CLIENT, client->state().credentials.get(), client->state().key_log != nullptr);
    host = internal::ask_for(session.get(), *client, name);
  }
  State(std::unique_ptr<ByteStream> stream, ServerTls tls)
      : below(std::move(stream)), server(std::move(tls)) {
    // No tickets: a session that lives for hours gains nothing by being resumed.
    set_up(GNUTLS_SERVER | GNUTLS_NO_TICKETS, server->state().credentials.get(),
           server->state().key_log != nullptr);
    internal::request_certificate(session.get(), *server);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void set_up(unsigned role, gnutls_certificate_credentials_t credentials, bool log_keys);
  void offer(const std::vector<std::string>& alpn, unsigned flags);
  Poll<Result<void>> poll_handshake(const Waiter& waiter);
  Poll<Result<void>> poll_flush(const Waiter& waiter);
  /// What a failing call of the library means, once the peer has been told.
  Error failure(int error);

  static State& self(gnutls_session_t session) {
    return *static_cast<State*>(gnutls_session_get_ptr(session));
  }
  static ssize_t pull(gnutls_transport_ptr_t context, void* data, std::size_t size);
  static ssize_t push(gnutls_transport_ptr_t context, const void* data, std::size_t size);
  static int on_verify(gnutls_session_t session);
  static int on_key_log(gnutls_session_t session, const char* label, const gnutls_datum_t* secret);

  std::unique_ptr<ByteStream> below;
  std::optional<ClientTls> client;
  std::optional<ServerTls> server;
  std::string host;  // What the server's certificate must be for.
  internal::GnutlsSession session;
  std::optional<PeerIdentity> peer;
  std::optional<Error> refused;  // Which check of ours failed.
  std::optional<Error> broken;   // The stream below.
  std::optional<Error> failed;   // TLS itself; for good.
  const Waiter* waiter = nullptr;
  bool blocked = false;  // The last call of the library waits for bytes from below.
  bool ended = false;
  Bytes in;                // From below, for the library.
  std::vector<Bytes> out;  // From the library, for below.
};

void Stream::State::set_up(unsigned role, gnutls_certificate_credentials_t credentials,
                           bool log_keys) {
  gnutls_session_t raw = nullptr;
  MOQ_ASSERT(gnutls_init(&raw, role | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) == 0);
  session.reset(raw);
  MOQ_ASSERT(gnutls_priority_set_direct(raw, internal::stream_priorities(), nullptr) == 0);
  MOQ_ASSERT(gnutls_credentials_set(raw, GNUTLS_CRD_CERTIFICATE, credentials) == 0);
  gnutls_session_set_ptr(raw, this);
  gnutls_transport_set_ptr(raw, this);
  gnutls_transport_set_pull_function(raw, pull);
  gnutls_transport_set_push_function(raw, push);
  gnutls_session_set_verify_function(raw, on_verify);
  if (log_keys) gnutls_session_set_keylog_function(raw, on_key_log);
}

void Stream::State::offer(const std::vector<std::string>& alpn, unsigned flags) {
  if (alpn.empty()) return;
  std::vector<gnutls_datum_t> names;
  for (const std::string& name : alpn) names.push_back(internal::borrow(name));
  MOQ_ASSERT(gnutls_alpn_set_protocols(session.get(), names.data(),
                                       static_cast<unsigned>(names.size()), flags) == 0);
}

ssize_t Stream::State::pull(gnutls_transport_ptr_t context, void* data, std::size_t size) {
  State& state = *static_cast<State*>(context);
  if (state.in.empty() && !state.broken) {
    auto bytes = state.below->poll_read(*state.waiter, kReadBytes);
    if (!bytes) {
      state.blocked = true;
      gnutls_transport_set_errno(state.session.get(), EAGAIN);
      return -1;
    }
    if (*bytes) {
      state.in = **std::move(bytes);
      if (state.in.empty()) return 0;
    } else {
      state.broken = bytes->error();
    }
  }
  if (state.broken) {
    gnutls_transport_set_errno(state.session.get(), EIO);
    return -1;
  }
  const Bytes piece = state.in.take_front(size);
  std::memcpy(data, piece.data(), piece.size());
  return static_cast<ssize_t>(piece.size());
}

ssize_t Stream::State::push(gnutls_transport_ptr_t context, const void* data, std::size_t size) {
  State& state = *static_cast<State*>(context);
  state.out.push_back(Bytes::copy(ByteSpan(static_cast<const std::uint8_t*>(data), size)));
  return static_cast<ssize_t>(size);
}

int Stream::State::on_verify(gnutls_session_t session) {
  State& state = self(session);
  auto checked = state.client ? internal::check_server(session, *state.client, state.host)
                              : internal::check_client(session, *state.server);
  if (checked) {
    state.peer = *std::move(checked);
    return 0;
  }
  state.refused = checked.error().error;
  gnutls_alert_send(session, GNUTLS_AL_FATAL,
                    static_cast<gnutls_alert_description_t>(checked.error().alert));
  return GNUTLS_E_CERTIFICATE_ERROR;
}

int Stream::State::on_key_log(gnutls_session_t session, const char* label,
                              const gnutls_datum_t* secret) {
  State& state = self(session);
  gnutls_datum_t random{};
  gnutls_session_get_random(session, &random, nullptr);
  internal::KeyLog* log =
      state.server ? state.server->state().key_log.get() : state.client->state().key_log.get();
  log->write(label, {random.data, random.size}, {secret->data, secret->size});
  return 0;
}

Poll<Result<void>> Stream::State::poll_flush(const Waiter& wake) {
  std::size_t sent = 0;
  Poll<Result<void>> result = Result<void>();
  for (; sent < out.size(); ++sent) {
    result = below->poll_write(wake, out[sent]);
    if (!result || !*result) break;
  }
  out.erase(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(sent));
  return result;
}

Error Stream::State::failure(int error) {
  if (refused) return *refused;
  if (broken) return *broken;
  if (error == GNUTLS_E_FATAL_ALERT_RECEIVED) {
    return internal::alert_error(static_cast<std::uint8_t>(gnutls_alert_get(session.get())),
                                 "the peer refuses");
  }
  gnutls_alert_send_appropriate(session.get(), error);
  if (error == GNUTLS_E_PREMATURE_TERMINATION) {
    return Error(Code::tls, "the peer ended the connection in the handshake");
  }
  if (error == GNUTLS_E_NO_APPLICATION_PROTOCOL) {
    return internal::alert_error(internal::kNoApplicationProtocol, "TLS handshake failed");
  }
  std::string words = gnutls_strerror(error);
  if (words.ends_with('.')) words.pop_back();
  return Error(Code::tls, words);
}

Poll<Result<void>> Stream::State::poll_handshake(const Waiter& wake) {
  waiter = &wake;
  for (;;) {
    blocked = false;
    const int error = failed ? 0 : gnutls_handshake(session.get());
    if (error < 0 && gnutls_error_is_fatal(error) != 0) failed = failure(error);
    const auto flushed = poll_flush(wake);
    if (failed) return Result<void>(std::unexpected(*failed));  // Told as far as could be.
    if (flushed && !*flushed) return flushed;
    if (error == 0) return flushed;
    if (blocked) return kPending;
  }
}

Stream::Stream(std::unique_ptr<State> state) : state_(std::move(state)) {}
Stream::~Stream() = default;

kio::Task<Result<std::unique_ptr<Stream>>> Stream::shake_hands(std::unique_ptr<State> state) {
  auto done =
      co_await kio::wait([&state](const Waiter& waiter) { return state->poll_handshake(waiter); });
  if (!done) co_return std::unexpected(done.error());
  co_return std::unique_ptr<Stream>(new Stream(std::move(state)));
}

kio::Task<Result<std::unique_ptr<Stream>>> Stream::connect(std::unique_ptr<ByteStream> below,
                                                           ClientTls tls, std::string host,
                                                           std::vector<std::string> alpn) {
  auto state = std::make_unique<State>(std::move(below), std::move(tls), host);
  state->offer(alpn, 0);
  co_return co_await shake_hands(std::move(state));
}

kio::Task<Result<std::unique_ptr<Stream>>> Stream::accept(std::unique_ptr<ByteStream> below,
                                                          ServerTls tls,
                                                          std::vector<std::string> alpn) {
  auto state = std::make_unique<State>(std::move(below), std::move(tls));
  state->offer(alpn, GNUTLS_ALPN_SERVER_PRECEDENCE);
  co_return co_await shake_hands(std::move(state));
}

Poll<Result<Bytes>> Stream::poll_read(const Waiter& waiter, std::size_t max) {
  MOQ_ASSERT(max > 0);
  State& state = *state_;
  state.waiter = &waiter;
  std::array<std::uint8_t, kRecordBytes> buffer;
  for (;;) {
    if (state.failed) return Result<Bytes>(std::unexpected(*state.failed));
    if (state.ended) return Result<Bytes>();
    state.blocked = false;
    const ssize_t got =
        gnutls_record_recv(state.session.get(), buffer.data(), std::min(max, buffer.size()));
    // Some of the peer's messages are answered.
    const auto flushed = state.poll_flush(waiter);
    if (got > 0) {
      return Result<Bytes>(Bytes::copy(ByteSpan(buffer).first(static_cast<std::size_t>(got))));
    }
    if (flushed && !*flushed) {
      state.failed = flushed->error();
    } else if (got == 0 || got == GNUTLS_E_PREMATURE_TERMINATION) {
      state.ended = true;
    } else if (gnutls_error_is_fatal(static_cast<int>(got)) != 0) {
      state.failed = state.failure(static_cast<int>(got));
      static_cast<void>(state.poll_flush(waiter));
    } else if (state.blocked) {
      return kPending;
    }
  }
}

Poll<Result<void>> Stream::poll_write(const Waiter& waiter, Bytes& data) {
  State& state = *state_;
  state.waiter = &waiter;
  for (;;) {
    if (state.failed) return Result<void>(std::unexpected(*state.failed));
    auto flushed = state.poll_flush(waiter);
    if (!flushed) return kPending;
    if (!*flushed) {
      state.failed = flushed->error();
    } else if (data.empty()) {
      return flushed;
    } else {
      const ssize_t taken =
          gnutls_record_send(state.session.get(), data.data(), std::min(data.size(), kRecordBytes));
      if (taken >= 0) {
        data.take_front(static_cast<std::size_t>(taken));
      } else if (gnutls_error_is_fatal(static_cast<int>(taken)) != 0) {
        state.failed = state.failure(static_cast<int>(taken));
      }
    }
  }
}

void Stream::finish() {
  State& state = *state_;
  if (!state.failed) gnutls_bye(state.session.get(), GNUTLS_SHUT_WR);
  const auto flushed = state.poll_flush(Waiter::none());
  if (flushed) state.below->finish();
}

std::string Stream::peer() const { return state_->below->peer(); }

std::string Stream::alpn() const {
  gnutls_datum_t chosen{};
  if (gnutls_alpn_get_selected_protocol(state_->session.get(), &chosen) != 0) return {};
  return std::string(as_text({chosen.data, chosen.size}));
}

const std::optional<PeerIdentity>& Stream::peer_identity() const { return state_->peer; }

std::string_view Stream::version() const {
  const char* name = gnutls_protocol_get_name(gnutls_protocol_get_version(state_->session.get()));
  return name == nullptr ? "" : name;
}

}  // namespace moq::transport::tls
