#include "moq/hang/internal/json.h"

#include <set>
#include <vector>

namespace moq::hang::json {
namespace {

/// Watches nlohmann's parser for what it would let through: deep nesting, and keys that repeat
/// within one object. After a refusal everything else is discarded as it is parsed.
class Guard {
 public:
  /// The parser's callback: whether to keep what was just parsed.
  bool keep(int depth, Value::parse_event_t event, const Value& parsed) {
    using Event = Value::parse_event_t;
    if (!refused_.empty()) return false;
    if (event == Event::object_start || event == Event::array_start) {
      if (depth >= kMaxDepth) refused_ = "nested too deeply";
      keys_.emplace_back();
    } else if (event == Event::object_end || event == Event::array_end) {
      keys_.pop_back();
    } else if (event == Event::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!keys_.back().insert(key).second) refused_ = "the key " + quote(key) + " repeats";
    }
    return refused_.empty();
  }
  [[nodiscard]] const std::string& refused() const { return refused_; }

 private:
  std::vector<std::set<std::string>> keys_;
  std::string refused_;
};

}  // namespace

Result<Value> parse(std::string_view text) {
  Guard guard;
  Value value;
  try {
    value = Value::parse(text.begin(), text.end(),
                         [&guard](int depth, Value::parse_event_t event, Value& parsed) {
                           return guard.keep(depth, event, parsed);
                         });
  } catch (const Value::exception& error) {
    return fail(Code::decode, std::string("JSON: ") + error.what());
  }
  if (!guard.refused().empty()) return fail(Code::decode, "JSON: " + guard.refused());
  return value;
}

std::string dump(const Value& value) {
  return value.dump(-1, ' ', false, Value::error_handler_t::replace);
}

std::string quote(std::string_view text) { return dump(Value(text)); }

ObjectWriter& ObjectWriter::raw(std::string_view key, std::string_view json_text) {
  if (out_.size() > 1) out_ += ',';
  out_ += quote(key);
  out_ += ':';
  out_ += json_text;
  return *this;
}

std::string ObjectWriter::take() { return std::move(out_) + "}"; }

}  // namespace moq::hang::json
