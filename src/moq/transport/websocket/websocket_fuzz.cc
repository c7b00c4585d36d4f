// All that a WebSocket's peer writes: heads, frames, and whole sessions. The first byte of the
// input chooses; see `LLVMFuzzerTestOneInput`.
#include <algorithm>
#include <vector>

#include "moq/base/wire.h"
#include "moq/sim/byte_pair.h"
#include "moq/transport/websocket/handshake.h"
#include "moq/transport/websocket/internal/frame.h"

namespace moq::transport::websocket {
namespace {

constexpr std::size_t kLimit = 4096;

/// What comes out of `in`, given in pieces, as one line per message.
std::vector<std::string> read_frames(Role role, ByteSpan in, std::size_t piece) {
  internal::FrameReader reader(role, kLimit);
  std::vector<std::string> out;
  for (;;) {
    auto message = reader.next();
    if (!message) {
      out.push_back("! " + message.error().text);
      return out;
    }
    if (*message) {
      const Bytes& payload = (*message)->payload;
      MOQ_ASSERT(payload.size() <= kLimit);
      out.push_back(std::to_string(static_cast<int>((*message)->opcode)) +
                    std::string(payload.text()));
      if ((*message)->opcode == internal::Opcode::close) {
        static_cast<void>(internal::parse_close(payload.span()));
      }
    } else if (in.empty()) {
      return out;
    } else {
      const std::size_t size = std::min(piece, in.size());
      reader.push(Bytes::copy(in.first(size)));
      in = in.subspan(size);
    }
  }
}

void fuzz_frames(Role role, ByteSpan in) {
  const auto whole = read_frames(role, in, SIZE_MAX);
  MOQ_ASSERT(read_frames(role, in, 1) == whole);
  MOQ_ASSERT(read_frames(role, in, 7) == whole);
}

void fuzz_request(ByteSpan in) {
  http::HeadReader reader;
  const auto head = reader.push(Bytes::copy(in));
  if (!head || !*head) return;
  const auto request = http::Request::parse(**head);
  if (!request) return;
  MOQ_ASSERT(request->path.starts_with('/'));
  static_cast<void>(request->parameter("jwt"));
  const auto upgrade = UpgradeRequest::parse(*request);
  if (!upgrade) return;
  MOQ_ASSERT(upgrade->subprotocols.size() <= kMaxSubprotocols);
  const std::vector<std::string> ours = {"moq-lite-06", "moqt-18"};
  const auto chosen = choose(upgrade->subprotocols, ours);
  if (chosen) MOQ_ASSERT(http::Response::parse(upgrade->accept(chosen->name)).has_value());
}

kio::Task<void> read_all(Pipe& pipe) {
  for (;;) {
    auto record =
        co_await kio::wait([&](const kio::Waiter& waiter) { return pipe.poll_read(waiter); });
    if (!record || !*record) break;
    MOQ_ASSERT((*record)->size() <= kLimit);
  }
  static_cast<void>(
      co_await kio::wait([&](const kio::Waiter& waiter) { return pipe.poll_close(waiter); }));
}

/// A whole session with a peer that writes `in` and hangs up.
void fuzz_pipe(Role role, ByteSpan in) {
  sim::World world;
  sim::BytePair pair(world, {.window_bytes = 1 << 20});
  PipeOptions options;
  options.max_message_bytes = kLimit;
  std::unique_ptr<ByteStream> peer = std::move(role == Role::server ? pair.client : pair.server);
  Pipe pipe(world, world, std::move(role == Role::server ? pair.server : pair.client), role, {},
            options);
  kio::Spawned<void> reading = world.spawn(read_all(pipe));
  Bytes bytes = Bytes::copy(in.first(std::min<std::size_t>(in.size(), 1 << 19)));
  static_cast<void>(peer->poll_write(kio::Waiter::none(), bytes));
  world.run_for(7s);
  peer.reset();
  world.run_for(35s);
  MOQ_ASSERT(reading.finished());
}

/// A client, and a server that answers with `in`.
void fuzz_connect(ByteSpan in) {
  sim::World world;
  sim::BytePair pair(world, {.window_bytes = 1 << 20});
  const std::vector<std::string> offered = {"qmux-01.moq-lite-06"};
  auto connecting =
      world.spawn(connect(world, world, std::move(pair.client), ConnectOptions("h", "/", offered)));
  Bytes bytes = Bytes::copy(in.first(std::min<std::size_t>(in.size(), 1 << 19)));
  static_cast<void>(pair.server->poll_write(kio::Waiter::none(), bytes));
  world.run_for(1s);
  pair.server.reset();
  world.run_for(1s);
  MOQ_ASSERT(connecting.finished());
}

}  // namespace
}  // namespace moq::transport::websocket

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace ws = moq::transport::websocket;
  if (size == 0) return 0;
  const moq::ByteSpan in(data + 1, size - 1);
  switch (data[0]) {
    case 'c':
      ws::fuzz_frames(ws::Role::client, in);
      break;
    case 's':
      ws::fuzz_frames(ws::Role::server, in);
      break;
    case 'r':
      ws::fuzz_request(in);
      break;
    case 'a':
      ws::fuzz_connect(in);
      break;
    case 'C':
      ws::fuzz_pipe(ws::Role::client, in);
      break;
    case 'S':
      ws::fuzz_pipe(ws::Role::server, in);
      break;
    default:
      break;
  }
  return 0;
}
