#include "moq/net/lite/control.h"
#include "moq/net/lite/stream_reader.h"
#include "moq/net/model_test_support.h"
#include "moq/net/scripted_test_support.h"

/// Probe streams, both ends. moq-lite.md §6.7.
namespace moq::net::hostile {
namespace {

class ProbeRules : public testing::TestWithParam<Version> {
 protected:
  [[nodiscard]] Bytes opening() const {
    return Writer(varint_kind(GetParam())).varint(std::to_underlying(BidiType::probe)).take();
  }
  [[nodiscard]] Bytes report(std::uint64_t rate, Duration rtt) const {
    lite::Probe probe;
    probe.bitrate_bps = rate;
    probe.rtt = rtt;
    return lite::encode_message(probe, GetParam());
  }
  static std::vector<lite::Probe> reports(lite::StreamReader& reader) {
    std::vector<lite::Probe> all;
    for (;;) {
      auto next = reader.poll_message<lite::Probe>(kio::Waiter::none());
      if (next.pending() || !*next || !**next) return all;
      all.push_back(***next);
    }
  }
  static void set_rate(Attacker& peer, std::uint64_t rate_bps) {
    sim::LinkOptions link{.latency = 5ms};
    link.rate_bps = rate_bps;
    peer.control->set_link(sim::Side::server, link);
  }
  Stage stage{GetParam()};
};

TEST_P(ProbeRules, APublisherTellsAtOnceThenWhatMovedThenEveryTenSeconds) {
  Attacker peer(stage);
  set_rate(peer, 10'000'000);
  auto stream = peer.open_with(opening());
  lite::StreamReader reader(std::move(stream.recv), GetParam());
  stage.world.run_for(50ms);
  auto first = reports(reader);
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].bitrate_bps, 10'000'000U);
  if (has_probe_rtt(GetParam())) {
    EXPECT_EQ(first[0].rtt, 10ms);
  }

  set_rate(peer, 11'000'000);  // Not news yet: a tenth.
  stage.world.run_for(1s);
  EXPECT_EQ(reports(reader).size(), 0U);
  set_rate(peer, 13'000'000);
  stage.world.run_for(150ms);
  auto second = reports(reader);
  ASSERT_EQ(second.size(), 1U);
  EXPECT_EQ(second[0].bitrate_bps, 13'000'000U);
  set_rate(peer, 14'300'000);  // A tenth is news after six seconds.
  stage.world.run_for(5s);
  EXPECT_EQ(reports(reader).size(), 0U);
  stage.world.run_for(1200ms);
  EXPECT_EQ(reports(reader).size(), 1U);
  stage.world.run_for(9800ms);
  EXPECT_EQ(reports(reader).size(), 0U);
  stage.world.run_for(300ms);
  EXPECT_EQ(reports(reader).size(), 1U);

  stream.send->finish();
  stage.world.run_for(50ms);
  EXPECT_TRUE(now(reader.poll_end(kio::Waiter::none())));
}

TEST_P(ProbeRules, ASubscriberThatSpeaksIsReset) {
  Attacker peer(stage);
  auto stream = peer.open_with(opening());
  stage.world.run_for(50ms);
  stream.send->write(report(1'000'000, 5ms));
  EXPECT_EQ(peer.ending(stream), kBroken);
  EXPECT_TRUE(peer.alive());
}

TEST_P(ProbeRules, SoManyStreamsAreServedAndNoMore) {
  Attacker peer(stage);
  std::vector<transport::BidiStream> streams;
  for (std::size_t i = 0; i < lite::kMaxProbeStreams; ++i)
    streams.push_back(peer.open_with(opening()));
  auto one_more = peer.open_with(opening());
  EXPECT_EQ(peer.ending(one_more), kInternal);
  streams.pop_back();
  stage.world.run_for(50ms);
  auto another = peer.open_with(opening());
  lite::StreamReader reader(std::move(another.recv), GetParam());
  stage.world.run_for(50ms);
  EXPECT_EQ(reports(reader).size(), 1U);
  EXPECT_TRUE(peer.alive());
}

TEST_P(ProbeRules, ASubscriberFollowsWhatItIsTold) {
  lite::Setup setup;
  setup.probe = lite::ProbeLevel::report;
  Scripted peer(stage, setup);
  const auto estimate = peer.attacker->server->probe();
  const auto again = peer.attacker->server->probe();
  EXPECT_TRUE(estimate.same_channel(again)) << "one stream serves all";
  auto asked = peer.next(BidiType::probe);
  EXPECT_TRUE(asked.reader.poll_end(kio::Waiter::none()).pending()) << "its type, and nothing else";
  peer.say(asked, report(5'000'000, 25ms));
  const bool told_rtt = has_probe_rtt(GetParam());
  EXPECT_EQ(*estimate.read(),
            (PathEstimate{.rate_bps = 5'000'000,
                          .rtt = told_rtt ? std::optional<Duration>(25ms) : std::nullopt}));
  asked.send->reset(static_cast<std::uint32_t>(kInternal));
  stage.world.run_for(50ms);
  EXPECT_TRUE(estimate.is_closed());
  EXPECT_EQ(estimate.read()->rate_bps, 5'000'000U) << "the last one stays";
  EXPECT_TRUE(peer.attacker->server->probe().is_closed()) << "not asked again in a session";
  EXPECT_TRUE(peer.alive());
}

TEST_P(ProbeRules, APeerThatDoesNotMeasureIsNotAsked) {
  if (!has_setup_stream(GetParam())) GTEST_SKIP() << "cannot say so";
  Scripted peer(stage);
  const std::uint64_t opened = peer.attacker->control->streams_opened(sim::Side::server);
  const auto estimate = peer.attacker->server->probe();
  stage.world.run_for(50ms);
  EXPECT_TRUE(estimate.is_closed());
  EXPECT_EQ(peer.attacker->control->streams_opened(sim::Side::server), opened);
}

TEST_P(ProbeRules, TwoOfOursUnderstandEachOther) {
  const auto estimate = stage.healthy->subscribing.probe();
  stage.world.run_for(100ms);
  EXPECT_EQ(estimate.read()->rtt,
            has_probe_rtt(GetParam()) ? std::optional<Duration>(10ms) : std::nullopt);
  EXPECT_FALSE(estimate.is_closed());
}

INSTANTIATE_TEST_SUITE_P(Lite, ProbeRules,
                         testing::Values(Version::lite_03, Version::lite_04, Version::lite_05,
                                         Version::lite_06),
                         version_name);

}  // namespace
}  // namespace moq::net::hostile
