#pragma once

#include <memory>
#include <optional>

#include "moq/mux/internal/select.h"
#include "moq/mux/track_reader.h"

namespace moq::mux {

/// Decode times for a stream that has presentation times alone: frames come in decode order, so
/// each is decoded a frame after the one before, and not after it is shown. In microseconds.
class DecodeTimes {
 public:
  explicit DecodeTimes(std::optional<double> framerate) { set_framerate(framerate); }
  /// From the next frame on; none or nonsense = as the times tell.
  void set_framerate(std::optional<double> framerate);
  /// The decode time of the next frame, later than that of the one before.
  std::uint64_t next(std::uint64_t pts_us);
  /// How long a frame lasts, as far as is known; 0 before the second.
  [[nodiscard]] std::uint64_t frame_us() const { return frame_us_.value_or(0); }

 private:
  std::optional<std::uint64_t> frame_us_;
  bool is_given_ = false;  ///< `frame_us_` is what the catalog says.
  std::optional<std::uint64_t> last_;
  std::optional<std::uint64_t> last_pts_;
};

/// Turns the samples of one rendition into what the output's format takes.
class Shaper {
 public:
  virtual ~Shaper() = default;
  /// The sample as it is written; none if it is of no use, as before the first key frame.
  virtual Result<std::optional<mp4::Sample>> shape(mp4::Sample sample) = 0;
  /// fMP4: the track that the samples belong to, once it is known. Its id is not set. It may change
  /// with a key frame.
  [[nodiscard]] const std::optional<mp4::Track>& track() const { return track_; }
  /// Units of the samples' times per second.
  [[nodiscard]] virtual std::uint64_t timescale() const = 0;

 protected:
  std::optional<mp4::Track> track_;
};

/// For fMP4. Fails if the rendition cannot be carried there.
Result<std::unique_ptr<Shaper>> make_mp4_shaper(const Rendition& rendition,
                                                const FrameDecoder& decoder);
/// For H.264: payloads in Annex-B, parameter sets before each key frame.
Result<std::unique_ptr<Shaper>> make_annex_b_shaper(const Rendition& rendition,
                                                    const FrameDecoder& decoder);

}  // namespace moq::mux
