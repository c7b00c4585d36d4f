#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "moq/transport/tls/certificate.h"

/// Whom endpoints trust and what they show, over QUIC and over byte streams.
namespace moq::transport::tls {

/// Who showed a certificate in the handshake.
struct PeerIdentity {
  std::string subject;             ///< Distinguished name, RFC 4514.
  std::vector<std::string> names;  ///< DNS and URI names of the certificate.
  Fingerprint fingerprint{};
};

/// Whether a server asks its clients for a certificate.
enum class ClientAuth : std::uint8_t {
  none,
  request,  ///< A client may show one; a bad one fails the handshake.
  require,
};

struct ServerTlsOptions {
  /// The one whose names fit the client's SNI is shown, else the first. At least one.
  std::vector<Identity> identities;
  ClientAuth client_auth = ClientAuth::none;
  /// PEM files of the authorities that client certificates must come from.
  std::vector<std::string> client_root_files;
  std::string client_roots_pem;  ///< More of them, as PEM text.
  /// Session secrets are appended here in the format of SSLKEYLOGFILE; empty = not.
  std::string key_log_file;
};

/// A server's credentials. Immutable, cheap to copy.
class ServerTls {
 public:
  /// Fails with `bad_config` if there is no identity or a file is unusable.
  static Result<ServerTls> create(ServerTlsOptions options);
  [[nodiscard]] const std::vector<Identity>& identities() const;

  struct State;
  [[nodiscard]] const State& state() const { return *state_; }

 private:
  explicit ServerTls(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

/// How a client checks the server's certificate. `insecure` beats `pins`, `pins` beat the roots.
struct ClientTlsOptions {
  bool system_roots = true;
  std::vector<std::string> root_files;  ///< PEM files of more authorities.
  std::string roots_pem;                ///< More of them, as PEM text.
  /// Accept exactly these leaf certificates, whatever their names, dates and issuers.
  std::vector<Fingerprint> pins;
  bool insecure = false;  ///< Accept everything. Logged as a warning at each dial.
  /// Checked against the certificate, and sent as SNI, in place of the host dialled.
  std::optional<std::string> server_name;
  std::optional<Identity> identity;  ///< Shown if the server asks.
  std::string key_log_file;          ///< As in `ServerTlsOptions`.
};

/// A client's trust and credentials. Immutable, cheap to copy.
class ClientTls {
 public:
  /// Fails with `bad_config` if a file is unusable or no certificate could ever be accepted.
  static Result<ClientTls> create(ClientTlsOptions options);

  struct State;
  [[nodiscard]] const State& state() const { return *state_; }

 private:
  explicit ClientTls(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

}  // namespace moq::transport::tls
