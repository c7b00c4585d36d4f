#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "moq/io/tcp.h"
#include "moq/native/internal/bootstrap.h"

namespace moq::native {
namespace {

using transport::quic::Fingerprint;

const std::string kHash(64, 'a');

std::string ok(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

/// A web server on the machine's own address that knows one answer.
class Bootstrap : public testing::Test {
 protected:
  Bootstrap()
      : listener(*io::TcpListener::bind(*loop, *transport::SocketAddress::parse("127.0.0.1:0"))) {}

  Url url() {
    return *Url::parse("http://" + listener->local_address().to_string() + "/room?jwt=x");
  }
  /// What a client makes of `answer`, after which the server hangs up.
  Result<Fingerprint> fetch(const std::string& answer) {
    const auto serving = loop->spawn(serve(*listener, answer, request));
    return loop->run(fetch_fingerprint(*loop, resolver, url()));
  }
  void expect_failure(const std::string& answer, std::string_view words) {
    const auto fetched = fetch(answer);
    ASSERT_FALSE(fetched);
    EXPECT_EQ(fetched.error().code, Code::io) << fetched.error().describe();
    EXPECT_NE(fetched.error().text.find(words), std::string::npos) << fetched.error().describe();
    EXPECT_NE(fetched.error().text.find("/certificate.sha256"), std::string::npos);
    EXPECT_LT(fetched.error().text.size(), 200u);
  }

  static kio::Task<void> serve(io::TcpListener& listener, std::string answer,
                               std::string& request) {
    auto accepted = co_await listener.accept();
    if (!accepted) co_return;
    io::TcpStream& stream = **accepted;
    request.clear();
    while (request.find("\r\n\r\n") == std::string::npos) {
      auto part = co_await stream.read(1000);
      if (!part || part->empty()) co_return;
      request += part->text();
    }
    Bytes bytes = Bytes::copy(answer);
    const Result<void> written = co_await stream.write(bytes);
    EXPECT_TRUE(written) << written.error().describe();
  }

  std::unique_ptr<io::Loop> loop = *io::Loop::create();
  io::Resolver resolver;
  std::unique_ptr<io::TcpListener> listener;
  std::string request;
};

TEST_F(Bootstrap, FetchesTheHashAndNothingElseOfTheUrl) {
  const auto fetched = fetch(ok(kHash + "\n"));
  ASSERT_TRUE(fetched) << fetched.error().describe();
  EXPECT_EQ(transport::quic::to_hex(*fetched), kHash);
  EXPECT_TRUE(request.starts_with("GET /certificate.sha256 HTTP/1.1\r\n")) << request;
  EXPECT_NE(request.find("Host: " + listener->local_address().to_string() + "\r\n"),
            std::string::npos)
      << request;
  EXPECT_EQ(request.find("jwt"), std::string::npos) << "a token does not travel in the clear";
}

TEST_F(Bootstrap, TakesTheAnswerInWhateverFormHttpHas) {
  EXPECT_TRUE(fetch("HTTP/1.0 200 OK\r\n\r\n" + kHash)) << "its end is the connection's";
  EXPECT_TRUE(fetch("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n" +
                    kHash.substr(0, 32) + "\r\n20\r\n" + kHash.substr(32) + "\r\n0\r\n\r\n"));
  EXPECT_TRUE(fetch("HTTP/1.1 204 Fine\r\nContent-Length: 0\r\n\r\n").error().code == Code::io);
}

TEST_F(Bootstrap, AnythingElseIsAnErrorInFewWords) {
  expect_failure("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "HTTP status 404");
  expect_failure("HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n",
                 "HTTP status 302");
  expect_failure(ok("<html>" + std::string(5000, 'x')), "not the hash of a certificate");
  expect_failure(ok(""), "not the hash of a certificate");
  expect_failure(ok(std::string(kMaxBootstrapBytes + 1, 'a')), "not an HTTP answer");
  expect_failure("SSH-2.0-OpenSSH_9.2\r\n", "not an HTTP answer");
  expect_failure("HTTP/1.1 200 OK\r\nContent-Length: 64\r\n\r\naaaa", "too early");
  expect_failure("", "too early");
}

TEST_F(Bootstrap, ARefusalIsToldApart) {
  const Url nobody = url();
  listener.reset();
  const auto fetched = loop->run(fetch_fingerprint(*loop, resolver, nobody));
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().code, Code::refused) << fetched.error().describe();
}

}  // namespace
}  // namespace moq::native
