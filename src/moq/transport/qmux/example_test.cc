// The example of README.md.
#include <gtest/gtest.h>

#include "moq/transport/qmux/pipe_test_support.h"
#include "moq/transport/qmux/session.h"
#include "moq/transport/qmux/stream_pipe.h"

namespace moq::transport::qmux {
namespace {

kio::Task<Result<void>> hello(kio::TaskGroup& tasks, std::unique_ptr<ByteStream> tcp) {
  Options options(Framing::qmux_01, Side::client);
  options.offers = {"moq-lite-06", "moq-lite-05"};
  MOQ_CO_TRY(auto session,
             co_await establish(tasks, make_stream_pipe(std::move(tcp)), std::move(options)));
  MOQ_CO_TRY(auto stream, co_await session->open_uni());
  stream->write(Bytes::copy("hello"));
  stream->finish();
  MOQ_CO_CHECK(co_await stream->finished());
  session->close(0, "done");  // Goes on in `tasks`.
  co_return Result<void>();
}

kio::Task<std::string> listen(kio::TaskGroup& tasks, std::unique_ptr<ByteStream> tcp) {
  Options options(Framing::qmux_01, Side::server);
  options.offers = {"moq-lite-06"};
  auto session = co_await establish(tasks, make_stream_pipe(std::move(tcp)), std::move(options));
  EXPECT_TRUE(session);
  if (!session) co_return "";
  EXPECT_EQ((*session)->protocol(), "moq-lite-06");
  auto stream = co_await (*session)->accept_uni();
  EXPECT_TRUE(stream);
  if (!stream) co_return "";
  auto data = co_await (*stream)->read(100);
  const Error over = co_await (*session)->closed();
  EXPECT_EQ(over.text, "done");
  co_return data ? std::string(data->text()) : "";
}

TEST(Example, SaysHello) {
  sim::World world;
  kio::TaskGroup tasks(world);
  auto up = std::make_shared<Wire>(world, WireOptions{});
  auto down = std::make_shared<Wire>(world, WireOptions{});
  auto listening = world.spawn(listen(tasks, std::make_unique<ByteEnd>(world, up, down)));
  EXPECT_TRUE(world.run(hello(tasks, std::make_unique<ByteEnd>(world, down, up))));
  ASSERT_TRUE(world.run_until([&] { return listening.finished(); }, 5s));
  EXPECT_EQ(*listening.poll_join(kio::Waiter::none()), "hello");
}

}  // namespace
}  // namespace moq::transport::qmux
