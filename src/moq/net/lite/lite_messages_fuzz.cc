// Input: version, kind of message, body. What decodes must be the same after a trip over the wire.
#include <array>

#include "moq/net/lite/announce.h"
#include "moq/net/lite/control.h"
#include "moq/net/lite/fuzz_support.h"
#include "moq/net/lite/group.h"
#include "moq/net/lite/legacy_setup.h"
#include "moq/net/lite/message.h"
#include "moq/net/lite/setup.h"
#include "moq/net/lite/subscribe.h"
#include "moq/net/lite/track.h"

namespace moq::net::lite {
namespace {

using Check = void (*)(ByteSpan, Version);

template <Message M>
void check(ByteSpan body, Version version) {
  const auto message = decode_message<M>(body, version);
  if (!message) return;
  Writer again(varint_kind(version));
  message->encode(again, version);
  const auto same = decode_message<M>(again.span(), version);
  MOQ_ASSERT(same == message);
}

template <typename M>
void check_legacy(ByteSpan body, Version) {
  Reader in(body);
  const auto message = M::decode(in);
  // What arrives has at most 16 bits of length; shortest forms make it no longer.
  if (!message || body.size() > UINT16_MAX) return;
  const Bytes framed = message->encode();
  Reader again(framed.span().subspan(3));
  MOQ_ASSERT(M::decode(again) == message);
}

void check_datagram(ByteSpan body, Version version) {
  const auto datagram = Datagram::decode(Bytes::copy(body), version);
  if (!datagram) return;
  MOQ_ASSERT(Datagram::decode(datagram->encode(version), version) == datagram);
}

/// New ones go to the end: the corpus counts on the numbers.
constexpr std::array<Check, 24> kChecks{
    check_legacy<ClientSetup>,
    check_legacy<ServerSetup>,
    check<SessionInfo>,
    check<Setup>,
    check<AnnounceRequest>,
    check<AnnounceInit>,
    check<AnnounceOk>,
    check<Announce>,
    check<AnnounceStart>,
    check<AnnounceEnd>,
    check<AnnounceUpdate>,
    check<Subscribe>,
    check<SubscribeUpdate>,
    check<SubscribeOk>,
    check<SubscribeStart>,
    check<SubscribeEnd>,
    check<SubscribeDrop>,
    check<Track>,
    check<TrackInfo>,
    check<Fetch>,
    check<GroupHeader>,
    check<Probe>,
    check<Goaway>,
    check_datagram,
};

}  // namespace
}  // namespace moq::net::lite

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moq::net::lite;
  moq::ByteSpan input(data, size);
  const moq::net::Version version = take_version(input);
  const std::size_t kind = take_byte(input) % kChecks.size();
  kChecks[kind](input, version);
  return 0;
}
