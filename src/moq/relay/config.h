#pragma once

#include <CLI/App.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "moq/app/flags.h"
#include "moq/base/log.h"
#include "moq/native/server.h"
#include "moq/net/limits.h"
#include "moq/relay/auth.h"

namespace moq::relay {

/// All that a relay is told: flags over environment over file.
struct Config {
  log::Level log_level = log::Level::info;
  transport::SocketAddress listen;
  std::optional<transport::SocketAddress> tcp_listen;
  native::UnixListen unix_listen;  ///< Without a path: none.
  std::optional<transport::SocketAddress> web_listen;
  std::optional<transport::SocketAddress> web_https_listen;
  std::vector<net::Version> versions;
  std::vector<std::string> tls_cert;
  std::vector<std::string> tls_key;
  std::vector<std::string> tls_generate;
  std::vector<std::string> tls_root;
  std::vector<transport::quic::Identity> identities;  ///< Further certificates, in memory.
  /// TLS secrets are appended here: SSLKEYLOGFILE. Empty = not.
  std::string key_log_file;
  /// What the life of a certificate is measured by.
  std::function<transport::quic::WallTime()> wall_clock = std::chrono::system_clock::now;
  std::string reset_key_file;
  Grants grants;
  std::optional<std::uint64_t> hop;
  Duration drain_timeout = 10s;
  std::uint32_t workers = 1;  ///< Threads that serve clients, from 1 to `io::kMaxGroupSockets`.
  /// What the groups of all tracks may take together in the cache.
  std::uint64_t cache_bytes = net::kMaxOriginBytes;
  app::QuicFlags quic;

  /// Registers the flags; `file` gets the positional argument.
  void add(CLI::App& app, app::Settings& settings, std::string& file);
  /// What only makes sense together. Fails with `bad_config`, or `io` for a file of no use.
  Result<void> finish();
  [[nodiscard]] Result<std::optional<transport::quic::ResetKey>> reset_key() const;

 private:
  [[nodiscard]] Result<void> finish_unix() const;
};

}  // namespace moq::relay
