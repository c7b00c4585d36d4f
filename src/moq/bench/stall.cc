#include <memory>

#include "moq/base/log.h"
#include "moq/bench/stage.h"
#include "moq/net/lite/message.h"
#include "moq/net/lite/setup.h"
#include "moq/net/lite/stream_type.h"
#include "moq/net/lite/subscribe.h"

namespace moq::bench {
namespace {

/// Enough for a handshake and the start of a few groups: what comes then waits at the relay.
constexpr std::uint64_t kWindowBytes = 64 << 10;
constexpr std::uint64_t kStreamWindowBytes = 16 << 10;
constexpr std::uint64_t kStreams = 16;
/// How old a group it says it would still take: all that the relay keeps.
constexpr Duration kPatience = 30s;

/// A connection that has subscribed and reads nothing; our sessions always read, so it is driven by
/// hand.
struct Stalled {
  std::unique_ptr<transport::quic::Connection> connection;
  std::unique_ptr<transport::SendStream> setup;
  std::unique_ptr<transport::SendStream> request;
  std::unique_ptr<transport::RecvStream> answer;
};

kio::Task<Result<Stalled>> subscribe_and_stall(Stage& stage, const net::Path& broadcast) {
  constexpr net::Version kVersion = net::Version::lite_06;
  const native::Url& url = stage.plan.url;
  MOQ_CO_TRY(const auto addresses,
             co_await stage.environment.resolver->resolve(url.host, url.port));
  if (addresses.empty()) co_return fail(Code::name_not_found, url.host);
  MOQ_CO_TRY(auto tls, transport::quic::ClientTls::create(stage.plan.client.tls));
  std::vector<std::string> alpn = {std::string(net::alpn_name(kVersion))};
  transport::quic::DialOptions dial(addresses.front(), url.host, std::move(alpn), std::move(tls));
  dial.parameters = stage.plan.client.quic;
  dial.parameters.max_streams_uni = kStreams;
  dial.parameters.connection_window = kWindowBytes;
  dial.parameters.stream_window = kStreamWindowBytes;
  Stalled stalled;
  MOQ_CO_TRY(stalled.connection, co_await stage.raw_client.dial(std::move(dial)));

  MOQ_CO_TRY(stalled.setup, co_await stalled.connection->open_uni());
  net::lite::Setup setup;
  if (!url.request().empty()) setup.path = url.request();
  stalled.setup->write(net::lite::encode_opening(net::lite::UniType::setup, setup, kVersion));
  stalled.setup->finish();
  MOQ_CO_TRY(auto opened, co_await stalled.connection->open_bidi());
  net::lite::Subscribe message;
  message.broadcast = broadcast;
  message.track = "data";
  message.range.max_age = kPatience;
  opened.send->write(net::lite::encode_opening(net::lite::BidiType::subscribe, message, kVersion));
  stalled.request = std::move(opened.send);
  stalled.answer = std::move(opened.recv);
  co_return stalled;
}

}  // namespace

kio::Task<void> stall(Stage& stage, std::uint64_t index) {
  const Plan& plan = stage.plan;
  const std::uint64_t number = plan.cast.connections() - plan.cast.stalled + index;
  co_await wait_for_turn(stage, number);
  auto stalled = co_await subscribe_and_stall(stage, plan.broadcast(index % plan.cast.broadcasts));
  if (!stalled) {
    MOQ_LOG(warn, "bench", "stalled connection {}: {}", number, stalled.error().describe());
    stage.tally.update([](Totals& totals) { ++totals.failed; });
    co_return;
  }
  stage.tally.update([](Totals& totals) { ++totals.connected; });
  const Error error = co_await stalled->connection->closed();
  MOQ_LOG(warn, "bench", "a stalled session ended: {}", error.describe());
  stage.tally.update([](Totals& totals) { ++totals.lost; });
}

}  // namespace moq::bench
