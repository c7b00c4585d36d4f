#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "moq/av/codec_table.h"
#include "moq/av/ffmpeg/internal/handles.h"
#include "moq/base/result.h"

namespace moq::av::ffmpeg {

AVPixelFormat to_av(PixelFormat format);
inline bool is_known(PixelFormat format) { return format <= PixelFormat::rgba; }

/// Both sides even and not 0, and within the limits.
Result<void> check_size(std::uint32_t width, std::uint32_t height);

/// Bytes of a picture without padding.
std::size_t picture_bytes(PixelFormat format, std::uint32_t width, std::uint32_t height);

/// Where the planes of such a picture are, from `data` on.
struct Planes {
  std::uint8_t* data[4] = {};
  int strides[4] = {};
};
Planes planes_of(PixelFormat format, std::uint32_t width, std::uint32_t height, std::uint8_t* data);

/// Pixels of one format, size and colour space into those of another. Ours, on whichever side, are
/// of BT.601 limited range, or RGB.
class Scaler {
 public:
  /// What the source is: it may change from picture to picture.
  struct Source {
    AVPixelFormat format = AV_PIX_FMT_NONE;
    int width = 0;
    int height = 0;
    AVColorSpace matrix = AVCOL_SPC_UNSPECIFIED;
    bool full_range = false;
    bool operator==(const Source&) const = default;
  };
  struct Target {
    AVPixelFormat format = AV_PIX_FMT_NONE;
    int width = 0;
    int height = 0;
    bool operator==(const Target&) const = default;
  };

  Result<void> scale(const Source& from, const std::uint8_t* const* data, const int* strides,
                     const Target& to, const Planes& planes);

 private:
  Result<void> prepare(const Source& from, const Target& to);

  Owned<SwsContext> context_;
  Source from_;
  Target to_;
};

}  // namespace moq::av::ffmpeg
