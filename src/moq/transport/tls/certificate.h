#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "moq/base/result.h"

namespace moq::transport::tls {

/// SHA-256 of a DER certificate: what browsers and `--tls-fingerprint` pin.
using Fingerprint = std::array<std::uint8_t, 32>;
/// Lower-case hex, 64 digits: the body of `/certificate.sha256`.
std::string to_hex(const Fingerprint& fingerprint);
/// Hex of either case; white space around it and colons between bytes are ignored.
Result<Fingerprint> parse_fingerprint(std::string_view hex);

/// The secret behind stateless reset tokens (RFC 9000 §10.3). A server that restarts with the same
/// key ends the sessions of its former life within one round trip.
using ResetKey = std::array<std::uint8_t, 32>;

using WallTime = std::chrono::system_clock::time_point;

/// Browsers accept a certificate by its hash only up to this validity (W3C WebTransport).
inline constexpr std::chrono::hours kMaxGeneratedValidity{14 * 24};

/// What `Identity::generate` makes: ECDSA P-256, self-signed.
struct GenerateOptions {
  /// Host names and IP addresses; the first is the common name too. At least one.
  std::vector<std::string> names;
  std::chrono::hours validity = kMaxGeneratedValidity;
  WallTime now = std::chrono::system_clock::now();  ///< Valid from an hour before this.
  /// Adds clientAuth to the key's uses, for a client certificate.
  bool client = false;
};

/// A certificate chain with its private key. Immutable, cheap to copy, safe to share.
class Identity {
 public:
  /// Reads a PEM chain (leaf first) and its PEM key. Fails with `bad_config` if a file cannot be
  /// read or parsed, or if the key is not the leaf's.
  static Result<Identity> load(const std::string& chain_path, const std::string& key_path);
  static Result<Identity> parse(std::string_view chain_pem, std::string_view key_pem);
  /// A new key and a self-signed certificate for it; call again before it expires.
  static Result<Identity> generate(const GenerateOptions& options);

  /// SHA-256 of the DER leaf.
  [[nodiscard]] const Fingerprint& fingerprint() const;
  [[nodiscard]] WallTime valid_from() const;
  [[nodiscard]] WallTime expires() const;
  [[nodiscard]] std::string chain_pem() const;
  [[nodiscard]] std::string key_pem() const;
  /// A reset key that is the same in every process with this private key.
  [[nodiscard]] ResetKey reset_key() const;

  struct State;
  [[nodiscard]] const State& state() const { return *state_; }

 private:
  explicit Identity(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

}  // namespace moq::transport::tls
