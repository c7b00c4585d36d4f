#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "moq/mux/demuxer.h"
#include "moq/mux/ts/audio_frame.h"
#include "moq/mux/ts/section.h"

namespace moq::mux::ts {

/// One access unit, as the reader of elementary streams takes it.
inline constexpr std::size_t kMaxUnitBytes = std::size_t{16} << 20;

/// Turns the payload of one pid's PES packets into frames.
class Elementary {
 public:
  virtual ~Elementary() = default;
  /// A PES packet begins. Without a time it continues what came before.
  virtual void begin(std::optional<std::int64_t> pts_us, Found& out) = 0;
  virtual Result<void> data(ByteSpan payload, Found& out) = 0;
  /// Something was lost: nothing is of use before the next PES packet.
  virtual void lose() = 0;
  /// Whether a frame is to come, and none came yet.
  [[nodiscard]] virtual bool is_awaited() const = 0;
  /// The stream is over.
  virtual void finish(Found& out) = 0;
};

/// Null if we do not know the codec. Frames are found under `id`.
std::unique_ptr<Elementary> make_elementary(const StreamEntry& entry, std::uint32_t id);

}  // namespace moq::mux::ts
