// What reaches us before ngtcp2 does, or around it. The first byte of the input chooses: 'f' frames
// of a decrypted packet, 's' packets from a stranger to a server, 'c' packets to a dialing client.
#include <algorithm>
#include <vector>

#include "moq/base/wire.h"
#include "moq/sim/network.h"
#include "moq/sim/world.h"
#include "moq/transport/quic/client.h"
#include "moq/transport/quic/internal/frame_scan.h"
#include "moq/transport/quic/server.h"

namespace moq::transport::quic {
namespace {

using internal::FrameScanner;

void fuzz_frames(ByteSpan in) {
  std::vector<std::uint8_t> payload(in.begin(), in.end());
  FrameScanner scanner(payload);
  FrameScanner::Frame frame;
  std::vector<FrameScanner::Frame> rewritten;
  while (scanner.next(frame)) {
    if (frame.reset && internal::open_before_reset(frame)) rewritten.push_back(frame);
  }
  // What was rewritten reads as a reset of the same stream, at its old size.
  for (const FrameScanner::Frame& before : rewritten) {
    FrameScanner again(before.bytes);
    MOQ_ASSERT(again.next(frame) && frame.reset);
    MOQ_ASSERT(frame.stream_id == before.stream_id && frame.final_size == before.final_size);
    MOQ_ASSERT(frame.code == 0 && !again.next(frame));
  }
}

const Identity& identity() {
  static const Identity kIdentity = [] {
    GenerateOptions options;
    options.names = {"fuzz.test"};
    return *Identity::generate(options);
  }();
  return kIdentity;
}

/// Packets with two bytes of length before each.
std::vector<ByteSpan> split(ByteSpan in) {
  std::vector<ByteSpan> packets;
  Reader reader(in);
  while (reader.remaining() >= 2 && packets.size() < 64) {
    const std::size_t size = std::min<std::size_t>(reader.u16(), reader.remaining());
    if (size > 0) packets.push_back(reader.bytes(size));
  }
  return packets;
}

void send(DatagramSocket& socket, const SocketAddress& to, ByteSpan packet) {
  const SendBatch batch{.to = to,
                        .from = socket.local_address(),
                        .data = packet,
                        .segment_size = packet.size(),
                        .ecn = 0};
  socket.send({&batch, 1});
}

void fuzz_server(ByteSpan in) {
  sim::World world;
  sim::Network network(world);
  sim::Host& near = network.add_host("10.0.0.1");
  sim::Host& far = network.add_host("10.0.0.2");
  ServerTlsOptions tls;
  tls.identities = {identity()};
  auto server = Server::create({world, far, world},
                               ServerOptions(far.address(4443), {"x"}, *ServerTls::create(tls)));
  auto socket = *near.connect(far.address(4443));
  for (const ByteSpan packet : split(in)) {
    send(*socket, far.address(4443), packet);
    world.run_for(1ms);
  }
  world.run_for(15s);
  MOQ_ASSERT(server->connections() == 0);
}

void fuzz_client(ByteSpan in) {
  sim::World world;
  sim::Network network(world);
  sim::Host& near = network.add_host("10.0.0.1");
  sim::Host& far = network.add_host("10.0.0.2");
  auto socket = *far.bind(far.address(4443));
  ClientTlsOptions tls;
  tls.pins = {identity().fingerprint()};
  Client client({world, near, world});
  auto dial = world.spawn(
      client.dial(DialOptions(far.address(4443), "fuzz.test", {"x"}, *ClientTls::create(tls))));
  world.run_for(15ms);
  auto received = socket->poll_receive(kio::Waiter::none());
  MOQ_ASSERT(received && *received && !(*received)->empty());
  const ReceivedBatch first = (*received)->front();
  // The client's own id, which an answer must carry, is behind the id it made up for us.
  const std::vector<std::uint8_t> initial(first.data.begin(), first.data.end());
  const std::size_t at = 6 + initial[5];
  const ByteSpan id(initial.data() + at + 1, initial[at]);
  for (const ByteSpan packet : split(in)) {
    std::vector<std::uint8_t> answer(packet.begin(), packet.end());
    if (answer.size() > 6 + id.size() && (answer[0] & 0x80) != 0) {
      answer[5] = static_cast<std::uint8_t>(id.size());
      std::ranges::copy(id, answer.begin() + 6);
    }
    send(*socket, first.from, answer);
    world.run_for(1ms);
  }
  world.run_for(20s);
  MOQ_ASSERT(dial.finished());
  MOQ_ASSERT(!*dial.poll_join(kio::Waiter::none()));
}

}  // namespace
}  // namespace moq::transport::quic

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const moq::ByteSpan in(data + 1, size - 1);
  switch (data[0]) {
    case 'f':
      moq::transport::quic::fuzz_frames(in);
      break;
    case 's':
      moq::transport::quic::fuzz_server(in);
      break;
    case 'c':
      moq::transport::quic::fuzz_client(in);
      break;
    default:
      break;
  }
  return 0;
}
