#include "moq/transport/session_contract_test.h"

#include "moq/sim/session_pair.h"
#include "moq/transport/webtransport/webtransport.h"

namespace moq::transport::contract {
namespace {

namespace wt = webtransport;

/// Sessions of this module over simulated QUIC sessions.
class WebTransportBed final : public Bed {
 public:
  explicit WebTransportBed(sim::PairOptions pair_options) : options_(std::move(pair_options)) {
    options_.protocol = "h3";
    // One of each kind is HTTP/3's own: the control stream, and the client's CONNECT.
    options_.max_uni_streams = kMaxStreams + 1;
    options_.max_bidi_streams = kMaxStreams + 1;
  }
  kio::Executor& executor() override { return world_; }
  bool run_until(const std::function<bool()>& done, Duration limit) override {
    return world_.run_until(done, limit);
  }
  Pair connect() override {
    sim::SessionPair quic = sim::session_pair(world_, options_);
    control_.emplace(quic.control);
    Pair pair;
    auto server = world_.spawn(serve(tasks_, std::move(quic.server), pair.server));
    wt::ConnectOptions options("relay.example", "/room", {std::string(kProtocol)});
    auto client = world_.run(wt::connect(tasks_, std::move(quic.client), std::move(options)));
    if (client) pair.client = *std::move(client);
    EXPECT_TRUE(world_.run_until([&server] { return server.finished(); }, kStepLimit));
    return pair;
  }
  bool cut_path() override {
    control_->partition();
    return true;
  }

 private:
  static kio::Task<void> serve(kio::TaskGroup& tasks, std::unique_ptr<Session> quic,
                               std::unique_ptr<Session>& session) {
    auto request = co_await wt::accept(tasks, std::move(quic));
    if (request) session = std::move(*request).respond(kProtocol);
  }

  sim::World world_;
  kio::TaskGroup tasks_{world_};
  sim::PairOptions options_;
  std::optional<sim::PairControl> control_;
};

std::unique_ptr<Bed> plain() { return std::make_unique<WebTransportBed>(sim::PairOptions{}); }

std::unique_ptr<Bed> bad_path() {
  sim::PairOptions options(
      sim::LinkOptions{.latency = 20ms, .jitter = 5ms, .loss = 0.02, .rate_bps = 20'000'000});
  return std::make_unique<WebTransportBed>(std::move(options));
}

INSTANTIATE_TEST_SUITE_P(WebTransport, SessionContract,
                         testing::Values(Carrier{"webtransport", plain},
                                         Carrier{"webtransport_bad_path", bad_path}),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace moq::transport::contract
