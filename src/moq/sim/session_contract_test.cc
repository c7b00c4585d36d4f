#include "moq/transport/session_contract_test.h"

#include "moq/sim/session_pair.h"

namespace moq::transport::contract {
namespace {

class SimBed final : public Bed {
 public:
  explicit SimBed(sim::PairOptions pair_options) : options_(std::move(pair_options)) {
    options_.protocol = kProtocol;
    options_.max_uni_streams = kMaxStreams;
    options_.max_bidi_streams = kMaxStreams;
  }
  kio::Executor& executor() override { return world_; }
  bool run_until(const std::function<bool()>& done, Duration limit) override {
    return world_.run_until(done, limit);
  }
  Pair connect() override {
    sim::SessionPair pair = sim::session_pair(world_, options_);
    control_.emplace(pair.control);
    return {std::move(pair.client), std::move(pair.server)};
  }
  bool cut_path() override {
    control_->partition();
    return true;
  }

 private:
  sim::World world_;
  sim::PairOptions options_;
  std::optional<sim::PairControl> control_;
};

std::unique_ptr<Bed> plain() { return std::make_unique<SimBed>(sim::PairOptions{}); }

std::unique_ptr<Bed> bad_path() {
  sim::PairOptions options(
      sim::LinkOptions{.latency = 20ms, .jitter = 5ms, .loss = 0.02, .rate_bps = 20'000'000});
  // Datagrams are not repeated: those of the suite must not be the lost ones.
  return std::make_unique<SimBed>(std::move(options));
}

INSTANTIATE_TEST_SUITE_P(Sim, SessionContract,
                         testing::Values(Carrier{"sim", plain}, Carrier{"sim_bad_path", bad_path}),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace moq::transport::contract
