#include <algorithm>

#include "moq/mux/av1/temporal_unit.h"
#include "moq/mux/h264/access_unit.h"
#include "moq/mux/h264/avcc.h"
#include "moq/mux/h265/access_unit.h"
#include "moq/mux/h265/hvcc.h"
#include "moq/mux/internal/frame_reader.h"
#include "moq/mux/mp4/sample_entry.h"
#include "moq/mux/vp8.h"
#include "moq/mux/vp9.h"

namespace moq::mux {
namespace {

using Format = MediaTrack::Format;
using Frame = std::optional<EncodedFrame>;

/// H.264 in Annex-B.
class Avc3Reader : public FrameReader {
 public:
  Result<Frame> read(const Bytes& payload) override {
    MOQ_TRY(std::optional<h264::AccessUnit> unit, units_.read_unit(payload));
    if (const std::optional<h264::Sps>& sps = units_.sps(); sps && sps != sps_) {
      sps_ = sps;
      description_ = Description{.codec = sps->codec("avc3"),
                                 .width = sps->width,
                                 .height = sps->height,
                                 .framerate = sps->framerate};
    }
    if (!unit) return std::nullopt;
    return EncodedFrame{.keyframe = unit->keyframe, .payload = std::move(unit->payload)};
  }

 private:
  h264::AccessUnitReader units_;
  std::optional<h264::Sps> sps_;  ///< As described.
};

/// H.265 in Annex-B.
class Hev1Reader : public FrameReader {
 public:
  Result<Frame> read(const Bytes& payload) override {
    MOQ_TRY(std::optional<h265::AccessUnit> unit, units_.read_unit(payload));
    if (const std::optional<h265::Sps>& sps = units_.sps(); sps && sps != sps_) {
      sps_ = sps;
      description_ =
          Description{.codec = sps->codec("hev1"), .width = sps->width, .height = sps->height};
    }
    if (!unit) return std::nullopt;
    return EncodedFrame{.keyframe = unit->keyframe, .payload = std::move(unit->payload)};
  }

 private:
  h265::AccessUnitReader units_;
  std::optional<h265::Sps> sps_;
};

/// H.264 or H.265 with lengths, which stay: the configuration says how to read them.
class PrefixedReader : public FrameReader {
 public:
  using IsKeyframe = bool (*)(std::span<const ByteSpan> nals);
  PrefixedReader(Description description, std::size_t length_size, IsKeyframe is_keyframe)
      : length_size_(length_size), is_keyframe_(is_keyframe) {
    description_ = std::move(description);
  }

  Result<Frame> read(const Bytes& payload) override {
    MOQ_TRY(const std::vector<ByteSpan> nals,
            h264::split_length_prefixed(payload.span(), length_size_));
    if (nals.empty()) return fail(Code::decode, "a frame without NAL units");
    return EncodedFrame{.keyframe = is_keyframe_(nals), .payload = payload};
  }

 private:
  std::size_t length_size_;
  IsKeyframe is_keyframe_;
};

/// What the configuration says; the size, if its parameter sets can be read.
Result<std::unique_ptr<FrameReader>> make_avc1(const Bytes& init) {
  MOQ_TRY(const h264::AvcConfig config, h264::AvcConfig::decode(init));
  Description out{.codec = mp4::avc_codec("avc1", init.span()), .configuration = init};
  const Result<h264::Sps> sps =
      h264::Sps::decode(config.sps.empty() ? ByteSpan() : config.sps.front().span());
  if (sps) {
    out.width = sps->width;
    out.height = sps->height;
    out.framerate = sps->framerate;
  }
  return std::make_unique<PrefixedReader>(std::move(out), config.length_size, h264::is_keyframe);
}

Result<std::unique_ptr<FrameReader>> make_hvc1(const Bytes& init) {
  MOQ_TRY(const h265::HevcConfig config, h265::HevcConfig::decode(init));
  Description out{.codec = mp4::hevc_codec("hvc1", init.span()), .configuration = init};
  const auto set = std::ranges::find_if(config.nals, [](const Bytes& nal) {
    return h265::nal_type(nal.span()) == h265::NalType::sps;
  });
  if (set != config.nals.end()) {
    if (const Result<h265::Sps> sps = h265::Sps::decode(set->span())) {
      out.width = sps->width;
      out.height = sps->height;
    }
  }
  return std::make_unique<PrefixedReader>(std::move(out), config.length_size, h265::is_keyframe);
}

class Av1Reader : public FrameReader {
 public:
  /// As OBUs, or as an av1C with some.
  Result<void> initialize(const Bytes& init) override {
    Bytes obus = init;
    if (av1::Av1Config::looks_like(init.span())) {
      MOQ_TRY(const av1::Av1Config config, av1::Av1Config::decode(init));
      describe(config.head);
      obus = config.obus;
    }
    if (!obus.empty()) MOQ_CHECK(read(obus));
    return {};
  }

  Result<Frame> read(const Bytes& payload) override {
    MOQ_TRY(std::optional<av1::TemporalUnit> unit, units_.read_unit(payload));
    if (const auto& header = units_.header(); header && header != header_) {
      header_ = header;
      describe(*header);
    }
    if (!unit) return std::nullopt;
    return EncodedFrame{.keyframe = unit->keyframe, .payload = std::move(unit->payload)};
  }

 private:
  void describe(const av1::SequenceHeader& header) {
    description_ = Description{.codec = header.codec(),
                               .width = header.width,
                               .height = header.height,
                               .framerate = header.framerate};
  }

  av1::TemporalUnitReader units_;
  std::optional<av1::SequenceHeader> header_;  ///< As described.
};

class Vp8Reader : public FrameReader {
 public:
  Result<Frame> read(const Bytes& payload) override {
    MOQ_TRY(const vp8::FrameHeader header, vp8::FrameHeader::decode(payload.span()));
    if (header.keyframe) {
      description_ = Description{.codec = "vp8", .width = header.width, .height = header.height};
    }
    return EncodedFrame{.keyframe = header.keyframe, .payload = payload};
  }
};

class Vp9Reader : public FrameReader {
 public:
  Result<Frame> read(const Bytes& payload) override {
    MOQ_TRY(const vp9::FrameHeader header, vp9::FrameHeader::decode(payload.span()));
    if (header.keyframe) {
      description_ =
          Description{.codec = header.codec(), .width = header.width, .height = header.height};
    }
    return EncodedFrame{.keyframe = header.keyframe, .payload = payload};
  }
};

/// A reader whose `init`, if there is any, is read like a frame, and has to say what comes.
template <typename Reader>
Result<std::unique_ptr<FrameReader>> make_in_band(const Bytes& init) {
  auto reader = std::make_unique<Reader>();
  if (init.empty()) return reader;
  MOQ_CHECK(reader->initialize(init));
  if (!reader->description()) return fail(Code::decode, "init data without parameters");
  return reader;
}

}  // namespace

Result<std::unique_ptr<FrameReader>> make_video_reader(Format format, const Bytes& init) {
  switch (format) {
    case Format::avc1:
      return make_avc1(init);
    case Format::avc3:
      return make_in_band<Avc3Reader>(init);
    case Format::hvc1:
      return make_hvc1(init);
    case Format::hev1:
      return make_in_band<Hev1Reader>(init);
    case Format::vp8:
      return make_in_band<Vp8Reader>(init);
    case Format::vp9:
      return make_in_band<Vp9Reader>(init);
    default:
      return make_in_band<Av1Reader>(init);
  }
}

Result<std::unique_ptr<FrameReader>> make_frame_reader(Format format, const Bytes& init) {
  return MediaTrack::is_audio(format) ? make_audio_reader(format, init)
                                      : make_video_reader(format, init);
}

}  // namespace moq::mux
