#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "moq/base/bytes.h"
#include "moq/base/result.h"

namespace moq::mux {

/// A codec track that a container holds. Found again under the same id, it has become another one.
struct FoundTrack {
  std::uint32_t id = 0;
  std::string format;  ///< `avc1`, `avc3`, `hvc1`, `hev1`, `av01`, `vp8`, `vp9`, `aac`, `opus`, ...
  Bytes init;          ///< What a decoder of that format starts with; empty if it needs nothing.
  std::optional<double> framerate;  ///< Of video, if the container says it.
  bool operator==(const FoundTrack&) const = default;
};

/// One frame of a track that was found before, in decode order.
struct FoundFrame {
  std::uint32_t track = 0;
  std::int64_t pts_us = 0;  ///< Presentation time; may be below 0.
  Bytes payload;
  bool operator==(const FoundFrame&) const = default;
};

using Found = std::vector<std::variant<FoundTrack, FoundFrame>>;

/// Takes a container apart while it comes, in pieces of any size.
class Demuxer {
 public:
  virtual ~Demuxer() = default;
  /// Appends to `out` what `data` completes, also when it fails: then what came before the error.
  /// After an error the stream is of no use.
  virtual Result<void> push(const Bytes& data, Found& out) = 0;
  /// Whether all tracks that the container speaks of were found.
  [[nodiscard]] virtual bool found_all() const = 0;
  /// Appends what is left at the end of the stream. Fails if it may not end here.
  virtual Result<void> finish(Found& out) = 0;
};

}  // namespace moq::mux
