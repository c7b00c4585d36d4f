#include <array>
#include <utility>

#include "moq/base/wire.h"
#include "moq/mux/flv/tag.h"

namespace moq::mux::flv {
namespace {

using Type = Content::Type;

// Codecs of the old headers, E.4.2.1 and E.4.3.1.
constexpr std::uint8_t kMp3 = 2;
constexpr std::uint8_t kAac = 10;
constexpr std::uint8_t kMp3At8kHz = 14;
constexpr std::uint8_t kAvc = 7;
// What marks the new ones.
constexpr std::uint8_t kNewVideo = 0x80;
constexpr std::uint8_t kNewAudio = 9;

// Frame types and packet types; audio has the first two packet types, too.
constexpr std::uint8_t kCommandFrame = 5;
constexpr std::uint8_t kSequenceStart = 0;
constexpr std::uint8_t kCodedFrames = 1;
constexpr std::uint8_t kSequenceEnd = 2;
constexpr std::uint8_t kMetadata = 4;
constexpr std::uint8_t kModifierExtension = 7;

using FourCcName = std::pair<std::string_view, std::string_view>;
constexpr std::array<FourCcName, 5> kVideoFormats = {
    {{"avc1", "avc1"}, {"hvc1", "hvc1"}, {"av01", "av01"}, {"vp08", "vp8"}, {"vp09", "vp9"}}};
constexpr std::array<FourCcName, 4> kAudioFormats = {
    {{"mp4a", "aac"}, {"Opus", "opus"}, {"fLaC", "flac"}, {".mp3", "mp3"}}};

template <typename Formats>
std::string_view format_of(const Formats& formats, std::string_view fourcc) {
  for (const auto& [name, format] : formats) {
    if (name == fourcc) return format;
  }
  return {};
}

/// Signed, 24 bits.
std::int32_t read_composition(Reader& in) {
  const auto value = static_cast<std::int32_t>(in.u24());
  return value >= 0x800000 ? value - 0x1000000 : value;
}

/// Passes over what modifies a packet, up to the packet's own type.
std::uint8_t skip_modifiers(Reader& in, std::uint8_t packet) {
  while (packet == kModifierExtension && in.ok()) {
    std::size_t size = std::size_t{1} + in.u8();
    if (size == 256) size = std::size_t{1} + in.u16();
    in.skip(size);
    packet = in.u8() & 0x0f;
  }
  return packet;
}

/// The rest of the body as that.
Content rest_of(const Tag& tag, const Reader& in, Type type, std::string_view format) {
  if (!in.ok()) return {};
  return {.type = type, .format = std::string(format), .payload = tag.body.slice(in.position())};
}

/// A form that nobody has asked for, such as several tracks in one tag.
Content unknown(const Reader& in, std::string_view what) {
  if (!in.ok()) return {};
  return {.type = Type::unknown, .format = std::string(what)};
}

Content parse_new_video(const Tag& tag, Reader& in, std::uint8_t first) {
  const std::uint8_t packet = skip_modifiers(in, first & 0x0f);
  if (packet == kSequenceEnd || packet == kMetadata) return {};
  if (packet > kMetadata) return unknown(in, "video packet " + std::to_string(packet));
  const std::string_view fourcc = as_text(in.bytes(4));
  const std::string_view format = format_of(kVideoFormats, fourcc);
  if (format.empty()) return unknown(in, fourcc);
  if (packet == kSequenceStart) {
    Content config = rest_of(tag, in, Type::config, format);
    // These decode without: what is here is for the catalogs of others.
    if (format == "vp8" || format == "vp9") config.payload = Bytes();
    return config;
  }
  std::int32_t composition = 0;
  const bool reorders = format == "avc1" || format == "hvc1";
  if (packet == kCodedFrames && reorders) composition = read_composition(in);
  Content frame = rest_of(tag, in, Type::frame, format);
  frame.composition_ms = composition;
  return frame;
}

Content parse_video(const Tag& tag) {
  Reader in(tag.body.span());
  const std::uint8_t first = in.u8();
  if ((first >> 4 & 7) == kCommandFrame) return {};
  if ((first & kNewVideo) != 0) return parse_new_video(tag, in, first);
  if ((first & 0x0f) != kAvc) return unknown(in, "codec " + std::to_string(first & 0x0f));
  const std::uint8_t packet = in.u8();
  const std::int32_t composition = read_composition(in);
  if (packet == kSequenceStart) return rest_of(tag, in, Type::config, "avc1");
  if (packet != kCodedFrames) return {};
  Content frame = rest_of(tag, in, Type::frame, "avc1");
  frame.composition_ms = composition;
  return frame;
}

Content parse_audio(const Tag& tag) {
  Reader in(tag.body.span());
  const std::uint8_t first = in.u8();
  const std::uint8_t codec = first >> 4;
  if (codec == kMp3 || codec == kMp3At8kHz) return rest_of(tag, in, Type::frame, "mp3");
  if (codec == kAac) {
    const std::uint8_t packet = in.u8();
    return rest_of(tag, in, packet == kSequenceStart ? Type::config : Type::frame, "aac");
  }
  if (codec != kNewAudio) return unknown(in, "codec " + std::to_string(codec));
  const std::uint8_t packet = skip_modifiers(in, first & 0x0f);
  if (packet == kSequenceEnd || packet == kMetadata) return {};
  if (packet > kCodedFrames) return unknown(in, "audio packet " + std::to_string(packet));
  const std::string_view fourcc = as_text(in.bytes(4));
  const std::string_view format = format_of(kAudioFormats, fourcc);
  if (format.empty()) return unknown(in, fourcc);
  return rest_of(tag, in, packet == kSequenceStart ? Type::config : Type::frame, format);
}

}  // namespace

Content parse_content(const Tag& tag) {
  return tag.kind == Kind::video ? parse_video(tag) : parse_audio(tag);
}

}  // namespace moq::mux::flv
