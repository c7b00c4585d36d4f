// Input: version, bytes of an announce stream's answer. What is announced must not depend on how
// the bytes are cut, and must be the same after our own encoder wrote it.
#include <optional>
#include <unordered_map>
#include <vector>

#include "moq/net/lite/announce_codec.h"
#include "moq/net/lite/announce_reader.h"
#include "moq/net/lite/fuzz_support.h"

namespace moq::net::lite {
namespace {

struct Outcome {
  std::vector<AnnounceEvent> events;
  std::optional<Error> error;
  bool operator==(const Outcome&) const = default;
};

Outcome read(ByteSpan input, std::size_t chunk, Version version) {
  AnnounceReader reader(fuzz_reader(input, chunk, version));
  Outcome outcome;
  for (;;) {
    auto next = reader.poll_next(Waiter::none());
    MOQ_ASSERT(next.ready());
    if (!*next) {
      outcome.error = next->error();
      return outcome;
    }
    if (!**next) return outcome;
    outcome.events.push_back(***std::move(next));
  }
}

/// The event by an encoder and a decoder of ours; their ids count START alike.
void check_again(AnnounceEncoder& encoder, AnnounceDecoder& decoder, const AnnounceEvent& event,
                 Version version) {
  Bytes framed;
  if (event.kind == AnnounceEvent::Kind::start) {
    auto started = encoder.start(event.suffix, event.route);
    MOQ_ASSERT(started.id == event.id);
    framed = std::move(started.message);
  } else if (event.kind == AnnounceEvent::Kind::update) {
    framed = encoder.update(event.id, event.route);
  } else {
    framed = encoder.end(event.id);
  }
  Reader in(framed.span(), varint_kind(version));
  const std::uint64_t type = has_announce_ids(version) ? in.varint() : 0;
  const auto again = decoder.decode(type, in.prefixed());
  MOQ_ASSERT(again.has_value() && *again == event);
}

}  // namespace
}  // namespace moq::net::lite

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moq::net::lite;
  moq::ByteSpan input(data, size);
  const moq::net::Version version = take_version(input);
  const Outcome whole = read(input, SIZE_MAX, version);
  MOQ_ASSERT(read(input, 1, version) == whole);
  AnnounceEncoder encoder(version);
  AnnounceDecoder decoder(version);
  for (const AnnounceEvent& event : whole.events) check_again(encoder, decoder, event, version);
  return 0;
}
