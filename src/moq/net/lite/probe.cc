// Probe streams, both ends: what a publisher tells of its path to the subscriber.
#include <algorithm>
#include <cmath>

#include "moq/base/log.h"
#include "moq/net/lite/control.h"
#include "moq/net/lite/internal/publisher.h"
#include "moq/net/lite/internal/subscriber.h"

namespace moq::net::lite {
namespace {

constexpr std::string_view kLog = "net";
/// How often the publisher looks at what its transport measures,
constexpr Duration kLook = 100ms;
/// the share by which it must have moved to be told at once,
constexpr double kTellingChange = 0.25;
/// and the longest silence. Towards it, ever smaller changes of the rate are told.
constexpr Duration kLongestSilence = 10s;

template <typename T>
bool moved(const std::optional<T>& now, const std::optional<T>& told, double share) {
  if (!now || !told) return now.has_value() != told.has_value();
  const auto before = static_cast<double>(*told);
  return std::abs(static_cast<double>(*now) - before) > share * before;
}

std::optional<std::int64_t> nanos(const std::optional<Duration>& duration) {
  return duration ? std::optional(duration->count()) : std::nullopt;
}

/// Whether `now` is news for who was told `told`, `silence` ago.
bool is_news(const Probe& now, const Probe& told, Duration silence) {
  const double share = std::min(
      1.0, std::chrono::duration<double>(silence) / std::chrono::duration<double>(kLongestSilence));
  return silence >= kLongestSilence || moved(nanos(now.rtt), nanos(told.rtt), kTellingChange) ||
         moved(now.bitrate_bps, told.bitrate_bps, kTellingChange * (1 - share));
}

}  // namespace

kio::Task<void> Publisher::serve_probe(Bidi stream) {
  if (probes_ >= kMaxProbeStreams) {
    MOQ_LOG(warn, kLog, "{}: more than {} probe streams", describe(connection_), kMaxProbeStreams);
    refuse(stream, Error(Code::too_many, "probe streams"), "PROBE");
    co_return;
  }
  const Counted counted(probes_);
  std::optional<Probe> told;
  TimePoint told_at;
  for (;;) {
    const transport::Stats stats = connection_.transport().stats();
    const Probe measured{.bitrate_bps = stats.send_rate_bps, .rtt = stats.rtt};
    const TimePoint now = connection_.clock().now();
    const bool room = stream.send->poll_writable(kio::Waiter::none()).ready();
    if (room && (!told || is_news(measured, *told, now - told_at))) {
      stream.send->write(encode_message(measured, connection_.version()));
      told = measured;
      told_at = now;
    }
    kio::Timer timer(connection_.clock(), now + kLook);
    auto next = co_await kio::wait([&](const kio::Waiter& waiter) -> kio::Poll<Result<void>> {
      if (auto end = stream.reader.poll_end(waiter)) {
        if (*end) return fail(Code::cancelled);
        return *std::move(end);
      }
      if (auto writable = stream.send->poll_writable(waiter); writable && !*writable) {
        return *std::move(writable);
      }
      if (timer.poll(waiter)) return Result<void>();
      return kio::kPending;
    });
    if (next) continue;
    if (next.error().code == Code::cancelled) {
      stream.send->finish();
    } else {
      // A subscriber says nothing here: peers answer what is no message as one that is broken.
      const bool spoke = next.error().code == Code::protocol_violation;
      refuse(stream, spoke ? Error(Code::decode, next.error().text) : next.error(), "PROBE");
    }
    co_return;
  }
}

kio::Task<void> Subscriber::follow_probe(kio::Producer<PathEstimate> estimate) {
  const Version version = connection_.version();
  if (!has_probe(version)) co_return;
  co_await connection_.peer_ready();
  if (has_setup_stream(version) && connection_.peer_setup().probe == ProbeLevel::none) co_return;
  auto opened = co_await connection_.transport().open_bidi();
  if (!opened) co_return;
  opened->send->set_priority(transport::kControlPriority);
  opened->send->write(
      Writer(varint_kind(version)).varint(static_cast<std::uint64_t>(BidiType::probe)).take());
  StreamReader reader(std::move(opened->recv), version);
  for (;;) {
    auto report = co_await reader.message<Probe>();
    if (!report || !*report) break;
    estimate.set({.rate_bps = (*report)->bitrate_bps, .rtt = (*report)->rtt});
  }
  // Whatever ended it, peers are not asked again in a session.
  opened->send->finish();
}

}  // namespace moq::net::lite
