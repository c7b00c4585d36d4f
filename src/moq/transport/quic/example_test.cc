// The example of README.md, run on the simulated network.
#include "moq/transport/quic/test_bed_test.h"

namespace moq::transport::quic::test {
namespace {

// [README]
kio::Task<Result<void>> serve_one(Server& server) {
  MOQ_CO_TRY(auto session, co_await server.accept());
  MOQ_CO_TRY(auto stream, co_await session->accept_uni());
  MOQ_CO_TRY(const Bytes text, co_await stream->read(100));
  session->close(text == Bytes::copy("hello") ? 0 : 1, "thanks");
  co_return Result<void>();
}

kio::Task<Result<Error>> say_hello(Client& client, DialOptions options) {
  MOQ_CO_TRY(auto session, co_await client.dial(std::move(options)));
  MOQ_CO_TRY(auto stream, co_await session->open_uni());
  stream->write(Bytes::copy("hello"));
  stream->finish();
  Error end = co_await session->closed();
  co_return Result<Error>(std::move(end));
}
// [README]

TEST(Example, OfTheReadmeRuns) {
  Bed bed;
  bed.serve();
  const auto serving = bed.world.spawn(serve_one(*bed.server));
  const auto end = bed.world.run(say_hello(bed.client, bed.dial_options()));
  ASSERT_TRUE(end) << end.error().describe();
  EXPECT_EQ(end->wire, 0u);
  EXPECT_EQ(end->text, "thanks");
}

}  // namespace
}  // namespace moq::transport::quic::test
