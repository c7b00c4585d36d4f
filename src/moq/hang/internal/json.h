#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "moq/base/result.h"

namespace moq::hang::json {

/// A parsed value. Object keys are sorted, which is also how maps are written on the wire.
using Value = nlohmann::json;

/// Nesting beyond this is refused: catalogs need 5 levels, and writing recurses once per level.
inline constexpr int kMaxDepth = 64;

/// Parses one JSON value. `Code::decode` for anything else, a repeated key, or nesting deeper than
/// `kMaxDepth`; the text says where.
Result<Value> parse(std::string_view text);

/// Compact text; bytes that are not UTF-8 become U+FFFD.
std::string dump(const Value& value);

/// `text` as a JSON string, quoted.
std::string quote(std::string_view text);

/// Builds a compact object with its keys in the order of the calls.
class ObjectWriter {
 public:
  ObjectWriter& raw(std::string_view key, std::string_view json_text);
  ObjectWriter& text(std::string_view key, std::string_view value) {
    return raw(key, quote(value));
  }
  ObjectWriter& number(std::string_view key, std::uint64_t value) {
    return raw(key, std::to_string(value));
  }
  /// Written with a fraction, as `30.0`.
  ObjectWriter& real(std::string_view key, double value) { return raw(key, dump(Value(value))); }
  ObjectWriter& boolean(std::string_view key, bool value) {
    return raw(key, value ? "true" : "false");
  }
  /// The optional forms write nothing for an absent value.
  ObjectWriter& text_if(std::string_view key, const std::optional<std::string>& value) {
    return value ? text(key, *value) : *this;
  }
  template <typename Integer>
  ObjectWriter& number_if(std::string_view key, const std::optional<Integer>& value) {
    return value ? number(key, *value) : *this;
  }

  /// The object's text; the writer is spent.
  std::string take();

 private:
  std::string out_ = "{";
};

}  // namespace moq::hang::json
