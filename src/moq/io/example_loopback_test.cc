// The example of README.md.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>

#include "moq/io/fd_stream.h"
#include "moq/io/loop.h"
#include "moq/io/resolver.h"

namespace moq::io {
namespace {

/// Sends what `source` gives to `host`, a datagram for each piece, until it ends.
kio::Task<Result<void>> send_pieces(Loop& loop, std::string host, std::uint16_t port,
                                    ByteSource& source) {
  Resolver resolver;
  MOQ_CO_TRY(const Addresses addresses, co_await resolver.resolve(host, port));
  MOQ_CO_TRY(const auto socket, loop.connect(addresses.front()));
  for (;;) {
    MOQ_CO_TRY(const Bytes piece, co_await source.read(1200));
    if (piece.empty()) co_return Result<void>();
    const transport::SendBatch batch{.data = piece};
    socket->send({&batch, 1});
  }
}

TEST(Example, SendsWhatComesFromAPipe) {
  const std::unique_ptr<Loop> loop = *Loop::create();
  const auto server = *loop->bind(*transport::SocketAddress::parse("127.0.0.1:0"));
  std::array<int, 2> fds{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()), 0);
  const Fd read(fds[0]);
  Fd write(fds[1]);
  ASSERT_EQ(::write(write.get(), "a line", 6), 6);
  write.reset();

  const auto source = *FdSource::create(*loop, read.get());
  const Result<void> sent =
      loop->run(send_pieces(*loop, "127.0.0.1", server->local_address().port, *source));
  EXPECT_TRUE(sent);

  const auto got = server->poll_receive(kio::Waiter::none());
  ASSERT_TRUE(got && *got);
  EXPECT_EQ(as_text((*got)->front().data), "a line");
}

}  // namespace
}  // namespace moq::io
