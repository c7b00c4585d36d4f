#pragma once

#include <optional>
#include <vector>

#include "moq/relay/config.h"

namespace moq::relay {

/// The certificates that a relay shows, through the life of each: those from files are read again
/// when asked to, a generated one is made anew before it ends.
class Certificates {
 public:
  /// Reads the files and generates what `config` says. Fails with `bad_config`.
  static Result<Certificates> create(const Config& config);

  [[nodiscard]] const transport::quic::ServerTls& tls() const { return tls_; }
  /// The first: from memory, else from files, else the generated one.
  [[nodiscard]] const transport::quic::Identity& first() const { return tls_.identities().front(); }

  /// Reads all files again. All stays as it was if one is of no use: fails with `bad_config`.
  Result<void> reload();
  /// Whether a quarter or less of the generated one's life is left, or the clock was set to a time
  /// before it.
  [[nodiscard]] bool renewal_due() const;
  /// Makes the generated one anew, and returns it. All stays as it was if it fails.
  Result<transport::quic::Identity> renew();

 private:
  /// What the certificates are made from, and what was read of it.
  struct Sources {
    Config config;
    std::vector<transport::quic::Identity> files;
    std::optional<transport::quic::Identity> generated;

    Result<void> read_files();
    Result<void> generate();
    [[nodiscard]] Result<transport::quic::ServerTls> make_tls() const;
  };
  Certificates(Sources sources, transport::quic::ServerTls tls)
      : sources_(std::move(sources)), tls_(std::move(tls)) {}
  Result<void> replace(Sources sources);

  Sources sources_;
  transport::quic::ServerTls tls_;
};

}  // namespace moq::relay
