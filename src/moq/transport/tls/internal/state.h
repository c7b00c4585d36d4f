#pragma once

#include <cstdio>
#include <mutex>
#include <string>

#include "moq/transport/tls/credentials.h"
#include "moq/transport/tls/internal/gnutls.h"

namespace moq::transport::tls::internal {

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

/// Priority strings of the library, the cheapest cipher of this CPU first: for QUIC, TLS 1.3 alone;
/// for byte streams, 1.2 as well.
const char* quic_priorities();
const char* stream_priorities();
/// The first, parsed: eight kilobytes, which all sessions share.
Priorities parse_quic_priorities();

}  // namespace moq::transport::tls::internal

namespace moq::transport::tls {

struct ServerTls::State {
  ServerTlsOptions options;
  internal::Credentials credentials;
  internal::Priorities quic_priorities = internal::parse_quic_priorities();
  std::unique_ptr<internal::KeyLog> key_log;
};

struct ClientTls::State {
  ClientTlsOptions options;
  internal::Credentials credentials;
  internal::Priorities quic_priorities = internal::parse_quic_priorities();
  std::unique_ptr<internal::KeyLog> key_log;
};

}  // namespace moq::transport::tls
