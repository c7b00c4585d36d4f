#include "moq/hang/canonical_json.h"

#include "moq/hang/internal/json.h"

namespace moq::hang {

Result<std::string> canonical_json(std::string_view text) {
  MOQ_TRY(const json::Value value, json::parse(text));
  return json::dump(value);
}

}  // namespace moq::hang
