#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "moq/app/child_test.h"
#include "moq/base/testing_paths.h"
#include "moq/io/tcp.h"
#include "moq/native/client.h"
#include "moq/relay/config.h"

// The program as people run it, on this machine.
namespace moq::relay {
namespace {

using app::test::Child;
using app::test::RelayChild;

std::vector<std::string> relay(std::vector<std::string> more) {
  std::vector<std::string> all = {test_bin_dir() + "/moq-relay",
                                  "--listen",
                                  "127.0.0.1:0",
                                  "--listen-tls-generate",
                                  "127.0.0.1",
                                  "--auth-public",
                                  "**"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

/// What it says of a start that fails: its last line.
std::string last_line(Child& child, int exit_code) {
  EXPECT_EQ(child.wait(), exit_code) << child;
  const std::string& log = child.err();
  if (!log.ends_with('\n')) return "";
  const std::size_t begin = log.rfind('\n', log.size() - 2);
  return log.substr(begin == std::string::npos ? 0 : begin + 1);
}

TEST(RelayProgram, APortInUseIsNamedByItsFlag) {
  RelayChild first;
  Child same(relay({"--listen", first.authority()}));
  EXPECT_NE(last_line(same, 1).find("--listen: bind to " + first.authority() +
                                    ": Address already in use"),
            std::string::npos)
      << same;
  Child same_web(relay({"--web-http-listen", first.authority()}));
  EXPECT_NE(
      last_line(same_web, 1)
          .find("--web-http-listen: listen at " + first.authority() + ": Address already in use"),
      std::string::npos)
      << same_web;
}

/// What follows `addr=` in the program's event of that kind.
std::string listening_at(Child& child, const std::string& kind) {
  const std::string line = child.expect_err("event=listening kind=" + kind);
  const std::size_t begin = line.find("addr=");
  if (begin == std::string::npos) return "";
  return line.substr(begin + 5, line.find_first_of(" \n", begin) - begin - 5);
}

TEST(RelayProgram, TakesWhatComesOverTcpAndHandsItOutOverAUnixSocket) {
  const std::string socket =
      testing::TempDir() + "moq-relay-" + std::to_string(::getpid()) + ".sock";
  Child started(relay({"--listen-tcp-bind", "127.0.0.1:0", "--listen-unix-bind", socket,
                       "--listen-unix-allow-uid", std::to_string(::geteuid())}));
  const std::string tcp = listening_at(started, "tcp");
  ASSERT_EQ(listening_at(started, "unix"), socket) << started;

  auto loop = *io::Loop::create();
  io::Resolver resolver;
  SystemRandom random;
  auto client = *native::Client::create(native::Environment(*loop, resolver, random), {});
  net::origin::Producer published(1);
  net::origin::Producer found(2);
  net::broadcast::Producer broadcast;
  auto track = *broadcast.create_track("video", {.max_age = 60s});
  const auto announcement = *published.announce(net::Path::of("a"), broadcast.consume());
  ASSERT_TRUE(track.write_frame(1, Bytes::copy("payload")));

  net::SessionOptions up;
  up.publish = published.consume();
  auto over_tcp =
      loop->run(client.connect(*native::Url::parse("tcp://" + tcp + "/room"), std::move(up)));
  ASSERT_TRUE(over_tcp) << over_tcp.error().describe() << started;
  started.expect_err("transport=tcp");
  net::SessionOptions down;
  down.subscribe = found.clone();
  auto over_unix =
      loop->run(client.connect(*native::Url::parse("unix://" + socket), std::move(down)));
  ASSERT_TRUE(over_unix) << over_unix.error().describe() << started;
  started.expect_err("transport=unix");

  const std::string got = loop->run([](net::origin::Producer& all) -> kio::Task<std::string> {
    auto announced = all.consume().announced_exactly(net::Path::of("room/a"));
    net::origin::Update update = co_await announced.next();
    if (!update.broadcast) co_return "no broadcast";
    auto reader = update.broadcast->subscribe("video", {.max_age = 60s});
    auto group = co_await reader.next_group();
    if (!group || !*group) co_return "no group";
    auto frame = co_await (*group)->read_frame();
    if (!frame || !*frame) co_return "no frame";
    co_return std::string((*frame)->second.text());
  }(found));
  EXPECT_EQ(got, "payload");

  started.signal(SIGTERM);
  EXPECT_EQ(started.wait(), 0);
  EXPECT_FALSE(std::filesystem::exists(socket));
}

TEST(RelayProgram, AUserWhoIsNotListedIsRefusedAtTheUnixSocket) {
  const std::string socket =
      testing::TempDir() + "moq-relay-no-" + std::to_string(::getpid()) + ".sock";
  Child started(relay(
      {"--listen-unix-bind", socket, "--listen-unix-allow-uid", std::to_string(::geteuid() + 1)}));
  ASSERT_EQ(listening_at(started, "unix"), socket) << started;
  auto loop = *io::Loop::create();
  io::Resolver resolver;
  SystemRandom random;
  auto client = *native::Client::create(native::Environment(*loop, resolver, random), {});
  const auto session = loop->run(client.connect(*native::Url::parse("unix://" + socket), {}));
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().code, Code::unauthorized) << session.error().describe();
  started.expect_err("may not connect");

  Child second(relay({"--listen-unix-bind", socket}));
  EXPECT_NE(last_line(second, 1).find("--listen-unix-bind: somebody listens at '" + socket),
            std::string::npos)
      << second;
}

TEST(RelayProgram, ExitCodesTellACommandLineFromTheRest) {
  const std::string file = testing::TempDir() + "moq-relay-" + std::to_string(::getpid()) + ".toml";
  std::ofstream(file) << "[listen]\nbogus = 1\n";
  Child unknown_key(relay({file}));
  EXPECT_EQ(last_line(unknown_key, 1).find("moq-relay: " + file + ": unknown field `bogus`"), 0U);
  std::filesystem::remove(file);
  Child no_file(relay({file}));
  EXPECT_EQ(last_line(no_file, 1),
            "moq-relay: FILE: '" + file + "': No such file or directory; see moq-relay --help\n");
  Child bad_flag(relay({"--drain-timeout", "soon"}));
  EXPECT_EQ(last_line(bad_flag, 2).find("moq-relay: --drain-timeout: 'soon' is not a"), 0U);
  Child bad_address(relay({"--listen", "nowhere"}));
  EXPECT_EQ(last_line(bad_address, 2).find("moq-relay: --listen: 'nowhere' is not ADDR"), 0U);
  Child bad_environment(relay({}), {"MOQ_CLUSTER_ID=0"});
  EXPECT_EQ(last_line(bad_environment, 2).find("moq-relay: --cluster-id: '0' is not"), 0U);
}

TEST(RelayProgram, SigtermEndsAnIdleOneAtOnce) {
  RelayChild started;
  started.child().signal(SIGTERM);
  EXPECT_EQ(started.child().wait(), 0);
  EXPECT_NE(started.child().err().find("event=drained sessions=0"), std::string::npos)
      << started.child();
}

TEST(RelayProgram, ASecondSigtermWaitsForNobody) {
  RelayChild started;
  auto loop = *io::Loop::create();
  io::Resolver resolver;
  SystemRandom random;
  auto client = *native::Client::create(native::Environment(*loop, resolver, random), {});
  // A session that stays where it is, whatever the relay asks.
  auto established = loop->run(client.connect(*native::Url::parse(started.url()), {}));
  ASSERT_TRUE(established) << established.error().describe();
  started.child().expect_err("event=session_accepted");
  started.child().signal(SIGTERM);
  started.child().expect_err("event=draining sessions=1");
  const auto begin = std::chrono::steady_clock::now();
  started.child().signal(SIGTERM);
  EXPECT_EQ(started.child().wait(), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, Config().drain_timeout);
}

/// All that an HTTP client gets for `request`; the connection is reset if it does not end well.
std::string ask(const std::string& authority, const std::string& request) {
  auto loop = *io::Loop::create();
  const auto address = *transport::SocketAddress::parse(authority);
  auto stream = loop->run(io::TcpStream::connect(*loop, address));
  if (!stream) return stream.error().describe();
  return loop->run([](io::TcpStream& tcp, std::string text) -> kio::Task<std::string> {
    Bytes data = Bytes::copy(text);
    const auto written = co_await tcp.write(data);
    if (!written) co_return written.error().describe();
    std::string all;
    for (;;) {
      const auto part = co_await tcp.read(65536);
      if (!part) co_return part.error().describe();
      if (part->empty()) co_return all;
      all += part->text();
    }
  }(**stream, request));
}

TEST(RelayProgram, AnswersTheFirstOfPipelinedRequestsWithoutAReset) {
  RelayChild started;
  const std::string get = "GET /health HTTP/1.1\r\nHost: relay\r\n\r\n";
  std::string many;
  for (int i = 0; i < 1000; ++i) many += get;
  const std::string answer = ask(started.authority(), many);
  EXPECT_EQ(answer.find("HTTP/1.1 200 OK\r\n"), 0U) << answer;
  EXPECT_NE(answer.find("\r\nConnection: close\r\n"), std::string::npos);
  EXPECT_TRUE(answer.ends_with("\r\n\r\nok\n"));
  const std::string body(100'000, 'x');
  const std::string refused =
      ask(started.authority(),
          "POST / HTTP/1.1\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  EXPECT_EQ(refused.find("HTTP/1.1 405 Method Not Allowed\r\n"), 0U) << refused;
}

/// A relay whose certificate is in files.
class CertificateFiles : public testing::Test {
 protected:
  using Identity = transport::quic::Identity;

  CertificateFiles() {
    write(cert_, first_.chain_pem());
    write(key_, first_.key_pem());
    for (int attempt = 0; attempt < 5 && !listening(); ++attempt) start();
    EXPECT_TRUE(listening()) << *child_;
  }
  ~CertificateFiles() override {
    std::filesystem::remove(cert_);
    std::filesystem::remove(key_);
  }
  void start() {
    authority_ = "127.0.0.1:" + std::to_string(app::test::free_port());
    child_.emplace(std::vector<std::string>{
        test_bin_dir() + "/moq-relay", "--listen", authority_, "--listen-tls-cert", cert_,
        "--listen-tls-key", key_, "--auth-public", "**", "--web-http-listen", authority_});
    const auto over = [this] {
      return listening() || child_->err().find("event=failed") != std::string::npos;
    };
    while (!over() && !child_->expect_err("event=").empty()) {
    }
  }
  [[nodiscard]] bool listening() const {
    return child_ && child_->err().find("kind=http") != std::string::npos;
  }
  static Identity make_identity() {
    transport::quic::GenerateOptions options;
    options.names = {"127.0.0.1"};
    return *Identity::generate(options);
  }
  static void write(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
  }
  static std::string hash(const Identity& identity) {
    return transport::quic::to_hex(identity.fingerprint());
  }
  bool shows(const Identity& identity) {
    return ask(authority_, "GET /certificate.sha256 HTTP/1.1\r\nHost: relay\r\n\r\n")
        .ends_with("\r\n\r\n" + hash(identity));
  }
  /// A session of a client that takes this certificate alone.
  Result<native::Established> dial(const Identity& identity) {
    native::ClientOptions options;
    options.tls.pins = {identity.fingerprint()};
    options.tls_configured = true;
    auto client = *native::Client::create(native::Environment(*loop_, resolver_, random_), options);
    return loop_->run(client.connect(*native::Url::parse("moqt://" + authority_ + "/"), {}));
  }

  std::string cert_ = testing::TempDir() + "moq-relay-" + std::to_string(::getpid()) + ".pem";
  std::string key_ = testing::TempDir() + "moq-relay-" + std::to_string(::getpid()) + ".key";
  Identity first_ = make_identity();
  Identity second_ = make_identity();
  std::unique_ptr<io::Loop> loop_ = *io::Loop::create();
  io::Resolver resolver_;
  SystemRandom random_;
  std::string authority_;
  std::optional<Child> child_;
};

TEST_F(CertificateFiles, AreReadAgainAtSighup) {
  const auto old = dial(first_);
  ASSERT_TRUE(old) << old.error().describe();

  // One file alone is of no use.
  write(cert_, second_.chain_pem());
  child_->signal(SIGHUP);
  const std::string failed = child_->expect_err("event=certificate_failed");
  EXPECT_NE(failed.find("ERROR"), std::string::npos) << failed;
  EXPECT_NE(failed.find("'" + cert_ + "', '" + key_ + "': the private key is not"),
            std::string::npos)
      << failed;
  EXPECT_TRUE(shows(first_));
  EXPECT_TRUE(dial(first_));

  write(key_, second_.key_pem());
  child_->signal(SIGHUP);
  child_->expect_err("event=certificates_reloaded fingerprint=" + hash(second_) + " expires=20");
  EXPECT_TRUE(shows(second_));
  const auto stale = dial(first_);
  ASSERT_FALSE(stale);
  EXPECT_EQ(stale.error().code, Code::tls);
  const auto fresh = dial(second_);
  EXPECT_TRUE(fresh) << fresh.error().describe();
  EXPECT_TRUE(old->session.poll_closed(kio::Waiter::none()).pending());
}

TEST_F(CertificateFiles, AreReadAgainAtSigusr1AndWhileItDrains) {
  const auto session = dial(first_);
  ASSERT_TRUE(session) << session.error().describe();
  child_->expect_err("event=session_accepted");
  child_->signal(SIGUSR1);
  child_->expect_err("event=certificates_reloaded");
  child_->signal(SIGTERM);
  child_->expect_err("event=draining sessions=1");
  child_->signal(SIGHUP);
  child_->expect_err("event=certificates_reloaded");
  // It did not count as the second signal, which waits for nobody.
  child_->signal(SIGUSR1);
  child_->expect_err("event=certificates_reloaded");
  child_->signal(SIGTERM);
  EXPECT_EQ(child_->wait(), 0);
}

TEST(RelayProgram, WithoutCertificateFilesSighupEndsItAsEver) {
  RelayChild started;
  started.child().signal(SIGUSR1);
  started.child().expect_err("event=certificates_reloaded");
  started.child().signal(SIGHUP);
  EXPECT_EQ(started.child().wait(), -SIGHUP);
}

}  // namespace
}  // namespace moq::relay
