#pragma once

#include <string>
#include <string_view>

#include "moq/base/result.h"

namespace moq::hang {

/// The one JSON value that `text` is, written again: compact, object keys in order, numbers with a
/// fraction or an exponent as `1000.0`. Values that are equal give the same text. `Code::decode`
/// for anything else: no value, two of them, a key that repeats, nesting deeper than 64 levels.
Result<std::string> canonical_json(std::string_view text);

}  // namespace moq::hang
