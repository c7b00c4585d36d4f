#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "moq/native/client.h"

namespace moq::capi {

/// The settings of a dial as C callers give them; times in milliseconds.
struct ClientSettings {
  std::vector<net::Version> versions;  ///< Empty: all.
  std::optional<transport::SocketAddress> bind;
  std::uint64_t connect_timeout_ms = 30'000;
  std::uint64_t failover_delay_ms = 250;
  std::uint64_t resolution_delay_ms = 50;
  std::uint64_t websocket_delay_ms = 200;
  bool websocket_enabled = true;
  bool tls_disable_verify = false;
  std::optional<bool> tls_system_roots;
  std::vector<std::string> tls_roots;
  std::vector<transport::quic::Fingerprint> tls_fingerprints;
  std::optional<std::string> tls_host_name;
  std::optional<std::string> tls_cert;
  std::optional<std::string> tls_key;
  /// `Identity::load`, once one of the two was set: so a static program that never sets them does
  /// not hold what reads all kinds of keys, 0.2 MB of GnuTLS.
  Result<transport::quic::Identity> (*load_identity)(const std::string& chain_path,
                                                     const std::string& key_path) = nullptr;
  std::uint64_t backoff_initial_ms = 1'000;
  std::uint32_t backoff_multiplier = 2;
  std::uint64_t backoff_max_ms = 5'000;
  std::uint64_t backoff_timeout_ms = 10'000;
  std::uint64_t quic_max_streams = 1'024;
  std::uint64_t quic_idle_timeout_ms = 30'000;
  std::uint64_t quic_keep_alive_ms = 5'000;
  bool quic_gso = true;
  bool quic_mtu_discovery = false;
  std::optional<transport::quic::CongestionControl> congestion_control;
  std::optional<std::string> quic_qlog;
};

/// What they come to. Reads the certificate files.
struct Dialing {
  native::ClientOptions options;
  native::Backoff backoff;

  /// Fails with `bad_config`, naming the setting.
  static Result<Dialing> resolve(const ClientSettings& settings);
};

/// The object of a configuration handle.
struct ClientConfig {
  mutable std::mutex mutex;
  ClientSettings settings;

  [[nodiscard]] ClientSettings copy() const {
    const std::lock_guard lock(mutex);
    return settings;
  }
};

}  // namespace moq::capi
