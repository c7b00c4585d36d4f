#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "moq/base/wire.h"
#include "moq/net/moqt/draft.h"

/// Key-value pairs: options of SETUP, properties, and message parameters up to 16.
/// draft-ietf-moq-transport-21, Key-Value-Pair Structure.
namespace moq::net::moqt {

/// One pair. An even type has a number, an odd one bytes.
struct KeyValue {
  std::uint64_t type = 0;
  std::uint64_t number = 0;  ///< Of an even type.
  std::string bytes;         ///< Of an odd type.

  [[nodiscard]] bool is_number() const { return type % 2 == 0; }
  bool operator==(const KeyValue&) const = default;
};

/// The type of each pair of a list, one after the other.
class TypeReader {
 public:
  explicit TypeReader(Draft draft) : draft_(draft) {}
  /// Fails with `out_of_range` for a sum beyond 64 bits.
  std::uint64_t read(Reader& in);

 private:
  Draft draft_;
  std::uint64_t previous_ = 0;
};

class TypeWriter {
 public:
  explicit TypeWriter(Draft draft) : draft_(draft) {}
  /// From 16 `type` must not be less than the one before.
  void write(Writer& out, std::uint64_t type);

 private:
  Draft draft_;
  std::uint64_t previous_ = 0;
};

/// Reads pairs up to the end of `in`; fails with `too_many` above `limit`.
std::vector<KeyValue> read_pairs(Reader& in, Draft draft, std::size_t limit);
/// Reads a count and that many pairs.
std::vector<KeyValue> read_counted_pairs(Reader& in, Draft draft, std::size_t limit);
/// Writes pairs, sorted by type; those of one type in their order.
void write_pairs(Writer& out, std::vector<KeyValue> pairs, Draft draft);
void write_counted_pairs(Writer& out, std::vector<KeyValue> pairs, Draft draft);

/// The number or the bytes of a pair of `type`.
KeyValue read_value(Reader& in, std::uint64_t type);
void write_value(Writer& out, const KeyValue& pair);

}  // namespace moq::net::moqt
