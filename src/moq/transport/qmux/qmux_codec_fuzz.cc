// Frames, parameters and the records of a stream of bytes. What decodes is encoded again, and must
// decode to the same.
//
// Input: the framing, then a record; the same bytes are parameters, and a stream of records.
#include "moq/base/result.h"
#include "moq/sim/world.h"
#include "moq/transport/qmux/internal/frame.h"
#include "moq/transport/qmux/internal/parameters.h"
#include "moq/transport/qmux/pipe_test_support.h"
#include "moq/transport/qmux/stream_pipe.h"

namespace moq::transport::qmux {
namespace {

template <typename... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};

void encode(Writer& out, const Frame& frame, Framing framing) {
  std::visit(Overloaded{
                 [&](const ResetStream& reset) { encode_reset(out, reset, framing); },
                 [&](const StopSending& stop) { encode_stop(out, stop); },
                 [&](const StreamData& data) { encode_stream(out, data, framing); },
                 [&](const MaxData& max) { encode_max_data(out, max.max); },
                 [&](const MaxStreamData& max) { encode_max_stream_data(out, max); },
                 [&](const MaxStreams& max) { encode_max_streams(out, max); },
                 [&](const Close& close) { encode_close(out, close, framing); },
                 [&](const Datagram& datagram) { encode_datagram(out, datagram.data); },
                 [&](const Ping& ping) { encode_ping(out, ping); },
                 [&](const ParametersFrame& body) { encode_parameters(out, body.body); },
                 [&](const Ignored&) { out.u8(0); },
             },
             frame);
}

/// The encoding of what a record begins with; encoding is canonical, so it is equal to itself.
Bytes canonical(ByteSpan record, Framing framing) {
  Writer out;
  Reader in(record);
  while (in.remaining() > 0) {
    const auto frame = decode_frame(in, framing);
    if (!frame) break;
    encode(out, *frame, framing);
  }
  return out.take();
}

void check_frames(ByteSpan record, Framing framing) {
  const Bytes once = canonical(record, framing);
  const Bytes twice = canonical(once.span(), framing);
  MOQ_ASSERT(framing == Framing::webtransport || once == twice);
}

void check_parameters(ByteSpan body) {
  const auto parameters = WireParameters::decode(body);
  if (!parameters) return;
  Writer out;
  parameters->encode(out);
  const auto again = WireParameters::decode(out.span());
  MOQ_ASSERT(again && *again == *parameters);
}

void check_records(ByteSpan bytes) {
  sim::World world;
  auto in = std::make_shared<Wire>(world, WireOptions{.latency = Duration::zero()});
  auto out = std::make_shared<Wire>(world, WireOptions{});
  const auto pipe = make_stream_pipe(std::make_unique<ByteEnd>(world, in, out));
  if (!bytes.empty()) in->push(Bytes::copy(bytes));
  in->end();
  for (;;) {
    const auto record = pipe->poll_read(kio::Waiter::none());
    MOQ_ASSERT(record);
    if (!*record || !**record) return;
    MOQ_ASSERT((**record)->size() <= kMaxRecordBytes);
  }
}

}  // namespace
}  // namespace moq::transport::qmux

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moq::transport::qmux;
  if (size == 0) return 0;
  const moq::ByteSpan record(data + 1, size - 1);
  check_frames(record, static_cast<Framing>(data[0] % 4));
  check_parameters(record);
  check_records(record);
  return 0;
}
