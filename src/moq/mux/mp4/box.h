#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "moq/base/bytes.h"
#include "moq/base/result.h"
#include "moq/base/wire.h"

/// ISO base media files (ISO/IEC 14496-12), fragmented: boxes, tracks, fragments.
namespace moq::mux::mp4 {

/// The type of a box: four characters.
struct FourCc {
  std::uint32_t value = 0;

  constexpr FourCc() = default;
  constexpr explicit FourCc(std::uint32_t number) : value(number) {}
  constexpr FourCc(const char (&text)[5]) {
    for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<std::uint8_t>(text[i]);
  }
  /// For logs; bytes that do not print become `?`.
  [[nodiscard]] std::string text() const;
  /// Whether it is all of letters, digits and the like.
  [[nodiscard]] bool prints() const;
  bool operator==(const FourCc&) const = default;
};

struct BoxHeader {
  FourCc type;
  std::uint64_t size = 0;       ///< Of the whole box; 0 = up to the end of what holds it.
  std::size_t header_size = 0;  ///< 8, or 16 with a 64-bit size.
};
/// The longest header.
inline constexpr std::size_t kMaxBoxHeader = 16;

/// Reads a header from the start of `in`; none if it is cut. Fails on a size below the header's
/// own.
Result<std::optional<BoxHeader>> read_box_header(ByteSpan in);

/// One box within a span, borrowed.
struct Box {
  FourCc type;
  ByteSpan body;   ///< Without the header.
  ByteSpan whole;  ///< With it.
};

/// Walks the boxes of a span, one after another.
class BoxReader {
 public:
  explicit BoxReader(ByteSpan in) : in_(in) {}
  /// The next box; none at the end. Fails on a box that does not fit.
  Result<std::optional<Box>> next();

 private:
  ByteSpan in_;
};

/// The first box of that type in `container`; none if it has none before its end or a broken box.
std::optional<Box> find_box(ByteSpan container, FourCc type);

/// Writes boxes: `begin` and `end` nest. The buffer is `out()`.
class BoxWriter {
 public:
  /// Starts a box. Its size is filled in by the `end` that takes what this returned.
  std::size_t begin(FourCc type);
  /// Starts a box with a version and flags.
  std::size_t begin_full(FourCc type, std::uint8_t version, std::uint32_t flags);
  void end(std::size_t start);
  /// A whole box with that body.
  void box(FourCc type, ByteSpan body);
  [[nodiscard]] Writer& out() { return out_; }
  Bytes take() { return out_.take(); }

 private:
  Writer out_;
};

}  // namespace moq::mux::mp4
