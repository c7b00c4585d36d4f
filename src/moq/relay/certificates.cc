#include "moq/relay/certificates.h"

namespace moq::relay {

using transport::quic::Identity;
using transport::quic::ServerTls;

Result<void> Certificates::Sources::read_files() {
  files.clear();
  for (std::size_t i = 0; i < config.tls_cert.size(); ++i) {
    MOQ_TRY(Identity identity, Identity::load(config.tls_cert[i], config.tls_key[i]));
    files.push_back(std::move(identity));
  }
  return {};
}

Result<void> Certificates::Sources::generate() {
  if (config.tls_generate.empty()) return {};
  transport::quic::GenerateOptions options;
  options.names = config.tls_generate;
  options.now = config.wall_clock();
  MOQ_TRY(generated, Identity::generate(options));
  return {};
}

Result<ServerTls> Certificates::Sources::make_tls() const {
  transport::quic::ServerTlsOptions options;
  options.identities = config.identities;
  options.identities.insert(options.identities.end(), files.begin(), files.end());
  if (generated) options.identities.push_back(*generated);
  options.client_root_files = config.tls_root;
  if (!config.tls_root.empty()) options.client_auth = transport::quic::ClientAuth::request;
  options.key_log_file = config.key_log_file;
  return ServerTls::create(std::move(options));
}

Result<Certificates> Certificates::create(const Config& config) {
  Sources sources{.config = config, .files = {}, .generated = {}};
  MOQ_CHECK(sources.read_files());
  MOQ_CHECK(sources.generate());
  MOQ_TRY(ServerTls tls, sources.make_tls());
  return Certificates(std::move(sources), std::move(tls));
}

Result<void> Certificates::replace(Sources sources) {
  MOQ_TRY(tls_, sources.make_tls());
  sources_ = std::move(sources);
  return {};
}

Result<void> Certificates::reload() {
  Sources sources = sources_;
  MOQ_CHECK(sources.read_files());
  return replace(std::move(sources));
}

bool Certificates::renewal_due() const {
  if (!sources_.generated) return false;
  const transport::quic::WallTime begin = sources_.generated->valid_from();
  const transport::quic::WallTime end = sources_.generated->expires();
  const transport::quic::WallTime now = sources_.config.wall_clock();
  return now < begin || now >= end - (end - begin) / 4;
}

Result<Identity> Certificates::renew() {
  Sources sources = sources_;
  MOQ_CHECK(sources.generate());
  MOQ_CHECK(replace(std::move(sources)));
  return *sources_.generated;
}

}  // namespace moq::relay
