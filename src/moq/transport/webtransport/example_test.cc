// The README's example, kept running.
#include <gtest/gtest.h>

#include "moq/sim/session_pair.h"
#include "moq/transport/webtransport/webtransport.h"

namespace moq {
namespace {

namespace webtransport = transport::webtransport;

kio::Task<Result<void>> hello(kio::TaskGroup& tasks, std::unique_ptr<transport::Session> quic) {
  webtransport::ConnectOptions options("relay.example:4443", "/room?jwt=abc", {"moq-lite-06"});
  MOQ_CO_TRY(auto session,
             co_await webtransport::connect(tasks, std::move(quic), std::move(options)));
  MOQ_CO_TRY(auto stream, co_await session->open_uni());
  stream->write(Bytes::copy("hello"));
  stream->finish();
  MOQ_CO_TRY([[maybe_unused]] auto last, co_await session->recv_datagram());
  session->close(0, "done");  // The close handshake goes on in `tasks`.
  co_return Result<void>();
}

kio::Task<Result<std::string>> serve(kio::TaskGroup& tasks,
                                     std::unique_ptr<transport::Session> quic,
                                     std::vector<std::string> protocols) {
  MOQ_CO_TRY(auto request, co_await webtransport::accept(tasks, std::move(quic)));
  const std::optional<std::string> protocol = request.choose(protocols);
  std::unique_ptr<transport::Session> session = std::move(request).respond(protocol);
  MOQ_CO_TRY(auto stream, co_await session->accept_uni());
  MOQ_CO_TRY(const Bytes text, co_await stream->read(100));
  session->send_datagram(Bytes::copy("thanks"));
  const Error end = co_await session->closed();
  co_return Result<std::string>(std::string(text.text()) + ", then " + end.text);
}

TEST(Example, SaysHello) {
  sim::World world;
  kio::TaskGroup tasks(world);
  sim::SessionPair quic = sim::session_pair(world);
  auto client = world.spawn(hello(tasks, std::move(quic.client)));
  const Result<std::string> said =
      world.run(serve(tasks, std::move(quic.server), {"moq-lite-05", "moq-lite-06"}));
  ASSERT_TRUE(said) << said.error().describe();
  EXPECT_EQ(*said, "hello, then done");
  EXPECT_TRUE(client.finished());
}

}  // namespace
}  // namespace moq
