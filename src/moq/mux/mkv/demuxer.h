#pragma once

#include <map>

#include "moq/mux/mkv/block.h"
#include "moq/mux/mkv/tracks.h"

namespace moq::mux::mkv {

/// What describes the file (EBML header, Info, Tracks), each held whole.
inline constexpr std::size_t kMaxHeaderBytes = std::size_t{1} << 20;
/// One block, held whole: what a moq frame may carry, so larger ones help nobody.
inline constexpr std::size_t kMaxBlockBytes = std::size_t{32} << 20;

/// Takes a Matroska or WebM stream apart, live ones (segments and clusters of unknown size) too:
/// H.264, H.265, AV1, VP8, VP9, Opus, AAC, FLAC, MP3. Their ids are the track numbers. All times
/// are moved forward by the longest codec delay, so that it takes none below 0.
class MkvDemuxer : public Demuxer {
 public:
  Result<void> push(const Bytes& data, Found& out) override;
  Result<void> finish(Found& out) override;
  [[nodiscard]] bool found_all() const override;

 private:
  struct Track {
    TrackEntry entry;
    FoundTrack found;
    bool told = false;  ///< `found` was given out.
  };
  enum class Step : std::uint8_t { again, starved };

  Result<Step> advance(Found& out);
  Result<void> check(const ElementHeader& header) const;
  Result<void> take(std::uint32_t id, const Bytes& body, Found& out);
  Result<void> take_ebml(ByteSpan body) const;
  Result<void> take_info(ByteSpan body);
  Result<void> take_tracks(ByteSpan body, Found& out);
  Result<void> take_group(const Bytes& body, Found& out);
  /// `duration`: of the whole block in ticks, if it is known.
  Result<void> take_block(const Bytes& body, std::optional<std::uint64_t> duration, Found& out);
  [[nodiscard]] std::uint64_t frame_ns(const Track& track, ByteSpan frame) const;
  [[nodiscard]] ByteSpan rest() const { return ByteSpan(input_).subspan(at_); }

  std::vector<std::uint8_t> input_;
  std::size_t at_ = 0;               ///< Bytes of `input_` that are done with.
  std::uint64_t position_ = 0;       ///< Of that place, in the stream.
  std::uint64_t element_start_ = 0;  ///< Of the newest element, for errors.
  std::uint64_t skip_ = 0;           ///< Bytes left of an element that is not for us.
  bool begun_ = false;
  std::uint64_t tick_ns_ = 1'000'000;  ///< TimestampScale.
  std::uint64_t cluster_time_ = 0;     ///< In ticks.
  std::uint64_t lift_ns_ = 0;          ///< The longest codec delay.
  std::map<std::uint64_t, Track> tracks_;
};

}  // namespace moq::mux::mkv
