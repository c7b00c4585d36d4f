#include "moq/relay/config.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "moq/app/events.h"
#include "moq/app/start.h"

namespace moq::relay {
namespace {

app::Settings::Setter into(std::vector<std::string>& list) {
  return [&list](const std::string& text) -> Result<void> {
    list.push_back(text);
    return {};
  };
}

app::Settings::Setter into(std::vector<Pattern>& patterns) {
  return [&patterns](const std::string& text) -> Result<void> {
    MOQ_TRY(Pattern pattern, Pattern::parse(text));
    patterns.push_back(std::move(pattern));
    return {};
  };
}

template <typename Number>
app::Settings::Setter into(std::vector<Number>& list) {
  return [&list](const std::string& text) -> Result<void> {
    Number number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || number < 0) {
      return fail(Code::bad_config, "'" + text + "' is not the number of a user, group or process");
    }
    list.push_back(number);
    return {};
  };
}

/// Of `--workers`.
Result<std::uint32_t> parse_workers(const std::string& text) {
  if (text == "auto") {
    const auto most = static_cast<std::uint32_t>(io::kMaxGroupSockets);
    return std::clamp<std::uint32_t>(std::thread::hardware_concurrency(), 1, most);
  }
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < 1 ||
      number > io::kMaxGroupSockets) {
    return fail(Code::bad_config, "'" + text + "' is neither `auto` nor a number from 1 to " +
                                      std::to_string(io::kMaxGroupSockets));
  }
  return number;
}

/// The machine's memory.
std::uint64_t memory_bytes() {
  const long pages = ::sysconf(_SC_PHYS_PAGES);
  const long page_bytes = ::sysconf(_SC_PAGESIZE);
  if (pages < 0 || page_bytes < 0) return 0;
  return static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page_bytes);
}

/// Below this the newest groups of a few tracks would push each other out.
constexpr std::uint64_t kLeastCacheBytes = 1 << 20;

}  // namespace

void Config::add(CLI::App& app, app::Settings& settings, std::string& file) {
  listen.v6 = true;
  listen.port = 443;
  app.add_option("FILE", file, "Settings as TOML; flags and environment win over it");
  settings.add(
      "log-level", "log.level",
      [this](const std::string& text) -> Result<void> {
        MOQ_TRY(log_level, app::parse_level(text));
        return {};
      },
      "error, warn, info (default), debug, trace");
  settings
      .add(
          "listen", "listen.bind",
          [this](const std::string& text) -> Result<void> {
            MOQ_TRY(listen, transport::SocketAddress::parse(text));
            return {};
          },
          "UDP address for QUIC and WebTransport ([::]:443)")
      ->type_name("ADDR");
  settings
      .add(
          "listen-tcp-bind", "listen.tcp.bind",
          [this](const std::string& text) -> Result<void> {
            MOQ_TRY(tcp_listen, transport::SocketAddress::parse(text));
            return {};
          },
          "TCP address for sessions in the clear (tcp://), in networks that can be trusted")
      ->type_name("ADDR");
  settings.add_text(
      "listen-unix-bind", "listen.unix.bind", unix_listen.path,
      "Unix socket for sessions (unix://); its user's own unless --listen-unix-allow-* "
      "say who else may connect");
  settings.add_list("listen-unix-allow-uid", "listen.unix.allow.uid", into(unix_listen.allow.uids),
                    "Who may connect to it: user ids; given several kinds, all must fit");
  settings.add_list("listen-unix-allow-gid", "listen.unix.allow.gid", into(unix_listen.allow.gids),
                    "The same, group ids");
  settings.add_list("listen-unix-allow-pid", "listen.unix.allow.pid", into(unix_listen.allow.pids),
                    "The same, process ids");
  settings.add_list(
      "listen-version", "listen.version",
      [this](const std::string& text) -> Result<void> {
        MOQ_TRY(const net::Version version, app::parse_version(text));
        versions.push_back(version);
        return {};
      },
      "Accept this version only; repeat for several");
  settings.add_duration("listen-timeout", "listen.timeout", quic.parameters.handshake_timeout,
                        "A client's handshake may take this long (10s)");
  settings.add_list("listen-tls-cert", "listen.tls.cert", into(tls_cert),
                    "Certificate chain, PEM; repeat in pairs with --listen-tls-key");
  settings.add_list("listen-tls-key", "listen.tls.key", into(tls_key), "Its key, PEM");
  settings.add_list(
      "listen-tls-generate", "listen.tls.generate", into(tls_generate),
      "Make a self-signed certificate (ECDSA P-256, 14 days, renewed) for these names");
  settings.add_list("listen-tls-root", "listen.tls.root", into(tls_root),
                    "PEM file of an authority for client certificates");
  settings.add_text("listen-reset-key", "listen.reset_key", reset_key_file,
                    "File of 32 bytes: the secret of stateless resets, the same over restarts "
                    "(derived from the certificate's key if not given)");
  settings.add_list(
      "auth-public", "auth.public",
      [this](const std::string& text) -> Result<void> {
        MOQ_TRY(Pattern pattern, Pattern::parse(text));
        grants.publish.push_back(pattern);
        grants.subscribe.push_back(std::move(pattern));
        return {};
      },
      "What anyone may publish and subscribe to: `**`, `anon/**`; repeat");
  settings.add_list("auth-public-publish", "auth.public_publish", into(grants.publish),
                    "The same, publishing alone");
  settings.add_list("auth-public-subscribe", "auth.public_subscribe", into(grants.subscribe),
                    "The same, subscribing alone");
  settings
      .add(
          "web-http-listen", "web.http.listen",
          [this](const std::string& text) -> Result<void> {
            MOQ_TRY(web_listen, transport::SocketAddress::parse(text));
            return {};
          },
          "TCP address for WebSocket, /certificate.sha256, /announced, /fetch and /health")
      ->type_name("ADDR");
  settings
      .add(
          "web-https-listen", "web.https.listen",
          [this](const std::string& text) -> Result<void> {
            MOQ_TRY(web_https_listen, transport::SocketAddress::parse(text));
            return {};
          },
          "The same over TLS, with the certificates of --listen")
      ->type_name("ADDR");
  settings.add(
      "cluster-id", "cluster.id",
      [this](const std::string& text) -> Result<void> {
        std::uint64_t id = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
        if (error != std::errc{} || end != text.data() + text.size() || id == 0 || id >> 53 != 0) {
          return fail(Code::bad_config, "'" + text + "' is not a number from 1 to 2^53-1");
        }
        hop = id;
        return {};
      },
      "This relay's hop id (random)");
  settings
      .add(
          "workers", "workers",
          [this](const std::string& text) -> Result<void> {
            MOQ_TRY(workers, parse_workers(text));
            return {};
          },
          "Threads that serve clients of --listen: a number, or `auto` for one a processor (1)")
      ->type_name("N");
  settings.add_duration("drain-timeout", "drain_timeout", drain_timeout,
                        "SIGTERM: tell clients to leave, then wait at most this long (10s)");
  settings
      .add(
          "cache-capacity", "cache.capacity",
          [this](const std::string& text) -> Result<void> {
            MOQ_TRY(cache_bytes, app::parse_share(text, memory_bytes()));
            if (cache_bytes >= kLeastCacheBytes) return {};
            return fail(Code::bad_config, "'" + text + "' is less than 1MiB");
          },
          "Groups kept for subscribers that come or fetch, all tracks together: 512MB, 8GiB, 25% "
          "of memory (1GiB)")
      ->type_name("SIZE");
  quic.add(settings);
}

Result<void> Config::finish_unix() const {
  const std::string& path = unix_listen.path;
  if (path.empty() && !unix_listen.allow.empty()) {
    return fail(Code::bad_config, "--listen-unix-allow-* need --listen-unix-bind");
  }
  if (path.size() > io::kMaxUnixPathBytes) {
    return fail(Code::bad_config, "--listen-unix-bind: a socket's path has at most " +
                                      std::to_string(io::kMaxUnixPathBytes) + " bytes");
  }
  return {};
}

Result<void> Config::finish() {
  if (tls_cert.size() != tls_key.size()) {
    return fail(Code::bad_config, "--listen-tls-cert and --listen-tls-key come in pairs");
  }
  if (tls_cert.empty() && tls_generate.empty() && identities.empty()) {
    return fail(Code::bad_config,
                "no certificate: give --listen-tls-cert with --listen-tls-key, or "
                "--listen-tls-generate localhost to try things out");
  }
  for (const std::string& file : tls_cert)
    MOQ_CHECK(app::check_readable("--listen-tls-cert", file));
  for (const std::string& file : tls_key) MOQ_CHECK(app::check_readable("--listen-tls-key", file));
  for (const std::string& file : tls_root)
    MOQ_CHECK(app::check_readable("--listen-tls-root", file));
  if (!reset_key_file.empty()) MOQ_CHECK(app::check_readable("--listen-reset-key", reset_key_file));
  MOQ_CHECK(finish_unix());
  MOQ_CHECK(quic.finish());
  if (quic.parameters.handshake_timeout <= Duration::zero()) {
    return fail(Code::bad_config, "--listen-timeout must be more than 0");
  }
  if (grants.publish.empty() && grants.subscribe.empty()) {
    return fail(Code::bad_config,
                "nobody may do anything: give --auth-public, such as --auth-public '**'");
  }
  // No other thread runs yet that could change it.
  // NOLINTNEXTLINE(concurrency-mt-unsafe)
  if (const char* file = std::getenv("SSLKEYLOGFILE")) key_log_file = file;
  if (versions.empty()) {
    versions.assign(net::session_versions().begin(), net::session_versions().end());
  }
  return {};
}

Result<std::optional<transport::quic::ResetKey>> Config::reset_key() const {
  if (reset_key_file.empty()) return std::optional<transport::quic::ResetKey>();
  std::ifstream in(reset_key_file, std::ios::binary);
  transport::quic::ResetKey key{};
  in.read(reinterpret_cast<char*>(key.data()), static_cast<std::streamsize>(key.size()));
  if (!in || in.peek() != std::char_traits<char>::eof()) {
    return fail(Code::bad_config, "--listen-reset-key: '" + reset_key_file +
                                      "' must be a readable file of exactly 32 bytes");
  }
  return std::optional(key);
}

}  // namespace moq::relay
