// A steady flow allocates by what arrives, not by packets.
#include <atomic>
#include <cstdlib>
#include <new>

#include "moq/io/loop.h"
#include "moq/transport/quic/test_bed_test.h"
#include "moq/transport/session_helpers_test.h"

namespace {
std::atomic<std::uint64_t> allocations{0};
}  // namespace

// NOLINTBEGIN: the standard's own names and ways.
void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size)) return memory;
  std::abort();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
// NOLINTEND

namespace moq::transport::quic::test {
namespace {

kio::Task<void> send_pieces(SendStream& stream, Bytes piece, int count) {
  for (int i = 0; i < count; ++i) {
    const Result<void> writable = co_await stream.writable();
    EXPECT_TRUE(writable);
    stream.write(piece);
  }
}

kio::Task<void> read_bytes(RecvStream& stream, std::size_t count) {
  while (count > 0) {
    const Result<Bytes> part = co_await stream.read(count);
    EXPECT_TRUE(part);
    if (!part) co_return;
    count -= part->size();
  }
}

TEST(Allocations, AreFewerThanPacketsInASteadyFlow) {
  const auto loop = *io::Loop::create();
  SystemRandom random;
  const Environment environment(*loop, *loop, random);
  auto server = Server::create(
      environment, ServerOptions(*SocketAddress::parse("127.0.0.1:0"), {kAlpn}, server_tls()));
  ASSERT_TRUE(server);
  Client client(environment);
  auto dialed =
      loop->run(client.dial(DialOptions(server->local_address(), kName, {kAlpn}, client_tls())));
  ASSERT_TRUE(dialed);
  auto accepted = loop->run([](Server& from) -> kio::Task<std::unique_ptr<Connection>> {
    auto session = co_await from.accept();
    co_return *std::move(session);
  }(*server));
  std::unique_ptr<SendStream> send;
  std::unique_ptr<RecvStream> recv;
  loop->run(contract::make_uni(**dialed, *accepted, "x", send, recv));
  loop->run(contract::expect_read(*recv, "x"));

  const Bytes piece = contract::pattern(16384);
  constexpr int kPieces = 300;
  const auto round = [&] {
    const auto writer = loop->spawn(send_pieces(*send, piece, kPieces));
    loop->run(read_bytes(*recv, piece.size() * kPieces));
  };
  round();  // Buffers and pools grow to their size.
  const std::uint64_t bytes = (*dialed)->stats().bytes_sent;
  const std::uint64_t before = allocations;
  for (int i = 0; i < 4; ++i) round();
  const std::uint64_t made = allocations - before;
  const std::uint64_t packets = ((*dialed)->stats().bytes_sent - bytes) / 1452;
  EXPECT_GT(packets, 10000u);
  // A block per 64 kB that arrives, and what the turns of the loop take.
  EXPECT_LT(made, packets / 4) << packets << " packets";
}

}  // namespace
}  // namespace moq::transport::quic::test
