#include "moq/native/internal/knock.h"

#include <algorithm>
#include <array>

namespace moq::native {
namespace {

/// The first knocks are this far apart; later ones by a share of the time that has passed.
constexpr Duration kShortestPause = 100ms;
constexpr Duration kLongestPause = 1s;
constexpr int kShareOfOutage = 20;
/// A refusal that takes longer than this to come is none.
constexpr Duration kSilence = 100ms;

}  // namespace

kio::Task<void> knock(Environment environment, transport::SocketAddress address) {
  kio::Clock& clock = environment.executor->clock();
  const TimePoint began = clock.now();
  // No QUIC packet is that short, so that it is dropped without a trace.
  static constexpr std::array<std::uint8_t, 1> kByte = {0};
  for (;;) {
    const Duration pause =
        std::clamp<Duration>((clock.now() - began) / kShareOfOutage, kShortestPause, kLongestPause);
    // Spread, so that many clients do not knock as one.
    const double share = 0.5 + environment.random->fraction();
    co_await kio::sleep(
        clock, Duration(static_cast<Duration::rep>(static_cast<double>(pause.count()) * share)));
    auto socket = environment.network->connect(address);
    if (!socket) continue;
    transport::SendBatch batch;
    batch.to = address;
    batch.data = kByte;
    batch.segment_size = kByte.size();
    (*socket)->send({&batch, 1});
    kio::Timer timer(clock);
    timer.set_after(kSilence);
    const bool silent = co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<bool> {
      if ((*socket)->poll_receive(waiter)) return false;
      if (timer.poll(waiter)) return true;
      return kio::kPending;
    });
    if (silent) co_return;
  }
}

}  // namespace moq::native
