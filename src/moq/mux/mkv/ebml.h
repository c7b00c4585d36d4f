#pragma once

#include <cstdint>
#include <optional>

#include "moq/base/bytes.h"
#include "moq/base/result.h"

/// Matroska and WebM (RFC 9559) on EBML (RFC 8794).
namespace moq::mux::mkv {

/// The longest header: 4 bytes of id, 8 of size.
inline constexpr std::size_t kMaxElementHeader = 12;

struct ElementHeader {
  std::uint32_t id = 0;               ///< With its length marker, as RFC 9559 writes ids.
  std::optional<std::uint64_t> size;  ///< Of the body; none = unknown.
  std::size_t header_size = 0;
};

/// Reads a header from the start of `in`; none if it is cut. Fails on what is no id or no size.
Result<std::optional<ElementHeader>> read_element_header(ByteSpan in);

/// One element within a span, borrowed.
struct Element {
  std::uint32_t id = 0;
  ByteSpan body;
};

/// Walks the elements of a span, one after another.
class ElementReader {
 public:
  explicit ElementReader(ByteSpan in) : in_(in) {}
  /// The next element; none at the end, or where one does not fit.
  std::optional<Element> next();

 private:
  ByteSpan in_;
};

/// A number of one to eight bytes with its length in the first one's leading zeros.
struct VariableInt {
  std::uint64_t value = 0;  ///< Without the marker.
  std::size_t size = 0;     ///< Bytes that it takes.
  [[nodiscard]] bool all_ones() const { return value == (std::uint64_t{1} << 7 * size) - 1; }
};
/// None if `in` is cut or begins with a zero byte.
std::optional<VariableInt> read_variable_int(ByteSpan in);

/// The body of an unsigned element: at most eight bytes, big endian; none if it has more.
std::optional<std::uint64_t> read_uint(ByteSpan body);
/// The body of a float element; none unless it has 0, 4 or 8 bytes.
std::optional<double> read_float(ByteSpan body);

}  // namespace moq::mux::mkv
