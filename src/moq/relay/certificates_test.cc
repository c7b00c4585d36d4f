#include "moq/relay/certificates.h"

#include <gtest/gtest.h>

#include "moq/relay/test_bed_test.h"

namespace moq::relay::test {
namespace {

using std::chrono::days;
using std::chrono::hours;
using transport::quic::Fingerprint;
using transport::quic::WallTime;

constexpr WallTime kBegin{std::chrono::seconds(1'750'000'000)};
/// From the making of a certificate, which is valid from an hour before, to its last quarter.
constexpr Duration kToRenewal = days(10) + hours(11);

class CertificatesTest : public testing::Test {
 protected:
  CertificatesTest() {
    config_.tls_generate = {"relay.test"};
    config_.wall_clock = [this] { return wall_; };
  }
  Certificates make() const { return *Certificates::create(config_); }
  Config config_;
  WallTime wall_ = kBegin;
};

TEST_F(CertificatesTest, AGeneratedOneIsDueInItsLastQuarter) {
  Certificates certificates = make();
  EXPECT_FALSE(certificates.renewal_due());
  wall_ = kBegin + kToRenewal - 1s;
  EXPECT_FALSE(certificates.renewal_due());
  wall_ = kBegin + kToRenewal;
  EXPECT_TRUE(certificates.renewal_due());
  const auto renewed = certificates.renew();
  ASSERT_TRUE(renewed) << renewed.error().describe();
  EXPECT_FALSE(certificates.renewal_due());
  EXPECT_EQ(renewed->expires(), wall_ - hours(1) + days(14));
  EXPECT_EQ(certificates.first().fingerprint(), renewed->fingerprint());
}

TEST_F(CertificatesTest, AClockThatIsSetMakesAGeneratedOneDue) {
  Certificates certificates = make();
  // A board without a battery learns the time after it has started.
  for (const WallTime now : {kBegin + days(400), kBegin - hours(2)}) {
    wall_ = now;
    EXPECT_TRUE(certificates.renewal_due());
    ASSERT_TRUE(certificates.renew());
    EXPECT_FALSE(certificates.renewal_due());
  }
  wall_ -= std::chrono::minutes(59);
  EXPECT_FALSE(certificates.renewal_due());
}

TEST_F(CertificatesTest, RenewalLeavesAllOthersAsTheyAre) {
  config_.identities = {identity()};
  Certificates certificates = make();
  const Fingerprint before = certificates.tls().identities().at(1).fingerprint();
  wall_ = kBegin + days(14);
  ASSERT_TRUE(certificates.renew());
  ASSERT_EQ(certificates.tls().identities().size(), 2U);
  EXPECT_EQ(certificates.first().fingerprint(), identity().fingerprint());
  EXPECT_NE(certificates.tls().identities()[1].fingerprint(), before);
}

TEST_F(CertificatesTest, ReloadLeavesAGeneratedOneAsItIs) {
  Certificates certificates = make();
  const Fingerprint before = certificates.first().fingerprint();
  wall_ = kBegin + days(1);
  ASSERT_TRUE(certificates.reload());
  EXPECT_EQ(certificates.first().fingerprint(), before);
}

TEST_F(CertificatesTest, OthersAreNeverDue) {
  config_.tls_generate.clear();
  config_.identities = {identity()};
  const Certificates certificates = make();
  wall_ = kBegin + days(4000);
  EXPECT_FALSE(certificates.renewal_due());
}

/// A session of a new client that takes the certificate with this hash alone.
Result<native::Established> dial(Bed& bed, const Fingerprint& pin) {
  Peer& peer = bed.add_peer();
  native::ClientOptions options;
  options.tls.pins = {pin};
  options.tls_configured = true;
  options.versions = bed.config.versions;
  peer.client.emplace(*native::Client::create(peer.environment, std::move(options)));
  net::SessionOptions both;
  both.publish = peer.origin.consume();
  both.subscribe = peer.origin.clone();
  return bed.world.run(peer.client->connect(peer.url, std::move(both)));
}

TEST(RelayCertificate, IsRenewedUnderSessionsThatGoOn) {
  Bed bed;
  bed.config.identities.clear();
  bed.config.tls_generate = {"10.0.0.1"};
  bed.config.wall_clock = [&bed] { return kBegin + bed.world.elapsed(); };
  bed.start_relay();
  const Fingerprint before = bed.relay->fingerprint();
  bed.world.run_for(kToRenewal - 1min);
  EXPECT_EQ(bed.relay->fingerprint(), before);
  const auto old = dial(bed, before);
  ASSERT_TRUE(old) << old.error().describe();

  ASSERT_TRUE(bed.world.run_until([&] { return bed.relay->fingerprint() != before; }, 3min));
  bed.world.run_for(1min);
  const auto stale = dial(bed, before);
  ASSERT_FALSE(stale);
  EXPECT_EQ(stale.error().code, Code::tls) << stale.error().describe();
  const auto fresh = dial(bed, bed.relay->fingerprint());
  EXPECT_TRUE(fresh) << fresh.error().describe();
  EXPECT_TRUE(old->session.poll_closed(kio::Waiter::none()).pending());
  EXPECT_EQ(bed.relay->sessions(), 2U);
}

}  // namespace
}  // namespace moq::relay::test
