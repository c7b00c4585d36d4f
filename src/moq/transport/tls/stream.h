#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "moq/transport/byte_stream.h"
#include "moq/transport/tls/credentials.h"

namespace moq::transport::tls {

/// TLS 1.2 or 1.3 over another stream of bytes, which it owns. Belongs to one executor's thread.
class Stream final : public ByteStream {
 public:
  /// A client's handshake: SNI and the certificate are for `host`, a name or an address. `alpn`: at
  /// most eight names, those preferred first; a server that knows none of them, or no ALPN at all,
  /// is not refused for it. The caller sets the deadline.
  ///
  /// Fails with `tls` and which check failed, with `version` if the server wants none of `alpn`,
  /// with the error of the stream below if that breaks.
  static kio::Task<Result<std::unique_ptr<Stream>>> connect(std::unique_ptr<ByteStream> below,
                                                            ClientTls tls, std::string host,
                                                            std::vector<std::string> alpn);
  /// A server's. The server's order in `alpn` decides; a client without ALPN is taken.
  static kio::Task<Result<std::unique_ptr<Stream>>> accept(std::unique_ptr<ByteStream> below,
                                                           ServerTls tls,
                                                           std::vector<std::string> alpn);
  ~Stream() override;

  /// A peer that ends without TLS's close_notify has ended all the same.
  kio::Poll<Result<Bytes>> poll_read(const kio::Waiter& waiter, std::size_t max) override;
  kio::Poll<Result<void>> poll_write(const kio::Waiter& waiter, Bytes& data) override;
  void finish() override;
  [[nodiscard]] std::string peer() const override;

  /// The protocol agreed on; "" if none.
  [[nodiscard]] std::string alpn() const;
  /// The peer's certificate, verified unless verification is off.
  [[nodiscard]] const std::optional<PeerIdentity>& peer_identity() const;
  /// "TLS1.3".
  [[nodiscard]] std::string_view version() const;

 private:
  struct State;
  explicit Stream(std::unique_ptr<State> state);
  static kio::Task<Result<std::unique_ptr<Stream>>> shake_hands(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace moq::transport::tls
