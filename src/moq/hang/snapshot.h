#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "moq/base/bytes.h"
#include "moq/base/result.h"

/// The newest value of a JSON document as a track: the first frame of a group is the whole value,
/// later frames are merge patches (RFC 7396), the newest group wins.
namespace moq::hang::snapshot {

/// One group: patches beyond either make a new group cheaper for a reader who joins. The count and
/// the size are those of other publishers; the size is what a relay keeps of a group.
inline constexpr std::size_t kMaxGroupFrames = 256;
inline constexpr std::size_t kMaxGroupBytes = std::size_t{32} << 20;
/// The value that a reader builds, as text; what peers accept.
inline constexpr std::size_t kMaxValueBytes = std::size_t{64} << 20;

struct Options {
  bool compressed = false;  ///< Frames go through `flate`.
  /// A new group starts when the patches written weigh `ratio` times the first frame. 0: each
  /// change is a group, as catalogs are written.
  std::uint32_t ratio = 8;
};

/// Turns versions of the value into frames.
class Encoder {
 public:
  explicit Encoder(Options options = {});
  Encoder(Encoder&&) noexcept;
  Encoder& operator=(Encoder&&) noexcept;
  ~Encoder();

  struct Write {
    bool new_group = false;  ///< Finish the group that is open and begin the next one.
    Bytes frame;
  };
  /// What to write so that readers have `json_text`; nothing if they have it already. Fails if it
  /// is not JSON or too large.
  Result<std::optional<Write>> update(std::string_view json_text);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Builds the value from the frames of one group.
class Decoder {
 public:
  /// `limit`: the largest value, as text.
  explicit Decoder(bool compressed = false, std::size_t limit = kMaxValueBytes);
  Decoder(Decoder&&) noexcept;
  Decoder& operator=(Decoder&&) noexcept;
  ~Decoder();

  /// Forgets everything: the next frame is the first of a group.
  void start_group();
  /// Takes the group's next frame. After an error the group is of no use.
  Result<void> apply(ByteSpan frame);
  /// The value as compact text; none before the first frame.
  [[nodiscard]] std::optional<std::string> text() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace moq::hang::snapshot
