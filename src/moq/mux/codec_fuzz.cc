#include <cstddef>
#include <cstdint>

#include "moq/base/wire.h"
#include "moq/hang/codec_string.h"
#include "moq/mux/internal/frame_reader.h"

/// Each codec's reader. The first byte says which; then come the init data and the frames, each
/// with two bytes of length before it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using moq::Bytes;
  using moq::mux::MediaTrack;
  constexpr int kFormats = static_cast<int>(MediaTrack::Format::mp3) + 1;
  if (size < 3) return 0;
  const Bytes input = Bytes::copy(moq::ByteSpan(data, size));
  moq::Reader in(input.span());
  const auto format = static_cast<MediaTrack::Format>(in.u8() % kFormats);
  const auto next = [&] {
    const std::size_t length = in.u16();
    const std::size_t at = in.position();
    const Bytes out = input.slice(at, length);
    in.skip(out.size());
    return out;
  };
  const auto reader = moq::mux::make_frame_reader(format, next());
  if (!reader) return 0;
  while (in.remaining() >= 2) {
    const Bytes frame = next();
    const auto read = (*reader)->read(frame);
    if (read && *read) MOQ_ASSERT(!MediaTrack::is_audio(format) || (*read)->payload == frame);
    if (const auto& known = (*reader)->description()) {
      MOQ_ASSERT(moq::hang::canonical_codec(known->codec) == known->codec);
    }
  }
  return 0;
}
