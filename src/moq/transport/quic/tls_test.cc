#include "moq/transport/quic/tls.h"

#include "moq/transport/quic/test_bed_test.h"

namespace moq::transport::quic::test {
namespace {

Identity make_identity(std::vector<std::string> names,
                       WallTime now = std::chrono::system_clock::now(), bool client = false) {
  GenerateOptions options;
  options.names = std::move(names);
  options.now = now;
  options.client = client;
  return *Identity::generate(options);
}

/// Trusts `root` as an authority.
ClientTlsOptions trusting(const Identity& root) {
  ClientTlsOptions options;
  options.system_roots = false;
  options.roots_pem = root.chain_pem();
  return options;
}

class Tls : public testing::Test {
 protected:
  void serve(const Identity& shown) {
    ServerOptions options = bed.server_options();
    options.tls = server_tls(shown);
    bed.serve(std::move(options));
  }
  Result<std::unique_ptr<Connection>> dial(ClientTlsOptions tls, const std::string& name = kName) {
    DialOptions options = bed.dial_options();
    options.tls = *ClientTls::create(std::move(tls));
    options.server_name = name;
    return bed.dial(std::move(options));
  }
  void expect_refused(const Result<std::unique_ptr<Connection>>& dialed, std::string_view words) {
    ASSERT_FALSE(dialed);
    EXPECT_EQ(dialed.error().code, Code::tls);
    EXPECT_NE(dialed.error().text.find(words), std::string::npos) << dialed.error().describe();
    // The server has not taken it for a session.
    bed.world.run_for(5s);
    EXPECT_FALSE(bed.server->poll_accept(kio::Waiter::none()));
    EXPECT_EQ(bed.server->connections(), 0u);
  }
  Bed bed;
};

TEST_F(Tls, AcceptsAChainFromAGivenRoot) {
  serve(identity());
  const auto dialed = dial(trusting(identity()));
  ASSERT_TRUE(dialed) << dialed.error().describe();
  ASSERT_TRUE((*dialed)->peer_identity());
  EXPECT_EQ((*dialed)->peer_identity()->fingerprint, identity().fingerprint());
  EXPECT_EQ((*dialed)->peer_identity()->subject, "CN=" + kName);
}

TEST_F(Tls, RefusesAnUnknownIssuer) {
  serve(identity());
  expect_refused(dial(trusting(make_identity({"other.test"}))), "unknown issuer");
}

TEST_F(Tls, RefusesAnotherName) {
  serve(identity());
  expect_refused(
      dial(trusting(identity()), "elsewhere.test"),
      "name mismatch: the certificate is for relay.test, 10.0.0.2, 127.0.0.1, localhost, "
      "not for elsewhere.test");
}

TEST_F(Tls, RefusesAnExpiredCertificate) {
  const Identity old =
      make_identity({kName}, std::chrono::system_clock::now() - std::chrono::hours(24 * 30));
  serve(old);
  expect_refused(dial(trusting(old)), "certificate expired");
}

TEST_F(Tls, RefusesACertificateOfTheFuture) {
  const Identity early =
      make_identity({kName}, std::chrono::system_clock::now() + std::chrono::hours(24));
  serve(early);
  expect_refused(dial(trusting(early)), "certificate not yet valid");
}

TEST_F(Tls, RefusesAnotherFingerprint) {
  serve(identity());
  ClientTlsOptions options;
  options.pins = {make_identity({kName}).fingerprint()};
  expect_refused(dial(std::move(options)), "fingerprint mismatch");
}

TEST_F(Tls, APinIsEnoughWhateverTheNameAndDate) {
  const Identity old =
      make_identity({"old.test"}, std::chrono::system_clock::now() - std::chrono::hours(24 * 30));
  serve(old);
  ClientTlsOptions options;
  options.pins = {Fingerprint{}, old.fingerprint()};
  const auto dialed = dial(std::move(options));
  EXPECT_TRUE(dialed) << dialed.error().describe();
}

std::string warnings;

TEST_F(Tls, VerificationOffAcceptsAllAndWarns) {
  warnings.clear();
  log::set_sink([](log::Level, std::string_view, std::string_view text) { warnings += text; },
                log::Level::warn);
  serve(make_identity({"other.test"}));
  ClientTlsOptions options;
  options.insecure = true;
  const auto dialed = dial(std::move(options));
  log::set_sink(nullptr, log::Level::off);
  EXPECT_TRUE(dialed) << dialed.error().describe();
  EXPECT_NE(warnings.find("VERIFICATION IS OFF"), std::string::npos) << warnings;
}

TEST_F(Tls, SendsTheHostAsSni) {
  auto pair = bed.connect();
  EXPECT_EQ(pair.server->server_name(), kName);
}

TEST_F(Tls, SendsNoSniForAnAddressAndChecksIt) {
  serve(identity());
  const auto dialed = dial(trusting(identity()), "10.0.0.2");
  ASSERT_TRUE(dialed) << dialed.error().describe();
  const auto accepted = bed.accept();
  EXPECT_EQ((*accepted)->server_name(), std::nullopt);
  const auto other = dial(trusting(identity()), "10.0.0.3");
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().text.find("name mismatch"), std::string::npos);
}

TEST_F(Tls, ChecksAnIPv6AddressHoweverItIsWritten) {
  const Identity shown = make_identity({"fd00::7"});
  serve(shown);
  for (const char* name : {"fd00::7", "[fd00::7]", "FD00:0:0:0:0:0:0:7"}) {
    const auto dialed = dial(trusting(shown), name);
    ASSERT_TRUE(dialed) << name << ": " << dialed.error().describe();
    EXPECT_EQ((*bed.accept())->server_name(), std::nullopt) << name;
  }
  expect_refused(dial(trusting(shown), "fd00::8"),
                 "name mismatch: the certificate is for fd00::7, not for fd00::8");
}

TEST_F(Tls, WildcardsStandForOneLabel) {
  const Identity shown = make_identity({"*.relay.test"});
  serve(shown);
  EXPECT_TRUE(dial(trusting(shown), "a.relay.test"));
  EXPECT_FALSE(dial(trusting(shown), "a.b.relay.test"));
  EXPECT_FALSE(dial(trusting(shown), "relay.test"));
}

TEST_F(Tls, ANameCanBeOverridden) {
  serve(identity());
  ClientTlsOptions options = trusting(identity());
  options.server_name = kName;
  const auto dialed = dial(std::move(options), "10.9.9.9");
  ASSERT_TRUE(dialed) << dialed.error().describe();
  EXPECT_EQ((*bed.accept())->server_name(), kName);
}

TEST_F(Tls, TheSniChoosesTheCertificate) {
  const Identity other = make_identity({"second.test"});
  ServerTlsOptions tls;
  tls.identities = {identity(), other};
  ServerOptions options = bed.server_options();
  options.tls = *ServerTls::create(std::move(tls));
  bed.serve(std::move(options));
  const auto dialed = dial(trusting(other), "second.test");
  ASSERT_TRUE(dialed) << dialed.error().describe();
  EXPECT_EQ((*dialed)->peer_identity()->fingerprint, other.fingerprint());
  const auto unknown = dial(trusting(identity()), "10.0.0.2");
  EXPECT_TRUE(unknown) << unknown.error().describe();
}

TEST_F(Tls, ANewCertificateIsShownToNewClients) {
  auto before = bed.connect();
  const Identity fresh = make_identity({kName});
  bed.server->set_tls(server_tls(fresh));
  const auto stale = dial(trusting(identity()));
  ASSERT_FALSE(stale);
  EXPECT_EQ(stale.error().code, Code::tls);
  EXPECT_TRUE(dial(trusting(fresh)));
  EXPECT_FALSE(before.client->poll_closed(kio::Waiter::none()));
}

class MutualTls : public Tls {
 protected:
  void serve_mutual(ClientAuth auth, const Identity& trusted) {
    ServerTlsOptions tls;
    tls.identities = {identity()};
    tls.client_auth = auth;
    tls.client_roots_pem = trusted.chain_pem();
    ServerOptions options = bed.server_options();
    options.tls = *ServerTls::create(std::move(tls));
    bed.serve(std::move(options));
  }
  const Identity alice = make_identity({"alice.test"}, std::chrono::system_clock::now(), true);
  const Identity mallory = make_identity({"mallory.test"}, std::chrono::system_clock::now(), true);
};

TEST_F(MutualTls, TellsWhoTheClientIs) {
  serve_mutual(ClientAuth::require, alice);
  ClientTlsOptions options = trusting(identity());
  options.identity = alice;
  const auto dialed = dial(std::move(options));
  ASSERT_TRUE(dialed) << dialed.error().describe();
  const auto accepted = bed.accept();
  ASSERT_TRUE((*accepted)->peer_identity());
  EXPECT_EQ((*accepted)->peer_identity()->names, std::vector<std::string>{"alice.test"});
  EXPECT_EQ((*accepted)->peer_identity()->fingerprint, alice.fingerprint());
}

TEST_F(MutualTls, RefusesAClientWithAnotherCertificate) {
  for (const ClientAuth auth : {ClientAuth::request, ClientAuth::require}) {
    serve_mutual(auth, alice);
    ClientTlsOptions options = trusting(identity());
    options.identity = mallory;
    expect_refused(dial(std::move(options)), "the peer refuses");
    bed.server.reset();
  }
}

TEST_F(MutualTls, RequiresACertificateIfItShould) {
  serve_mutual(ClientAuth::require, alice);
  // Without a certificate to wait for, the client is done before the server refuses.
  const auto dialed = dial(trusting(identity()));
  ASSERT_TRUE(dialed) << dialed.error().describe();
  const Error error = bed.closed(**dialed);
  EXPECT_EQ(error.code, Code::tls) << error.describe();
  EXPECT_NE(error.text.find("certificate"), std::string::npos) << error.describe();
  EXPECT_FALSE(bed.server->poll_accept(kio::Waiter::none()));
}

TEST_F(MutualTls, RequestsACertificateWithoutInsisting) {
  serve_mutual(ClientAuth::request, alice);
  const auto dialed = dial(trusting(identity()));
  ASSERT_TRUE(dialed) << dialed.error().describe();
  EXPECT_EQ((*bed.accept())->peer_identity(), std::nullopt);
}

class Alpn : public Tls {
 protected:
  Result<std::unique_ptr<Connection>> negotiate(std::vector<std::string> server,
                                                std::vector<std::string> client) {
    ServerOptions serving = bed.server_options();
    serving.alpn = std::move(server);
    bed.serve(std::move(serving));
    DialOptions dialing = bed.dial_options();
    dialing.alpn = std::move(client);
    return bed.dial(std::move(dialing));
  }
  static std::vector<std::string> names(int first, int last) {
    std::vector<std::string> out;
    for (int i = first; i <= last; ++i) out.push_back("proto-" + std::to_string(i));
    return out;
  }
};

TEST_F(Alpn, TheServersPreferenceDecides) {
  const auto dialed = negotiate({"b", "a"}, {"a", "b"});
  ASSERT_TRUE(dialed) << dialed.error().describe();
  EXPECT_EQ((*dialed)->protocol(), "b");
  EXPECT_EQ((*bed.accept())->protocol(), "b");
}

TEST_F(Alpn, ServersKnowManyNames) {
  const auto dialed = negotiate(names(1, 30), {"proto-29", "proto-17"});
  ASSERT_TRUE(dialed) << dialed.error().describe();
  EXPECT_EQ((*dialed)->protocol(), "proto-17");
}

TEST_F(Alpn, ClientsOfferManyNamesInTurn) {
  const auto dialed = negotiate({"proto-20"}, names(1, 30));
  ASSERT_TRUE(dialed) << dialed.error().describe();
  EXPECT_EQ((*dialed)->protocol(), "proto-20");
  bed.world.run_for(5s);
  EXPECT_EQ(bed.server->connections(), 1u);
}

TEST_F(Alpn, NothingInCommonIsAVersionError) {
  for (const int offered : {1, 20}) {
    const auto dialed = negotiate({"a", "h3"}, names(1, offered));
    ASSERT_FALSE(dialed);
    EXPECT_EQ(dialed.error().code, Code::version) << dialed.error().describe();
    EXPECT_NE(dialed.error().text.find("ALPN"), std::string::npos);
    bed.server.reset();
  }
}

TEST_F(Alpn, UnusableNamesAreRefusedBeforeDialing) {
  for (const std::string& name : {std::string(), std::string(33, 'x')}) {
    DialOptions options = bed.dial_options();
    options.alpn = {name};
    EXPECT_EQ(bed.dial(std::move(options)).error().code, Code::bad_config);
  }
  DialOptions none = bed.dial_options();
  none.alpn.clear();
  EXPECT_EQ(bed.dial(std::move(none)).error().code, Code::bad_config);
}

TEST(TlsOptions, UnusableOnesAreNamedAtOnce) {
  EXPECT_EQ(ServerTls::create({}).error().code, Code::bad_config);
  ServerTlsOptions no_roots;
  no_roots.identities = {identity()};
  no_roots.client_auth = ClientAuth::require;
  EXPECT_EQ(ServerTls::create(std::move(no_roots)).error().code, Code::bad_config);
  ClientTlsOptions nothing;
  nothing.system_roots = false;
  EXPECT_EQ(ClientTls::create(std::move(nothing)).error().code, Code::bad_config);
  ClientTlsOptions bad_roots;
  bad_roots.roots_pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  EXPECT_EQ(ClientTls::create(std::move(bad_roots)).error().code, Code::bad_config);
  ClientTlsOptions no_file;
  no_file.root_files = {"/nowhere/roots.pem"};
  const auto missing = ClientTls::create(std::move(no_file));
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().text.find("/nowhere/roots.pem"), std::string::npos);
}

}  // namespace
}  // namespace moq::transport::quic::test
