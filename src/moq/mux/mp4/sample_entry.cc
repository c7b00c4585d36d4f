#include "moq/mux/mp4/sample_entry.h"

#include <fmt/format.h>

#include <algorithm>

#include "moq/hang/codec_string.h"
#include "moq/mux/aac.h"
#include "moq/mux/av1/sequence_header.h"
#include "moq/mux/mp4/esds.h"
#include "moq/mux/opus.h"

namespace moq::mux::mp4 {
namespace {

// Fixed fields before the boxes of a video entry: ISO/IEC 14496-12 §12.1.3.
constexpr std::size_t kVideoFields = 78;
// What QuickTime's version 1 adds to an audio entry.
constexpr std::size_t kQuickTimeFields = 16;
constexpr std::size_t kFullBoxHeader = 4;

/// `part`, a subspan of `whole`, as a slice of it.
Bytes slice_of(const Bytes& whole, ByteSpan part) {
  if (part.empty()) return {};
  return whole.slice(static_cast<std::size_t>(part.data() - whole.data()), part.size());
}

std::string av1_codec(const Bytes& av1c) {
  const Result<av1::Av1Config> config = av1::Av1Config::decode(av1c);
  return config ? config->header().codec() : std::string();
}

/// VP Codec ISO Media File Format Binding, "vpcC".
std::string vp9_codec(ByteSpan vpcc) {
  Reader in(vpcc);
  in.skip(kFullBoxHeader);
  const unsigned profile = in.u8();
  const unsigned level = in.u8();
  const unsigned picture = in.u8();  // Depth, chroma, range.
  // What is not specified counts as the usual.
  const auto color = [&in] {
    const unsigned value = in.u8();
    return value == 2 ? 1 : value;
  };
  const unsigned primaries = color();
  const unsigned transfer = color();
  const unsigned matrix = color();
  if (!in.ok()) return {};
  const std::string whole =
      fmt::format("vp09.{:02}.{:02}.{:02}.{:02}.{:02}.{:02}.{:02}.{:02}", profile, level,
                  picture >> 4, picture >> 1 & 7, primaries, transfer, matrix, picture & 1);
  return hang::canonical_codec(whole).value_or(whole);
}

/// The box `type` within `boxes`, as a slice of `entry`; empty if there is none.
Bytes child(const Bytes& entry, ByteSpan boxes, FourCc type) {
  const std::optional<Box> box = find_box(boxes, type);
  return box ? slice_of(entry, box->body) : Bytes();
}

Result<void> read_video_codec(SampleEntry& out, ByteSpan boxes) {
  const FourCc format = out.format;
  if (format == FourCc("avc1") || format == FourCc("avc3")) {
    out.description = child(out.box, boxes, "avcC");
    out.codec = avc_codec(format.text(), out.description.span());
    if (out.codec.empty()) return fail(Code::decode, "mp4: '" + format.text() + "' without avcC");
  } else if (format == FourCc("hvc1") || format == FourCc("hev1")) {
    out.description = child(out.box, boxes, "hvcC");
    out.codec = hevc_codec(format.text(), out.description.span());
    if (out.codec.empty()) return fail(Code::decode, "mp4: '" + format.text() + "' without hvcC");
  } else if (format == FourCc("av01")) {
    out.codec = av1_codec(child(out.box, boxes, "av1C"));
  } else if (format == FourCc("vp09")) {
    out.codec = vp9_codec(child(out.box, boxes, "vpcC").span());
  } else if (format == FourCc("vp08")) {
    out.codec = "vp8";
  }
  return {};
}

Result<void> read_mp4a(SampleEntry& out, ByteSpan boxes) {
  MOQ_TRY(const Esds esds, parse_esds(child(out.box, boxes, "esds")));
  if (esds.bitrate != 0) out.bitrate = esds.bitrate;
  if (esds.is_mp3()) out.codec = "mp3";
  if (!esds.is_aac()) return {};
  MOQ_TRY(const aac::Config config, aac::Config::decode(esds.specific.span()));
  out.codec = config.codec();
  out.description = esds.specific;
  if (out.sample_rate == 0) out.sample_rate = config.sample_rate;
  if (config.channels != 0) out.channels = config.channels;
  return {};
}

Result<void> read_audio_codec(SampleEntry& out, ByteSpan boxes) {
  const FourCc format = out.format;
  if (format == FourCc("mp4a")) return read_mp4a(out, boxes);
  if (format == FourCc("Opus")) {
    MOQ_TRY(const opus::Head head, opus::Head::decode_dops(child(out.box, boxes, "dOps")));
    out.codec = "opus";
    out.sample_rate = opus::kSampleRate;
    out.channels = head.channels;
    out.description = head.encode();
  } else if (format == FourCc("fLaC")) {
    out.codec = "flac";
    const Bytes dfla = child(out.box, boxes, "dfLa");
    const std::array<Bytes, 2> parts = {Bytes::copy("fLaC"), dfla.slice(kFullBoxHeader)};
    out.description = join(parts);
  } else if (format == FourCc("ac-3") || format == FourCc("ec-3")) {
    out.codec = format.text();
  }
  return {};
}

void read_bitrate(SampleEntry& out, ByteSpan boxes) {
  const std::optional<Box> btrt = find_box(boxes, "btrt");
  if (!btrt || out.bitrate) return;
  Reader in(btrt->body);
  in.u32();  // Decoding buffer.
  const std::uint64_t most = std::max(in.u32(), in.u32());
  if (in.ok() && most != 0) out.bitrate = most;
}

/// The leading fields that all entries share.
void begin_entry(BoxWriter& out) {
  out.out().u32(0).u16(0).u16(1);  // Reserved, and the data reference: this file.
}

void write_video_fields(BoxWriter& out, const SampleEntry& entry) {
  begin_entry(out);
  out.out().u64(0).u64(0);
  out.out().u16(static_cast<std::uint16_t>(entry.width));
  out.out().u16(static_cast<std::uint16_t>(entry.height));
  out.out().u32(0x00480000).u32(0x00480000);     // 72 dpi.
  out.out().u32(0).u16(1);                       // One frame a sample.
  for (int i = 0; i < 4; ++i) out.out().u64(0);  // The compressor's name.
  out.out().u16(0x0018).u16(0xffff);             // Depth 24, no colour table.
}

void write_audio_fields(BoxWriter& out, const SampleEntry& entry) {
  begin_entry(out);
  out.out().u64(0);
  out.out().u16(static_cast<std::uint16_t>(entry.channels)).u16(16).u32(0);
  // 16.16 fixed point holds no rate above 65535; the configuration says the true one.
  out.out().u32(entry.sample_rate > 0xffff ? 0 : entry.sample_rate << 16);
}

}  // namespace

std::string avc_codec(std::string_view prefix, ByteSpan avcc) {
  if (avcc.size() < 4) return {};
  return fmt::format("{}.{:02x}{:02x}{:02x}", prefix, avcc[1], avcc[2], avcc[3]);
}

std::string hevc_codec(std::string_view prefix, ByteSpan hvcc) {
  if (hvcc.size() < 13) return {};
  constexpr std::array<std::string_view, 4> kSpaces = {"", "A", "B", "C"};
  std::uint32_t compatibility = 0;
  for (unsigned bit = 0; bit < 32; ++bit) {
    const std::uint32_t set = hvcc[2 + bit / 8] >> (7 - bit % 8) & 1U;
    compatibility |= set << bit;
  }
  std::string out = fmt::format("{}.{}{}.{:X}.{}{}", prefix, kSpaces[hvcc[1] >> 6], hvcc[1] & 31,
                                compatibility, (hvcc[1] & 0x20) != 0 ? 'H' : 'L', hvcc[12]);
  std::size_t end = 12;
  while (end > 6 && hvcc[end - 1] == 0) --end;
  for (std::size_t i = 6; i < end; ++i) out += fmt::format(".{:X}", hvcc[i]);
  return out;
}

Result<SampleEntry> parse_sample_entry(const Bytes& entry, bool is_video) {
  BoxReader reader(entry.span());
  MOQ_TRY(const std::optional<Box> box, reader.next());
  if (!box) return fail(Code::decode, "mp4: an empty sample description");
  SampleEntry out{.format = box->type, .box = slice_of(entry, box->whole)};
  Reader in(box->body);
  if (is_video) {
    in.skip(24);
    out.width = in.u16();
    out.height = in.u16();
    in.skip(kVideoFields - 28);
  } else {
    in.skip(8);
    const bool is_quicktime = in.u16() == 1;
    in.skip(6);
    out.channels = in.u16();
    in.skip(6);
    out.sample_rate = in.u32() >> 16;
    if (is_quicktime) in.skip(kQuickTimeFields);
  }
  if (!in.ok()) return fail(Code::decode, "mp4: '" + box->type.text() + "' is cut");
  const ByteSpan boxes = box->body.subspan(in.position());
  if (is_video) {
    MOQ_CHECK(read_video_codec(out, boxes));
  } else {
    MOQ_CHECK(read_audio_codec(out, boxes));
  }
  read_bitrate(out, boxes);
  return out;
}

Result<SampleEntry> build_sample_entry(SampleEntry entry) {
  const std::string_view codec = entry.codec;
  const auto is = [&codec](std::string_view prefix) { return codec.starts_with(prefix); };
  const bool is_avc = is("avc1") || is("avc3");
  const bool is_hevc = is("hvc1") || is("hev1");
  if (!is_avc && !is_hevc && !is("mp4a.40") && !is("opus")) {
    return fail(Code::unsupported, "mp4: no sample entry for codec '" + entry.codec + "'");
  }
  if (entry.description.empty() && !is("opus")) {
    return fail(Code::invalid_argument, "mp4: '" + entry.codec + "' needs its configuration");
  }
  BoxWriter out;
  entry.format = is_avc ? FourCc("avc1") : is_hevc ? FourCc("hvc1") : is("opus") ? "Opus" : "mp4a";
  const std::size_t start = out.begin(entry.format);
  if (is_avc || is_hevc) {
    write_video_fields(out, entry);
    out.box(is_avc ? "avcC" : "hvcC", entry.description.span());
  } else if (is("opus")) {
    write_audio_fields(out, entry);
    opus::Head head;
    head.channels = static_cast<std::uint8_t>(entry.channels);
    if (!entry.description.empty()) {
      MOQ_TRY(head, opus::Head::decode(entry.description));
    }
    out.box("dOps", head.encode_dops().span());
  } else {
    write_audio_fields(out, entry);
    write_esds(out, {.specific = entry.description, .bitrate = entry.bitrate.value_or(0)});
  }
  out.end(start);
  entry.box = out.take();
  return entry;
}

}  // namespace moq::mux::mp4
