#include "moq/relay/config.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "moq/base/testing_paths.h"
#include "moq/relay/certificates.h"
#include "moq/transport/quic/certificate.h"

// A relay's settings come from files and the environment, so these tests write some.

namespace moq::relay {
namespace {

class RelayConfig : public testing::Test {
 protected:
  RelayConfig() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::temp_directory_path() /
              (std::string("moq-relay-config-") + test->name() + "-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  ~RelayConfig() override {
    for (const std::string& name : environment_) ::unsetenv(name.c_str());
    std::filesystem::remove_all(folder_);
  }
  void set_environment(const std::string& name, const std::string& value) {
    ::setenv(name.c_str(), value.c_str(), 1);
    environment_.push_back(name);
  }
  std::string write(const std::string& name, const std::string& text) {
    const std::string path = (folder_ / name).string();
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  /// As the program reads its settings. `arguments` as on the command line.
  Result<Config> read(std::vector<std::string> arguments) {
    CLI::App app("relay", "moq-relay");
    app::Settings settings(app);
    Config config;
    std::string file;
    config.add(app, settings, file);
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    try {
      app.parse(reversed);
    } catch (const CLI::ParseError& error) {
      return fail(Code::internal, error.what());
    }
    Result<void> good = file.empty() ? Result<void>() : settings.load_file(file);
    if (good) good = settings.apply();
    blames_file_ = settings.blames_file();
    MOQ_CHECK(good);
    MOQ_CHECK(config.finish());
    return config;
  }
  /// The failure's text; "" if there was none.
  std::string failure(std::vector<std::string> arguments) {
    auto config = read(std::move(arguments));
    if (config) return "";
    const Code code = config.error().code;
    EXPECT_TRUE(code == Code::bad_config || code == Code::invalid_argument)
        << config.error().describe();
    return config.error().describe();
  }
  static bool contains(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
  }

  std::filesystem::path folder_;
  bool blames_file_ = false;  ///< As `Settings` said after the last `read`.
  std::vector<std::string> environment_;
};

TEST_F(RelayConfig, TheFileMayStandBehindAnyFlag) {
  const std::string file = write("relay.toml", "[auth]\npublic = \"**\"\n");
  const std::string names = "--listen-tls-generate=localhost";
  const auto one = read({names, "--listen", "127.0.0.1:1001", file});
  ASSERT_TRUE(one) << one.error().describe();
  EXPECT_EQ(one->listen.port, 1001);
  const auto list = read({"--listen-tls-generate", "localhost", file});
  ASSERT_TRUE(list) << list.error().describe();
}

TEST_F(RelayConfig, FlagsWinOverEnvironmentOverFile) {
  const std::string file = write("relay.toml",
                                 "drain_timeout = \"1s\"\n"
                                 "[listen]\n"
                                 "bind = \"127.0.0.1:1001\"\n"
                                 "tls.generate = [\"localhost\", \"relay.test\"]\n"
                                 "[auth]\n"
                                 "public = \"file/**\"\n"
                                 "[cluster]\n"
                                 "id = 11\n");
  const auto from_file = read({file});
  ASSERT_TRUE(from_file) << from_file.error().describe();
  EXPECT_EQ(from_file->listen.port, 1001);
  EXPECT_EQ(from_file->tls_generate, (std::vector<std::string>{"localhost", "relay.test"}));
  EXPECT_EQ(from_file->hop, 11U);
  EXPECT_EQ(from_file->drain_timeout, 1s);
  EXPECT_TRUE(Grants::covers(from_file->grants.publish, net::Path::of("file/a")));

  set_environment("MOQ_LISTEN", "127.0.0.1:1002");
  set_environment("MOQ_CLUSTER_ID", "12");
  set_environment("MOQ_AUTH_PUBLIC", "env/**,more/*");
  const auto with_environment = read({file});
  ASSERT_TRUE(with_environment) << with_environment.error().describe();
  EXPECT_EQ(with_environment->listen.port, 1002);
  EXPECT_EQ(with_environment->hop, 12U);
  EXPECT_EQ(with_environment->drain_timeout, 1s);
  // A list is taken whole from the highest place that has it.
  EXPECT_TRUE(Grants::covers(with_environment->grants.publish, net::Path::of("env/a")));
  EXPECT_TRUE(Grants::covers(with_environment->grants.subscribe, net::Path::of("more/a")));
  EXPECT_FALSE(Grants::covers(with_environment->grants.publish, net::Path::of("file/a")));

  const auto with_flags = read({file, "--listen", "127.0.0.1:1003", "--auth-public", "flag/**"});
  ASSERT_TRUE(with_flags) << with_flags.error().describe();
  EXPECT_EQ(with_flags->listen.port, 1003);
  EXPECT_EQ(with_flags->hop, 12U);
  EXPECT_TRUE(Grants::covers(with_flags->grants.publish, net::Path::of("flag/a")));
  EXPECT_FALSE(Grants::covers(with_flags->grants.publish, net::Path::of("env/a")));
}

TEST_F(RelayConfig, DefaultsOnceCertificateAndGrantsAreThere) {
  const auto config = read({"--listen-tls-generate", "localhost", "--auth-public", "**"});
  ASSERT_TRUE(config) << config.error().describe();
  EXPECT_EQ(config->listen.port, 443);
  EXPECT_EQ(config->drain_timeout, 10s);
  EXPECT_FALSE(config->hop);
  EXPECT_FALSE(config->web_listen);
  EXPECT_FALSE(config->web_https_listen);
  EXPECT_TRUE(std::ranges::equal(config->versions, net::session_versions()));
}

TEST_F(RelayConfig, TheCacheMayBeASizeOrAShareOfTheMemory) {
  const std::vector<std::string> good = {"--listen-tls-generate", "localhost", "--auth-public",
                                         "**"};
  const auto cache = [&](const std::string& value) {
    std::vector<std::string> arguments = good;
    arguments.push_back("--cache-capacity=" + value);
    const auto config = read(arguments);
    return config ? config->cache_bytes : 0;
  };
  EXPECT_EQ(read(good)->cache_bytes, net::kMaxOriginBytes);
  EXPECT_EQ(cache("64MiB"), 64U << 20);
  const std::uint64_t all = cache("100%");
  EXPECT_GT(all, 64U << 20);
  EXPECT_NEAR(static_cast<double>(cache("25%")), static_cast<double>(all) / 4, 1);
}

TEST_F(RelayConfig, PublishingAndSubscribingAreGrantedApart) {
  const auto config = read({"--listen-tls-generate", "localhost", "--auth-public-publish", "p/**",
                            "--auth-public-subscribe", "s/**"});
  ASSERT_TRUE(config) << config.error().describe();
  EXPECT_TRUE(Grants::covers(config->grants.publish, net::Path::of("p/a")));
  EXPECT_FALSE(Grants::covers(config->grants.publish, net::Path::of("s/a")));
  EXPECT_TRUE(Grants::covers(config->grants.subscribe, net::Path::of("s/a")));
  EXPECT_FALSE(Grants::covers(config->grants.subscribe, net::Path::of("p/a")));
}

TEST_F(RelayConfig, TheFileMayStandAnywhere) {
  const std::string file = write("relay.toml", "drain_timeout = \"1s\"\n");
  const std::vector<std::string> flags = {
      "--listen-tls-generate", "localhost", "--auth-public", "a/**", "--auth-public", "b/**,c/**"};
  for (std::size_t at = 0; at <= flags.size(); at += 2) {
    std::vector<std::string> arguments = flags;
    arguments.insert(arguments.begin() + static_cast<std::ptrdiff_t>(at), file);
    const auto config = read(arguments);
    ASSERT_TRUE(config) << at << ": " << config.error().describe();
    EXPECT_EQ(config->drain_timeout, 1s) << at;
    EXPECT_EQ(config->grants.publish.size(), 3U) << at;
  }
}

TEST_F(RelayConfig, TheReadmesFileIsGood) {
  std::ifstream readme(test_source_dir() + "/src/moq/relay/README.md");
  const std::string text{std::istreambuf_iterator<char>(readme), {}};
  constexpr std::string_view kFence = "```toml\n";
  const std::size_t begin = text.find(kFence) + kFence.size();
  const auto config =
      read({write("relay.toml", text.substr(begin, text.find("```", begin) - begin))});
  ASSERT_TRUE(config) << config.error().describe();
  EXPECT_EQ(config->listen.port, 4443);
  EXPECT_TRUE(Grants::covers(config->grants.subscribe, net::Path::of("live/a")));
  EXPECT_FALSE(Grants::covers(config->grants.publish, net::Path::of("live/a")));
}

TEST_F(RelayConfig, AnUnknownKeyIsNamedWithWhatCouldStandThere) {
  const std::string text = failure({write("relay.toml", "[listen]\nbnid = \"127.0.0.1:1\"\n")});
  EXPECT_TRUE(contains(text, "unknown field `bnid`")) << text;
  EXPECT_TRUE(contains(text, "`bind`")) << text;
  EXPECT_TRUE(contains(text, "in `listen`")) << text;
  EXPECT_TRUE(blames_file_);
}

TEST_F(RelayConfig, WhatCannotStandInAFileIsNamedByItsPlace) {
  const std::vector<std::pair<std::string, std::string>> bad = {
      {"bogus = 1", "unknown field `bogus`, expected one of `log`, `listen`, `auth`"},
      {"[server]\nbind = \"x\"", "unknown field `server`, expected one of `log`, `listen`"},
      {"[listen.tls]\nbogus = 1",
       "unknown field `bogus`, expected one of `cert`, `key`, `generate`, `root` in `listen.tls`"},
      {"[listen.sll]\nkey = 1", "unknown field `sll`, expected one of `bind`"},
      {"listen = \"x\"", "`listen` is a table"},
      {"[[listen]]\nbind = \"x\"", "`listen` is a table"},
      {"[listen.bind]\nport = 1", "`listen.bind` is not a table"},
      {"[listen]\nbind = [\"a\", \"b\"]", "listen.bind: takes one value"},
      {"[cluster]\nid = 1979-05-27", "cluster.id: neither text nor number"},
      {"[cluster]\nid = -1", "cluster.id: '-1' is not a number"}};
  for (const auto& [text, says] : bad) {
    const std::string path = write("relay.toml", text);
    const std::string said = failure({path});
    EXPECT_TRUE(contains(said, path + ": ")) << said;
    EXPECT_TRUE(contains(said, says)) << said;
    EXPECT_TRUE(blames_file_) << said;
  }
}

TEST_F(RelayConfig, AFileIsNotBlamedForTheCommandLine) {
  const std::string file = write("relay.toml", "[listen]\nbind = \"127.0.0.1:1\"\n");
  EXPECT_TRUE(contains(failure({file, "--listen", "x"}), "--listen: "));
  EXPECT_FALSE(blames_file_);
}

TEST_F(RelayConfig, ABrokenFileIsNamedWithItsLine) {
  const std::string path = write("relay.toml", "[listen]\nbind = \n");
  const std::string text = failure({path});
  EXPECT_TRUE(contains(text, path + ":2")) << text;
  const std::string missing = (folder_ / "missing.toml").string();
  EXPECT_EQ(read({missing}).error().text, "FILE: '" + missing + "': No such file or directory");
  EXPECT_EQ(read({folder_.string()}).error().text,
            "FILE: '" + folder_.string() + "': Is a directory");
}

TEST_F(RelayConfig, BadValuesNameTheirSetting) {
  const std::vector<std::string> good = {"--listen-tls-generate", "localhost", "--auth-public",
                                         "**"};
  const std::vector<std::pair<std::string, std::string>> bad = {
      {"--listen", "nowhere"},
      {"--cluster-id", "0"},
      {"--cluster-id", "x"},
      {"--cluster-id", "9007199254740992"},
      {"--drain-timeout", "soon"},
      {"--listen-version", "moq-lite-99"},
      {"--log-level", "loud"},
      {"--auth-public", "exact"},
      {"--listen-timeout", "0s"},
      {"--cache-capacity", "lots"},
      {"--cache-capacity", "1000"},
      {"--cache-capacity", "101%"},
      {"--quic-receive-window", "0"},
      {"--quic-max-streams", "0"},
      {"--quic-gso", "perhaps"},
      {"--web-http-listen", "127.0.0.1"},
      {"--web-https-listen", "127.0.0.1"},
      {"--workers", "0"},
      {"--workers", "257"},
      {"--workers", "many"}};
  for (const auto& [flag, value] : bad) {
    std::vector<std::string> arguments = good;
    arguments.push_back(flag);
    arguments.push_back(value);
    EXPECT_TRUE(contains(failure(arguments), flag)) << flag << " " << value;
  }
  const std::string in_file = failure({write("relay.toml", "[cluster]\nid = -1\n")});
  EXPECT_TRUE(contains(in_file, "cluster.id")) << in_file;
}

TEST_F(RelayConfig, WorkersAreANumberOrOneAProcessor) {
  const auto workers = [this](const std::string& text) {
    const auto config =
        read({"--auth-public", "**", "--listen-tls-generate", "localhost", "--workers", text});
    EXPECT_TRUE(config) << config.error().describe();
    return config ? config->workers : 0;
  };
  EXPECT_EQ(workers("1"), 1U);
  EXPECT_EQ(workers("256"), 256U);
  EXPECT_GE(workers("auto"), 1U);
}

TEST_F(RelayConfig, NeedsACertificate) {
  EXPECT_TRUE(contains(failure({"--auth-public", "**"}), "no certificate"));
  EXPECT_TRUE(contains(failure({"--auth-public", "**", "--listen-tls-cert", "a.pem"}), "pairs"));
}

TEST_F(RelayConfig, NeedsAGrant) {
  EXPECT_TRUE(contains(failure({"--listen-tls-generate", "localhost"}), "--auth-public"));
}

TEST_F(RelayConfig, CertificateFilesThatAreMissingOrBrokenAreNamed) {
  const std::string missing = (folder_ / "missing.pem").string();
  auto config =
      read({"--auth-public", "**", "--listen-tls-cert", missing, "--listen-tls-key", missing});
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, Code::io);
  EXPECT_TRUE(contains(config.error().text, "--listen-tls-cert: '" + missing + "': No such file"))
      << config.error().text;

  const std::string broken = write("broken.pem", "not a certificate");
  config = read({"--auth-public", "**", "--listen-tls-cert", broken, "--listen-tls-key", broken});
  ASSERT_TRUE(config);
  const auto certificates = Certificates::create(*config);
  ASSERT_FALSE(certificates);
  EXPECT_TRUE(contains(certificates.error().describe(), broken)) << certificates.error().describe();
}

TEST_F(RelayConfig, TcpAndUnixSocketsAreOffUnlessAskedFor) {
  const std::vector<std::string> good = {"--auth-public", "**", "--listen-tls-generate",
                                         "localhost"};
  const auto with = [&good](std::vector<std::string> more) {
    more.insert(more.begin(), good.begin(), good.end());
    return more;
  };
  const auto plain = read(good);
  ASSERT_TRUE(plain);
  EXPECT_FALSE(plain->tcp_listen);
  EXPECT_EQ(plain->unix_listen.path, "");

  const auto both = read(with({"--listen-tcp-bind", "10.0.0.1:4443", "--listen-unix-bind",
                               "/run/moq.sock", "--listen-unix-allow-uid", "1000",
                               "--listen-unix-allow-uid", "0", "--listen-unix-allow-gid", "7"}));
  ASSERT_TRUE(both) << both.error().describe();
  EXPECT_EQ(both->tcp_listen->to_string(), "10.0.0.1:4443");
  EXPECT_EQ(both->unix_listen.path, "/run/moq.sock");
  EXPECT_EQ(both->unix_listen.allow.uids, (std::vector<std::uint32_t>{1000, 0}));
  EXPECT_EQ(both->unix_listen.allow.gids, (std::vector<std::uint32_t>{7}));
  EXPECT_TRUE(both->unix_listen.allow.pids.empty());

  const std::string file = write("relay.toml",
                                 "[listen]\ntcp.bind = \"[::1]:1\"\n"
                                 "[listen.unix]\nbind = \"/s\"\nallow.uid = [1, 2]\n"
                                 "allow.pid = 3\n");
  const auto from_file = read(with({file}));
  ASSERT_TRUE(from_file) << from_file.error().describe();
  EXPECT_EQ(from_file->tcp_listen->port, 1);
  EXPECT_EQ(from_file->unix_listen.allow.uids, (std::vector<std::uint32_t>{1, 2}));
  EXPECT_EQ(from_file->unix_listen.allow.pids, (std::vector<std::int32_t>{3}));

  for (const char* number : {"root", "-1", "4294967296", "1x", ""}) {
    EXPECT_TRUE(
        contains(failure(with({"--listen-unix-bind", "/s", "--listen-unix-allow-uid", number})),
                 "--listen-unix-allow-uid"))
        << number;
  }
  EXPECT_TRUE(contains(failure(with({"--listen-unix-allow-gid", "1"})), "--listen-unix-bind"));
  EXPECT_TRUE(contains(failure(with({"--listen-unix-bind", std::string(108, 'x')})), "107 bytes"));
  EXPECT_TRUE(contains(failure(with({"--listen-tcp-bind", "nowhere"})), "--listen-tcp-bind"));
}

TEST_F(RelayConfig, GeneratesACertificate) {
  const auto config = read({"--auth-public", "**", "--listen-tls-generate", "localhost"});
  ASSERT_TRUE(config);
  const auto certificates = Certificates::create(*config);
  ASSERT_TRUE(certificates) << certificates.error().describe();
  EXPECT_EQ(certificates->tls().identities().size(), 1U);
}

TEST_F(RelayConfig, SslkeylogfileIsForTheSecretsOfEveryCertificate) {
  const std::vector<std::string> good = {"--auth-public", "**", "--listen-tls-generate",
                                         "localhost"};
  set_environment("SSLKEYLOGFILE", "");
  EXPECT_EQ(read(good)->key_log_file, "");
  set_environment("SSLKEYLOGFILE", (folder_ / "keys.log").string());
  const auto config = read(good);
  auto certificates = Certificates::create(*config);
  ASSERT_TRUE(certificates);
  EXPECT_TRUE(std::filesystem::exists(config->key_log_file));
  std::filesystem::remove(config->key_log_file);
  ASSERT_TRUE(certificates->reload());
  EXPECT_TRUE(std::filesystem::exists(config->key_log_file));
}

TEST_F(RelayConfig, TheResetKeyIsAFileOfExactly32Bytes) {
  Config config;
  EXPECT_FALSE(config.reset_key()->has_value());
  config.reset_key_file = write("key", std::string(32, 'k'));
  ASSERT_TRUE(config.reset_key());
  EXPECT_TRUE(config.reset_key()->has_value());
  for (const std::size_t size : {std::size_t{0}, std::size_t{31}, std::size_t{33}}) {
    config.reset_key_file = write("key", std::string(size, 'k'));
    const auto key = config.reset_key();
    ASSERT_FALSE(key) << size;
    EXPECT_EQ(key.error().code, Code::bad_config);
  }
  config.reset_key_file = (folder_ / "missing").string();
  EXPECT_FALSE(config.reset_key());
}

}  // namespace
}  // namespace moq::relay
