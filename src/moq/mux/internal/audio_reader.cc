#include "moq/mux/aac.h"
#include "moq/mux/flac.h"
#include "moq/mux/internal/frame_reader.h"
#include "moq/mux/mp3.h"
#include "moq/mux/opus.h"

namespace moq::mux {
namespace {

/// Audio frames are passed on as they are: each is decodable, and `init` tells what they are.
class AudioReader : public FrameReader {
 public:
  explicit AudioReader(Description description) { description_ = std::move(description); }

  Result<std::optional<EncodedFrame>> read(const Bytes& payload) override {
    return EncodedFrame{.keyframe = true, .payload = payload};
  }
};

Result<Description> describe_aac(const Bytes& init) {
  MOQ_TRY(const aac::Config config, aac::Config::decode(init.span()));
  return Description{.codec = config.codec(),
                     .configuration = init,
                     .sample_rate = config.sample_rate,
                     .channels = config.channels};
}

Result<Description> describe_opus(const Bytes& init) {
  MOQ_TRY(const opus::Head head, opus::Head::decode(init));
  return Description{.codec = "opus",
                     .configuration = init,
                     .sample_rate = opus::kSampleRate,
                     .channels = head.channels};
}

/// The configuration of FLAC is the beginning of the stream: what WebCodecs takes, too.
Result<Description> describe_flac(const Bytes& init) {
  MOQ_TRY(const flac::StreamInfo info, flac::StreamInfo::decode(init.span()));
  return Description{.codec = "flac",
                     .configuration = init,
                     .sample_rate = info.sample_rate,
                     .channels = info.channels};
}

/// Each frame of MP3 tells what it is, so there is no configuration.
Result<Description> describe_mp3(const Bytes& init) {
  MOQ_TRY(const mp3::FrameHeader header, mp3::FrameHeader::decode(init.span()));
  return Description{
      .codec = "mp3", .sample_rate = header.sample_rate, .channels = header.channels};
}

Result<Description> describe(MediaTrack::Format format, const Bytes& init) {
  switch (format) {
    case MediaTrack::Format::aac:
      return describe_aac(init);
    case MediaTrack::Format::opus:
      return describe_opus(init);
    case MediaTrack::Format::flac:
      return describe_flac(init);
    default:
      return describe_mp3(init);
  }
}

}  // namespace

Result<std::unique_ptr<FrameReader>> make_audio_reader(MediaTrack::Format format,
                                                       const Bytes& init) {
  MOQ_TRY(Description description, describe(format, init));
  return std::make_unique<AudioReader>(std::move(description));
}

}  // namespace moq::mux
