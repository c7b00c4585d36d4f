#include <algorithm>
#include <array>
#include <cmath>

#include "moq/capi/internal/client_config.h"
#include "moq/capi/internal/library.h"

namespace moq::capi {
namespace {

/// QUIC's numbers end here; a longer idle timeout cannot be told to a peer.
constexpr std::uint64_t kIdleTimeoutEnd = std::uint64_t{1} << 62;

/// Applies `change` to the settings behind `client`, whose arguments are good so far.
template <typename Change>
std::int32_t change_settings(Call& call, std::uint32_t client, Change&& change) {
  call.handle(client);
  const auto config = call.find(tables().clients, client);
  if (!call.ok()) return call.status();
  const std::lock_guard lock(config->mutex);
  change(config->settings);
  return 0;
}

template <typename T>
std::int32_t set(std::uint32_t client, T ClientSettings::* field, T value) {
  Call call;
  return change_settings(call, client,
                         [&](ClientSettings& settings) { settings.*field = std::move(value); });
}

std::int32_t set_text(std::uint32_t client, std::optional<std::string> ClientSettings::* field,
                      const char* what, const char* data, std::uintptr_t size) {
  Call call;
  call.handle(client);
  auto value = call.optional_text(what, data, size);
  return change_settings(call, client,
                         [&](ClientSettings& settings) { settings.*field = std::move(value); });
}

template <typename T>
std::int32_t get(std::uint32_t client, T ClientSettings::* field, T* out) {
  Call call;
  call.pointer("out", out);
  call.handle(client);
  const auto config = call.find(tables().clients, client);
  if (!call.ok()) return call.status();
  *out = config->copy().*field;
  return 0;
}

std::optional<net::Version> parse_version(std::string_view name) {
  for (const net::Version version : net::session_versions()) {
    if (net::to_string(version) == name) return version;
  }
  return std::nullopt;
}

/// 64 hexadecimal digits and nothing else.
std::optional<transport::quic::Fingerprint> parse_fingerprint(const std::string& text) {
  const bool plain = text.size() == 64 && std::ranges::all_of(text, [](unsigned char c) {
                       return std::isxdigit(c) != 0;
                     });
  if (!plain) return std::nullopt;
  auto parsed = transport::quic::parse_fingerprint(text);
  if (!parsed) return std::nullopt;
  return *parsed;
}

/// One of the paths of the client's own certificate.
std::int32_t set_identity(std::uint32_t client, std::optional<std::string> ClientSettings::* field,
                          const char* path, std::uintptr_t path_len) {
  Call call;
  call.handle(client);
  auto value = call.optional_text("path", path, path_len);
  return change_settings(call, client, [&](ClientSettings& settings) {
    settings.*field = std::move(value);
    settings.load_identity = &transport::quic::Identity::load;
  });
}

Result<transport::quic::ClientTlsOptions> resolve_tls(const ClientSettings& settings) {
  transport::quic::ClientTlsOptions tls;
  tls.insecure = settings.tls_disable_verify;
  tls.system_roots = settings.tls_system_roots.value_or(settings.tls_roots.empty());
  tls.root_files = settings.tls_roots;
  tls.pins = settings.tls_fingerprints;
  tls.server_name = settings.tls_host_name;
  if (settings.tls_cert.has_value() != settings.tls_key.has_value()) {
    return fail(Code::bad_config, "the TLS certificate and its key go together, one is not set");
  }
  if (settings.tls_cert) {
    MOQ_TRY(tls.identity, settings.load_identity(*settings.tls_cert, *settings.tls_key));
  }
  return tls;
}

}  // namespace

Result<Dialing> Dialing::resolve(const ClientSettings& settings) {
  Dialing out;
  native::ClientOptions& options = out.options;
  options.bind = settings.bind;
  options.segmentation = settings.quic_gso;
  MOQ_TRY(options.tls, resolve_tls(settings));
  options.tls_configured = settings.tls_disable_verify || settings.tls_system_roots ||
                           !settings.tls_roots.empty() || !settings.tls_fingerprints.empty();
  if (!settings.versions.empty()) options.versions = settings.versions;
  options.connect_timeout = from_ms(settings.connect_timeout_ms);
  options.address_race = from_ms(settings.failover_delay_ms);
  options.websocket = settings.websocket_enabled;
  options.websocket_delay = from_ms(settings.websocket_delay_ms);
  options.linger = true;
  options.user_agent = "libmoq/" MOQ_VERSION;

  if (settings.quic_idle_timeout_ms >= kIdleTimeoutEnd) {
    return fail(Code::bad_config, "quic_idle_timeout: QUIC's numbers end at 2^62");
  }
  options.quic.idle_timeout = from_ms(settings.quic_idle_timeout_ms);
  options.quic.keep_alive = from_ms(settings.quic_keep_alive_ms);
  options.quic.max_streams_uni = settings.quic_max_streams;
  options.quic.max_streams_bidi = settings.quic_max_streams;
  options.quic.path_mtu_discovery = settings.quic_mtu_discovery;
  options.quic.congestion_control =
      settings.congestion_control.value_or(options.quic.congestion_control);
  options.quic.qlog_directory = settings.quic_qlog.value_or("");

  out.backoff.initial = from_ms(settings.backoff_initial_ms);
  out.backoff.multiplier = settings.backoff_multiplier;
  out.backoff.max = from_ms(settings.backoff_max_ms);
  out.backoff.timeout = from_ms(settings.backoff_timeout_ms);
  if (settings.backoff_initial_ms == 0 || settings.backoff_max_ms == 0 ||
      settings.backoff_multiplier == 0) {
    return fail(Code::bad_config,
                "backoff: initial, max and multiplier must not be 0, or nothing paces the dials");
  }
  return out;
}

}  // namespace moq::capi

using moq::capi::Call;
using moq::capi::change_settings;
using moq::capi::ClientSettings;
using moq::capi::tables;

std::int32_t moq_client_create(void) {
  Call call;
  return call.add(tables().clients, std::make_shared<moq::capi::ClientConfig>());
}

std::int32_t moq_client_close(std::uint32_t client) { return release(tables().clients, client); }

moq_client_config moq_client_defaults(void) {
  const ClientSettings defaults;
  moq_client_config out{};
  const auto us = [](std::uint64_t ms) { return ms * 1000; };
  out.bind = "[::]:0";
  out.bind_len = std::string_view(out.bind).size();
  out.connect_timeout_us = us(defaults.connect_timeout_ms);
  out.has_connect_timeout = true;
  out.failover_delay_us = us(defaults.failover_delay_ms);
  out.has_failover_delay = true;
  out.resolution_delay_us = us(defaults.resolution_delay_ms);
  out.has_resolution_delay = true;
  out.websocket_enabled = defaults.websocket_enabled;
  out.has_websocket_enabled = true;
  out.websocket_delay_us = us(defaults.websocket_delay_ms);
  out.has_websocket_delay = true;
  out.backoff_initial_us = us(defaults.backoff_initial_ms);
  out.has_backoff_initial = true;
  out.backoff_multiplier = defaults.backoff_multiplier;
  out.has_backoff_multiplier = true;
  out.backoff_max_us = us(defaults.backoff_max_ms);
  out.has_backoff_max = true;
  out.backoff_timeout_us = us(defaults.backoff_timeout_ms);
  out.has_backoff_timeout = true;
  out.quic_max_streams = defaults.quic_max_streams;
  out.has_quic_max_streams = true;
  out.quic_idle_timeout_us = us(defaults.quic_idle_timeout_ms);
  out.has_quic_idle_timeout = true;
  out.quic_keep_alive_us = us(defaults.quic_keep_alive_ms);
  out.has_quic_keep_alive = true;
  return out;
}

std::int32_t moq_client_set_versions(std::uint32_t client, const moq_string* versions,
                                     std::uintptr_t count) {
  Call call;
  call.handle(client);
  std::vector<moq::net::Version> wanted;
  for (const std::string& name : call.texts("versions", versions, count)) {
    const auto version = moq::capi::parse_version(name);
    if (!version) {
      return call.fail(MOQ_ERROR_INVALID_CONFIG,
                       "unknown version '" + name + "', moq_versions lists them");
    }
    wanted.push_back(*version);
  }
  return change_settings(call, client, [&](ClientSettings& s) { s.versions = std::move(wanted); });
}

std::int32_t moq_client_set_backend(std::uint32_t client, const char* backend,
                                    std::uintptr_t backend_len) {
  Call call;
  const auto name = call.optional_text("backend", backend, backend_len);
  if (name && *name != "ngtcp2") {
    return call.fail(MOQ_ERROR_INVALID_CONFIG, "unknown QUIC backend '" + *name + "'");
  }
  return change_settings(call, client, [](ClientSettings&) {});
}

std::int32_t moq_client_set_bind(std::uint32_t client, const char* addr, std::uintptr_t addr_len) {
  Call call;
  const std::string_view text = call.text("addr", addr, addr_len);
  if (!call.ok()) return call.status();
  const auto address = moq::transport::SocketAddress::parse(text);
  if (!address) {
    return call.fail(MOQ_ERROR_INVALID_CONFIG, "bind: " + address.error().text);
  }
  return change_settings(call, client, [&](ClientSettings& s) { s.bind = *address; });
}

std::int32_t moq_client_set_connect_timeout(std::uint32_t client, std::uint64_t timeout_ms) {
  return moq::capi::set(client, &ClientSettings::connect_timeout_ms, timeout_ms);
}
std::int32_t moq_client_set_failover_delay(std::uint32_t client, std::uint64_t delay_ms) {
  return moq::capi::set(client, &ClientSettings::failover_delay_ms, delay_ms);
}
std::int32_t moq_client_set_resolution_delay(std::uint32_t client, std::uint64_t delay_ms) {
  return moq::capi::set(client, &ClientSettings::resolution_delay_ms, delay_ms);
}
std::int32_t moq_client_set_websocket_delay(std::uint32_t client, std::uint64_t delay_ms) {
  return moq::capi::set(client, &ClientSettings::websocket_delay_ms, delay_ms);
}
std::int32_t moq_client_set_websocket_enabled(std::uint32_t client, bool enabled) {
  return moq::capi::set(client, &ClientSettings::websocket_enabled, enabled);
}

std::int32_t moq_client_set_tls_disable_verify(std::uint32_t client, bool disable) {
  return moq::capi::set(client, &ClientSettings::tls_disable_verify, disable);
}
std::int32_t moq_client_set_tls_system_roots(std::uint32_t client, bool enabled) {
  return moq::capi::set(client, &ClientSettings::tls_system_roots, std::optional<bool>(enabled));
}

std::int32_t moq_client_set_tls_roots(std::uint32_t client, const moq_string* paths,
                                      std::uintptr_t count) {
  Call call;
  call.handle(client);
  auto roots = call.texts("paths", paths, count);
  return change_settings(call, client, [&](ClientSettings& s) { s.tls_roots = std::move(roots); });
}

std::int32_t moq_client_set_tls_fingerprints(std::uint32_t client, const moq_string* fingerprints,
                                             std::uintptr_t count) {
  Call call;
  std::vector<moq::transport::quic::Fingerprint> pins;
  for (const std::string& text : call.texts("fingerprints", fingerprints, count)) {
    const auto pin = moq::capi::parse_fingerprint(text);
    if (!pin) {
      return call.fail(MOQ_ERROR_INVALID_CONFIG,
                       "a fingerprint is 64 hexadecimal digits, not '" + text + "'");
    }
    pins.push_back(*pin);
  }
  return change_settings(call, client,
                         [&](ClientSettings& s) { s.tls_fingerprints = std::move(pins); });
}

std::int32_t moq_client_set_tls_host_name(std::uint32_t client, const char* name,
                                          std::uintptr_t name_len) {
  return moq::capi::set_text(client, &ClientSettings::tls_host_name, "name", name, name_len);
}
std::int32_t moq_client_set_tls_cert(std::uint32_t client, const char* path,
                                     std::uintptr_t path_len) {
  return moq::capi::set_identity(client, &ClientSettings::tls_cert, path, path_len);
}
std::int32_t moq_client_set_tls_key(std::uint32_t client, const char* path,
                                    std::uintptr_t path_len) {
  return moq::capi::set_identity(client, &ClientSettings::tls_key, path, path_len);
}

std::int32_t moq_client_set_backoff_initial(std::uint32_t client, std::uint64_t delay_ms) {
  return moq::capi::set(client, &ClientSettings::backoff_initial_ms, delay_ms);
}
std::int32_t moq_client_set_backoff_multiplier(std::uint32_t client, std::uint32_t multiplier) {
  return moq::capi::set(client, &ClientSettings::backoff_multiplier, multiplier);
}
std::int32_t moq_client_set_backoff_max(std::uint32_t client, std::uint64_t delay_ms) {
  return moq::capi::set(client, &ClientSettings::backoff_max_ms, delay_ms);
}
std::int32_t moq_client_set_backoff_timeout(std::uint32_t client, std::uint64_t timeout_ms) {
  return moq::capi::set(client, &ClientSettings::backoff_timeout_ms, timeout_ms);
}

std::int32_t moq_client_set_quic_max_streams(std::uint32_t client, std::uint64_t max_streams) {
  return moq::capi::set(client, &ClientSettings::quic_max_streams, max_streams);
}
std::int32_t moq_client_set_quic_idle_timeout(std::uint32_t client, std::uint64_t timeout_ms) {
  return moq::capi::set(client, &ClientSettings::quic_idle_timeout_ms, timeout_ms);
}
std::int32_t moq_client_set_quic_keep_alive(std::uint32_t client, std::uint64_t interval_ms) {
  return moq::capi::set(client, &ClientSettings::quic_keep_alive_ms, interval_ms);
}
std::int32_t moq_client_set_quic_gso(std::uint32_t client, bool enabled) {
  return moq::capi::set(client, &ClientSettings::quic_gso, enabled);
}
std::int32_t moq_client_set_quic_mtu_discovery(std::uint32_t client, bool enabled) {
  return moq::capi::set(client, &ClientSettings::quic_mtu_discovery, enabled);
}

std::int32_t moq_client_set_quic_congestion_control(std::uint32_t client, const char* family,
                                                    std::uintptr_t family_len) {
  using moq::transport::quic::CongestionControl;
  Call call;
  const auto name = call.optional_text("family", family, family_len);
  std::optional<CongestionControl> wanted;
  if (name == "loss") {
    wanted = CongestionControl::cubic;
  } else if (name == "delay") {
    wanted = CongestionControl::bbr;
  } else if (name) {
    return call.fail(MOQ_ERROR_INVALID_CONFIG,
                     "congestion control is 'loss' or 'delay', not '" + *name + "'");
  }
  return change_settings(call, client, [&](ClientSettings& s) { s.congestion_control = wanted; });
}

std::int32_t moq_client_set_quic_qlog(std::uint32_t client, const char* dir,
                                      std::uintptr_t dir_len) {
  return moq::capi::set_text(client, &ClientSettings::quic_qlog, "dir", dir, dir_len);
}

std::int32_t moq_client_get_connect_timeout(std::uint32_t client, std::uint64_t* out) {
  return moq::capi::get(client, &ClientSettings::connect_timeout_ms, out);
}
std::int32_t moq_client_get_failover_delay(std::uint32_t client, std::uint64_t* out) {
  return moq::capi::get(client, &ClientSettings::failover_delay_ms, out);
}
std::int32_t moq_client_get_resolution_delay(std::uint32_t client, std::uint64_t* out) {
  return moq::capi::get(client, &ClientSettings::resolution_delay_ms, out);
}
std::int32_t moq_client_get_backoff_initial(std::uint32_t client, std::uint64_t* out) {
  return moq::capi::get(client, &ClientSettings::backoff_initial_ms, out);
}
std::int32_t moq_client_get_backoff_multiplier(std::uint32_t client, std::uint32_t* out) {
  return moq::capi::get(client, &ClientSettings::backoff_multiplier, out);
}
std::int32_t moq_client_get_backoff_max(std::uint32_t client, std::uint64_t* out) {
  return moq::capi::get(client, &ClientSettings::backoff_max_ms, out);
}
std::int32_t moq_client_get_backoff_timeout(std::uint32_t client, std::uint64_t* out) {
  return moq::capi::get(client, &ClientSettings::backoff_timeout_ms, out);
}
std::int32_t moq_client_get_quic_max_streams(std::uint32_t client, std::uint64_t* out) {
  return moq::capi::get(client, &ClientSettings::quic_max_streams, out);
}
std::int32_t moq_client_get_quic_idle_timeout(std::uint32_t client, std::uint64_t* out) {
  return moq::capi::get(client, &ClientSettings::quic_idle_timeout_ms, out);
}
std::int32_t moq_client_get_quic_keep_alive(std::uint32_t client, std::uint64_t* out) {
  return moq::capi::get(client, &ClientSettings::quic_keep_alive_ms, out);
}
std::int32_t moq_client_get_websocket_enabled(std::uint32_t client, bool* out) {
  return moq::capi::get(client, &ClientSettings::websocket_enabled, out);
}
std::int32_t moq_client_get_websocket_delay(std::uint32_t client, std::uint64_t* out) {
  return moq::capi::get(client, &ClientSettings::websocket_delay_ms, out);
}
