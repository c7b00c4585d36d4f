#pragma once

#include "moq/mux/demuxer.h"
#include "moq/mux/flv/tag.h"
#include "moq/mux/unwrap.h"

namespace moq::mux::flv {

/// Takes an FLV stream apart: H.264, AAC and MP3, and what enhanced RTMP adds to them, one track of
/// video and one of audio. Their ids are those of their tags, 9 and 8.
class FlvDemuxer : public Demuxer {
 public:
  Result<void> push(const Bytes& data, Found& out) override;
  Result<void> finish(Found& out) override;
  [[nodiscard]] bool found_all() const override;

 private:
  /// The track of one kind.
  struct Track {
    std::string format;  ///< Empty: not found yet.
    Bytes init;
    bool told = false;  ///< Of a codec that we do not know.
  };
  void take(const Tag& tag, Found& out);
  /// Notes what the track is from here on.
  static void note(Track& track, FoundTrack now, Found& out);

  TagReader tags_;
  Track audio_;
  Track video_;
  Unwrapper<32> times_;
};

}  // namespace moq::mux::flv
