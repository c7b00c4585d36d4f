#pragma once

#include <cstdio>
#include <mutex>
#include <string>

#include "moq/transport/quic/internal/gnutls.h"
#include "moq/transport/quic/tls.h"

namespace moq::transport::quic::internal {

/// The key log of SSLKEYLOGFILE's format; several sessions and threads share it.
class KeyLog {
 public:
  /// Appends to `path`.
  static Result<std::unique_ptr<KeyLog>> open(const std::string& path);
  ~KeyLog() { std::fclose(file_); }
  KeyLog(const KeyLog&) = delete;
  KeyLog& operator=(const KeyLog&) = delete;
  void write(std::string_view label, ByteSpan client_random, ByteSpan secret);

 private:
  explicit KeyLog(std::FILE* file) : file_(file) {}
  std::mutex mutex_;
  std::FILE* file_;
};

/// The priority string: TLS 1.3 alone, the cheapest cipher of this CPU first.
const char* tls_priorities();

}  // namespace moq::transport::quic::internal

namespace moq::transport::quic {

struct ServerTls::State {
  ServerTlsOptions options;
  internal::Credentials credentials;
  std::unique_ptr<internal::KeyLog> key_log;
};

struct ClientTls::State {
  ClientTlsOptions options;
  internal::Credentials credentials;
  std::unique_ptr<internal::KeyLog> key_log;
};

}  // namespace moq::transport::quic
