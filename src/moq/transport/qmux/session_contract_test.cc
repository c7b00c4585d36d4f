#include "moq/transport/session_contract_test.h"

#include "moq/transport/qmux/pipe_test_support.h"
#include "moq/transport/qmux/session.h"
#include "moq/transport/qmux/stream_pipe.h"

namespace moq::transport::contract {
namespace {

struct Way {
  qmux::Framing framing = qmux::Framing::qmux_01;
  bool bytes = false;  ///< A stream of bytes, not messages.
  qmux::WireOptions wire;
  std::uint64_t seed = sim::kDefaultSeed;
};

class QmuxBed final : public Bed {
 public:
  explicit QmuxBed(const Way& way)
      : way_(way),
        world_(way.seed),
        up_(std::make_shared<qmux::Wire>(world_, way.wire)),
        down_(std::make_shared<qmux::Wire>(world_, way.wire)) {}

  kio::Executor& executor() override { return world_; }
  bool run_until(const std::function<bool()>& done, Duration limit) override {
    return world_.run_until(done, limit);
  }
  Pair connect() override {
    Pair pair;
    auto client = world_.spawn(open(qmux::Side::client, up_, down_, pair.client));
    auto server = world_.spawn(open(qmux::Side::server, down_, up_, pair.server));
    EXPECT_TRUE(world_.run_until([&] { return client.finished() && server.finished(); }, 1min));
    return pair;
  }
  bool cut_path() override {
    up_->cut();
    down_->cut();
    return true;
  }

 private:
  kio::Task<void> open(qmux::Side side, std::shared_ptr<qmux::Wire> out,
                       std::shared_ptr<qmux::Wire> in, std::unique_ptr<Session>& session) {
    qmux::Options options(way_.framing, side);
    options.parameters.max_streams_uni = kMaxStreams;
    options.parameters.max_streams_bidi = kMaxStreams;
    options.parameters.idle_timeout = 10s;
    std::unique_ptr<qmux::RecordPipe> pipe;
    if (way_.bytes) {
      const bool server = side == qmux::Side::server;
      options.offers = std::vector<std::string>{std::string(kProtocol), "other"};
      if (!server) options.offers->insert(options.offers->begin(), "not there");
      pipe = qmux::make_stream_pipe(
          std::make_unique<qmux::ByteEnd>(world_, std::move(in), std::move(out)));
    } else {
      options.protocol = kProtocol;
      pipe = std::make_unique<qmux::MessageEnd>(world_, std::move(in), std::move(out));
    }
    auto established = co_await qmux::establish(tasks_, std::move(pipe), std::move(options));
    EXPECT_TRUE(established) << established.error().describe();
    if (established) session = *std::move(established);
  }

  Way way_;
  sim::World world_;
  std::shared_ptr<qmux::Wire> up_;
  std::shared_ptr<qmux::Wire> down_;
  kio::TaskGroup tasks_{world_};
};

constexpr qmux::WireOptions kSlow{.latency = 20ms, .rate_bps = 20'000'000, .buffer_bytes = 20'000};

std::unique_ptr<Bed> messages_01() { return std::make_unique<QmuxBed>(Way{}); }
std::unique_ptr<Bed> messages_02() {
  return std::make_unique<QmuxBed>(Way{.framing = qmux::Framing::qmux_02, .wire = kSlow});
}
std::unique_ptr<Bed> bytes_01() { return std::make_unique<QmuxBed>(Way{.bytes = true}); }
std::unique_ptr<Bed> bytes_01_slow() {
  return std::make_unique<QmuxBed>(Way{.bytes = true, .wire = kSlow, .seed = 2});
}
std::unique_ptr<Bed> bytes_02() {
  return std::make_unique<QmuxBed>(
      Way{.framing = qmux::Framing::qmux_02, .bytes = true, .seed = 3});
}

INSTANTIATE_TEST_SUITE_P(Qmux, SessionContract,
                         testing::Values(Carrier{"messages_01", messages_01},
                                         Carrier{"messages_02_slow", messages_02},
                                         Carrier{"bytes_01", bytes_01},
                                         Carrier{"bytes_01_slow", bytes_01_slow},
                                         Carrier{"bytes_02", bytes_02}),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace moq::transport::contract
