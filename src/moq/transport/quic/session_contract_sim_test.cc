#include "moq/transport/quic/test_bed_test.h"
#include "moq/transport/session_contract_test.h"

namespace moq::transport::contract {
namespace {

class QuicBed final : public Bed {
 public:
  explicit QuicBed(const sim::LinkOptions& link) : bed_(link) {
    bed_.parameters.max_streams_uni = kMaxStreams;
    bed_.parameters.max_streams_bidi = kMaxStreams;
    bed_.parameters.stream_window = 256 * 1024;
  }
  kio::Executor& executor() override { return bed_.world; }
  bool run_until(const std::function<bool()>& done, Duration limit) override {
    return bed_.world.run_until(done, limit);
  }
  Pair connect() override {
    quic::test::Pair pair = bed_.connect();
    return {std::move(pair.client), std::move(pair.server)};
  }
  bool cut_path() override {
    bed_.network.partition(bed_.near, bed_.far);
    return true;
  }

 private:
  quic::test::Bed bed_;
};

std::unique_ptr<Bed> plain() { return std::make_unique<QuicBed>(sim::LinkOptions{}); }

std::unique_ptr<Bed> bad_path() {
  return std::make_unique<QuicBed>(sim::LinkOptions{
      .latency = 20ms, .jitter = 5ms, .rate_bps = 20'000'000, .queue_bytes = 4 << 20});
}

INSTANTIATE_TEST_SUITE_P(Quic, SessionContract,
                         testing::Values(Carrier{"quic", plain},
                                         Carrier{"quic_bad_path", bad_path}),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace moq::transport::contract
