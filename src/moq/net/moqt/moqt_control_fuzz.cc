// Input: draft, type of a control message, its body. What decodes is written, and what is written
// stays the same from then on: only what the draft has no place for is lost, once.
#include "moq/net/moqt/fuzz_support.h"
#include "moq/net/moqt/message.h"

namespace moq::net::moqt {
namespace {

RawMessage unframe(const Bytes& bytes, Draft draft) {
  Reader in = reader_of(bytes.span(), draft);
  const std::uint64_t type = in.varint();
  const std::uint16_t size = in.u16();
  MOQ_ASSERT(in.ok() && in.remaining() == size);
  return {.type = type, .body = bytes.slice(in.position())};
}

void check(const RawMessage& raw, Draft draft) {
  // What arrives has at most 16 bits of length; some fields are longer when they are written.
  if (raw.body.size() > UINT16_MAX / 2) return;
  const auto message = decode_message(raw, draft);
  if (!message) return;
  MOQ_ASSERT(!name_of(*message).empty());
  const auto written = encode_message(*message, draft);
  MOQ_ASSERT(written.has_value());
  const auto same = decode_message(unframe(*written, draft), draft);
  MOQ_ASSERT(same.has_value());
  MOQ_ASSERT(encode_message(*same, draft) == written);
}

}  // namespace
}  // namespace moq::net::moqt

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moq::net::moqt;
  moq::ByteSpan input(data, size);
  const Draft draft = take_draft(input);
  moq::Reader in = reader_of(input, draft);
  const std::uint64_t type = in.varint();
  if (!in.ok()) return 0;
  check({.type = type, .body = moq::Bytes::copy(input.subspan(in.position()))}, draft);
  return 0;
}
