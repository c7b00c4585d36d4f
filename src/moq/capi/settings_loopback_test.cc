// Each setting of a configuration where its effect can be seen: contract, section 12.2.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "moq/base/testing_paths.h"
#include "moq/capi/session_test_support.h"
#include "moq/transport/quic/certificate.h"

namespace moq::capi {
namespace {

using app::test::Child;
using app::test::free_port;
using app::test::RelayChild;
using transport::quic::GenerateOptions;
using transport::quic::Identity;

struct Folder {
  Folder() { EXPECT_NE(::mkdtemp(path.data()), nullptr); }
  ~Folder() { std::filesystem::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string path = std::filesystem::temp_directory_path() / "moq-capi-XXXXXX";
};

moq_string text(std::string_view view) { return {.data = view.data(), .len = view.size()}; }

/// What dialing with `config` fails with at once.
std::int32_t refused(const QuickConfig& config, const std::string& url = "moqt://127.0.0.1:1/") {
  return moq_client_connect(url.data(), url.size(), config.handle(), 0, 0, never, nullptr);
}

/// A relay with a certificate of its own for "localhost", which nobody trusts.
class LocalhostRelay {
 public:
  LocalhostRelay() : identity_(*Identity::generate(GenerateOptions{.names = {"localhost"}})) {
    std::ofstream(certificate()) << identity_.chain_pem();
    std::ofstream(folder_.path + "/key.pem") << identity_.key_pem();
    const std::string listen = "127.0.0.1:" + std::to_string(port_);
    child_.emplace(std::vector<std::string>{test_bin_dir() + "/moq-relay", "--listen", listen,
                                            "--listen-tls-cert", certificate(), "--listen-tls-key",
                                            folder_.path + "/key.pem", "--auth-public", "**"});
    child_->expect_err("event=listening");
  }
  [[nodiscard]] std::string url() const {
    return "moqt://127.0.0.1:" + std::to_string(port_) + "/";
  }
  [[nodiscard]] std::string certificate() const { return folder_.path + "/cert.pem"; }
  [[nodiscard]] std::string fingerprint() const {
    std::string hex;
    for (const std::uint8_t byte : identity_.fingerprint()) {
      constexpr std::string_view kDigits = "0123456789ABCDEF";
      hex += kDigits[byte >> 4];
      hex += kDigits[byte & 15];
    }
    return hex;
  }

 private:
  Folder folder_;
  std::uint16_t port_ = free_port();
  Identity identity_;
  std::optional<Child> child_;
};

TEST(Settings, ReadBackWhatWasSetAndBeginWithTheDefaults) {
  const std::uint32_t config = made(moq_client_create());
  using Set = std::int32_t (*)(std::uint32_t, std::uint64_t);
  using Get = std::int32_t (*)(std::uint32_t, std::uint64_t*);
  struct Number {
    Set set;
    Get get;
    std::uint64_t initial;
  };
  for (const Number& each :
       {Number{moq_client_set_connect_timeout, moq_client_get_connect_timeout, 30'000},
        Number{moq_client_set_failover_delay, moq_client_get_failover_delay, 250},
        Number{moq_client_set_resolution_delay, moq_client_get_resolution_delay, 50},
        Number{moq_client_set_websocket_delay, moq_client_get_websocket_delay, 200},
        Number{moq_client_set_backoff_initial, moq_client_get_backoff_initial, 1'000},
        Number{moq_client_set_backoff_max, moq_client_get_backoff_max, 5'000},
        Number{moq_client_set_backoff_timeout, moq_client_get_backoff_timeout, 10'000},
        Number{moq_client_set_quic_max_streams, moq_client_get_quic_max_streams, 1'024},
        Number{moq_client_set_quic_idle_timeout, moq_client_get_quic_idle_timeout, 30'000},
        Number{moq_client_set_quic_keep_alive, moq_client_get_quic_keep_alive, 5'000}}) {
    std::uint64_t value = 1;
    EXPECT_EQ(each.get(config, &value), 0);
    EXPECT_EQ(value, each.initial);
    for (const std::uint64_t wanted : {std::uint64_t{0}, std::uint64_t{77}, ~std::uint64_t{0}}) {
      EXPECT_EQ(each.set(config, wanted), 0);
      EXPECT_EQ(each.get(config, &value), 0);
      EXPECT_EQ(value, wanted);
    }
  }
  std::uint32_t multiplier = 0;
  EXPECT_EQ(moq_client_get_backoff_multiplier(config, &multiplier), 0);
  EXPECT_EQ(multiplier, 2U);
  bool enabled = false;
  EXPECT_EQ(moq_client_get_websocket_enabled(config, &enabled), 0);
  EXPECT_TRUE(enabled);
  EXPECT_EQ(moq_client_set_websocket_enabled(config, false), 0);
  EXPECT_EQ(moq_client_get_websocket_enabled(config, &enabled), 0);
  EXPECT_FALSE(enabled);
  EXPECT_EQ(moq_client_close(config), 0);
}

TEST(Settings, TheLargestTimesAreNoTroubleToDial) {
  const RelayChild relay;
  const QuickConfig config;
  const std::uint64_t forever = ~std::uint64_t{0};
  EXPECT_EQ(moq_client_set_connect_timeout(config.handle(), forever), 0);
  EXPECT_EQ(moq_client_set_failover_delay(config.handle(), forever), 0);
  EXPECT_EQ(moq_client_set_websocket_delay(config.handle(), forever), 0);
  EXPECT_EQ(moq_client_set_backoff_max(config.handle(), forever), 0);
  EXPECT_EQ(moq_client_set_backoff_timeout(config.handle(), forever), 0);
  EXPECT_EQ(moq_client_set_quic_keep_alive(config.handle(), forever), 0);
  EXPECT_EQ(moq_client_set_quic_max_streams(config.handle(), forever), 0);
  EXPECT_EQ(moq_client_set_quic_idle_timeout(config.handle(), (std::uint64_t{1} << 62) - 1), 0);
  TestSession session(relay.url(), config);
  EXPECT_EQ(session.status().next(), 1);
}

TEST(Settings, WebSocketIsWhereAUrlSaysSo) {
  const RelayChild relay;
  const QuickConfig config;  // Without the fallback.
  TestSession session("ws://" + relay.authority() + "/", config);
  EXPECT_EQ(session.status().next(), 1);
}

TEST(Settings, WebSocketMayBeTriedBeside) {
  const RelayChild relay;
  const QuickConfig config;
  EXPECT_EQ(moq_client_set_websocket_enabled(config.handle(), true), 0);
  EXPECT_EQ(moq_client_set_websocket_delay(config.handle(), 0), 0);
  TestSession session(relay.url(), config);
  EXPECT_EQ(session.status().next(), 1);
}

TEST(Settings, ThatCannotWorkFailWhereTheyAreUsed) {
  {
    const QuickConfig config;
    EXPECT_EQ(moq_client_set_quic_idle_timeout(config.handle(), std::uint64_t{1} << 62), 0);
    EXPECT_EQ(refused(config), MOQ_ERROR_INVALID_CONFIG);
  }
  for (int which = 0; which < 3; ++which) {
    const QuickConfig config;
    if (which == 0) {
      EXPECT_EQ(moq_client_set_backoff_initial(config.handle(), 0), 0);
    }
    if (which == 1) {
      EXPECT_EQ(moq_client_set_backoff_max(config.handle(), 0), 0);
    }
    if (which == 2) {
      EXPECT_EQ(moq_client_set_backoff_multiplier(config.handle(), 0), 0);
    }
    EXPECT_EQ(refused(config), MOQ_ERROR_INVALID_CONFIG);
  }
  const LocalhostRelay relay;
  const std::string missing = relay.certificate() + ".missing";
  {
    const QuickConfig config;
    const moq_string roots = text(missing);
    EXPECT_EQ(moq_client_set_tls_roots(config.handle(), &roots, 1), 0);
    EXPECT_EQ(refused(config), MOQ_ERROR_INVALID_CONFIG);
    EXPECT_NE(std::string(moq_error()).find(missing), std::string::npos) << moq_error();
  }
  {
    const QuickConfig config;
    const std::string& path = relay.certificate();
    EXPECT_EQ(moq_client_set_tls_cert(config.handle(), path.data(), path.size()), 0);
    EXPECT_EQ(refused(config), MOQ_ERROR_INVALID_CONFIG);  // No key.
    EXPECT_EQ(moq_client_set_tls_key(config.handle(), missing.data(), missing.size()), 0);
    EXPECT_EQ(refused(config), MOQ_ERROR_INVALID_CONFIG);
    EXPECT_EQ(moq_client_set_tls_cert(config.handle(), "", 0), 0);
    EXPECT_EQ(refused(config), MOQ_ERROR_INVALID_CONFIG);  // No certificate.
  }
  {
    const QuickConfig config;
    EXPECT_EQ(moq_client_set_quic_qlog(config.handle(), missing.data(), missing.size()), 0);
    EXPECT_EQ(refused(config), MOQ_ERROR_INVALID_CONFIG);
  }
}

TEST(Settings, EachListedVersionIsSpoken) {
  const RelayChild relay;
  std::vector<moq_string> versions(made(moq_versions(nullptr, 0)));
  EXPECT_EQ(moq_versions(versions.data(), versions.size()), std::int32_t(versions.size()));
  for (const moq_string& version : versions) {
    SCOPED_TRACE(std::string(version.data, version.len));
    const QuickConfig config(2'000);
    EXPECT_EQ(moq_client_set_versions(config.handle(), &version, 1), 0);
    TestSession session(relay.url(), config);
    EXPECT_EQ(session.status().next(), 1);
  }
}

TEST(Settings, TheCertificateIsCheckedUnlessToldOtherwise) {
  const LocalhostRelay relay;
  const auto ends_with = [&](const QuickConfig& config) {
    TestSession session(relay.url(), config);
    return session.status().next();
  };
  const QuickConfig strict(200);
  EXPECT_EQ(ends_with(strict), MOQ_ERROR_CONNECT);

  const QuickConfig careless(2'000);
  EXPECT_EQ(moq_client_set_tls_disable_verify(careless.handle(), true), 0);
  EXPECT_EQ(ends_with(careless), 1);

  const std::string path = relay.certificate();
  const moq_string roots = text(path);
  const QuickConfig rooted(200);
  EXPECT_EQ(moq_client_set_tls_roots(rooted.handle(), &roots, 1), 0);
  EXPECT_EQ(ends_with(rooted), MOQ_ERROR_CONNECT);  // Its name is not an address.
  const QuickConfig named(2'000);
  EXPECT_EQ(moq_client_set_tls_roots(named.handle(), &roots, 1), 0);
  EXPECT_EQ(moq_client_set_tls_host_name(named.handle(), "localhost", 9), 0);
  EXPECT_EQ(ends_with(named), 1);

  const std::string hex = relay.fingerprint();
  const moq_string right = text(hex);
  const QuickConfig pinned(2'000);
  EXPECT_EQ(moq_client_set_tls_fingerprints(pinned.handle(), &right, 1), 0);
  EXPECT_EQ(ends_with(pinned), 1);
  const std::string zeros(64, '0');
  const moq_string wrong = text(zeros);
  const QuickConfig pinned_wrong(200);
  EXPECT_EQ(moq_client_set_tls_fingerprints(pinned_wrong.handle(), &wrong, 1), 0);
  EXPECT_EQ(ends_with(pinned_wrong), MOQ_ERROR_CONNECT);
}

TEST(Settings, ASessionSendsFromItsAddress) {
  const RelayChild relay;
  const QuickConfig config;
  const std::uint16_t port = free_port();
  const std::string address = "127.0.0.1:" + std::to_string(port);
  EXPECT_EQ(moq_client_set_bind(config.handle(), address.data(), address.size()), 0);
  TestSession session(relay.url(), config);
  EXPECT_EQ(session.status().next(), 1);

  // Nobody else can have it meanwhile.
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in taken{};
  taken.sin_family = AF_INET;
  taken.sin_port = htons(port);
  taken.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&taken), sizeof(taken)), -1);
  EXPECT_EQ(errno, EADDRINUSE);
  ::close(fd);
}

TEST(Settings, AnAttemptHasItsTime) {
  // It listens, and never says a word.
  const int silent = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  EXPECT_EQ(::bind(silent, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::getsockname(silent, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const QuickConfig config(1);
  EXPECT_EQ(moq_client_set_connect_timeout(config.handle(), 200), 0);
  const auto begin = std::chrono::steady_clock::now();
  TestSession session("moqt://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/", config);
  EXPECT_EQ(session.status().next(), MOQ_ERROR_CONNECT);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(200));
  EXPECT_NE(session.status().error().find("timed out"), std::string::npos)
      << session.status().error();
  ::close(silent);
}

TEST(Settings, ASilentConnectionIsDroppedAfterItsTime) {
  const RelayChild relay;
  const QuickConfig config;
  EXPECT_EQ(moq_client_set_quic_keep_alive(config.handle(), 0), 0);
  EXPECT_EQ(moq_client_set_quic_idle_timeout(config.handle(), 500), 0);
  TestSession session(relay.url(), config);
  EXPECT_EQ(session.status().next(), 1);
  EXPECT_EQ(session.status().next(), 2);
}

TEST(Settings, TheTransportsOwnShowInItsTrace) {
  const RelayChild relay;
  const Folder folder;
  const QuickConfig config;
  EXPECT_EQ(moq_client_set_backend(config.handle(), "ngtcp2", 6), 0);
  EXPECT_EQ(moq_client_set_quic_qlog(config.handle(), folder.path.data(), folder.path.size()), 0);
  EXPECT_EQ(moq_client_set_quic_max_streams(config.handle(), 77), 0);
  EXPECT_EQ(moq_client_set_quic_congestion_control(config.handle(), "delay", 5), 0);
  EXPECT_EQ(moq_client_set_quic_mtu_discovery(config.handle(), true), 0);
  EXPECT_EQ(moq_client_set_quic_gso(config.handle(), false), 0);
  {
    TestSession session(relay.url(), config);
    EXPECT_EQ(session.status().next(), 1);
  }
  std::string log;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path)) {
    log += app::test::read_file(entry.path());
  }
  EXPECT_NE(log.find("\"initial_max_streams_uni\":77"), std::string::npos);
  EXPECT_NE(log.find("\"initial_max_streams_bidi\":77"), std::string::npos);
}

TEST(Settings, AreCopiedByTheDial) {
  const RelayChild relay;
  auto config = std::make_unique<QuickConfig>();
  TestSession session(relay.url(), *config);
  EXPECT_EQ(moq_client_set_versions(config->handle(), nullptr, 0), 0);
  EXPECT_EQ(moq_client_set_backoff_initial(config->handle(), 0), 0);
  EXPECT_EQ(refused(*config), MOQ_ERROR_INVALID_CONFIG);
  config.reset();
  EXPECT_EQ(session.status().next(), 1);
}

TEST(Settings, TheDefaultsByValueAreThoseOfAHandle) {
  const moq_client_config defaults = moq_client_defaults();
  EXPECT_EQ(std::string(defaults.bind, defaults.bind_len), "[::]:0");
  EXPECT_EQ(defaults.connect_timeout_us, 30'000'000U);
  EXPECT_TRUE(defaults.has_connect_timeout);
  EXPECT_EQ(defaults.backoff_initial_us, 1'000'000U);
  EXPECT_EQ(defaults.backoff_timeout_us, 10'000'000U);
  EXPECT_EQ(defaults.backoff_multiplier, 2U);
  EXPECT_EQ(defaults.quic_max_streams, 1'024U);
  EXPECT_TRUE(defaults.websocket_enabled);
  for (const bool unset : {defaults.has_quic_gso, defaults.has_quic_mtu_discovery,
                           defaults.has_tls_system_roots, defaults.tls_disable_verify}) {
    EXPECT_FALSE(unset);
  }
  EXPECT_EQ(defaults.quic_congestion_control, nullptr);
}

}  // namespace
}  // namespace moq::capi
