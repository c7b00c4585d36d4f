#include "moq/transport/webtransport/internal/structured_field.h"

#include <algorithm>

namespace moq::transport::webtransport {
namespace {

constexpr bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
constexpr bool is_alpha(char c) { return is_lower(c) || (c >= 'A' && c <= 'Z'); }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_printable(char c) { return c >= 0x20 && c <= 0x7e; }
constexpr bool is_one_of(char c, std::string_view set) { return set.find(c) != set.npos; }

/// Reads a field from its front; each function says whether what it names was there.
class FieldReader {
 public:
  explicit FieldReader(std::string_view in) : in_(in) {}

  [[nodiscard]] bool done() const { return in_.empty(); }
  bool take(char c) {
    if (in_.empty() || in_.front() != c) return false;
    in_.remove_prefix(1);
    return true;
  }
  template <typename Predicate>
  std::size_t take_while(Predicate&& wanted) {
    std::size_t count = 0;
    while (count < in_.size() && wanted(in_[count])) ++count;
    in_.remove_prefix(count);
    return count;
  }
  void skip_spaces() {
    take_while([](char c) { return c == ' '; });
  }
  void skip_optional_whitespace() {
    take_while([](char c) { return c == ' ' || c == '\t'; });
  }

  std::optional<std::string> string() {
    if (!take('"')) return std::nullopt;
    std::string text;
    while (!in_.empty()) {
      char c = in_.front();
      in_.remove_prefix(1);
      if (c == '"') return text;
      if (!is_printable(c)) return std::nullopt;
      if (c == '\\') {
        if (in_.empty() || !is_one_of(in_.front(), "\"\\")) return std::nullopt;
        c = in_.front();
        in_.remove_prefix(1);
      }
      text.push_back(c);
    }
    return std::nullopt;
  }
  /// `;key=value;key`, RFC 8941 §4.2.3.2.
  bool parameters() {
    while (take(';')) {
      skip_spaces();
      if (in_.empty() || !(is_lower(in_.front()) || in_.front() == '*')) return false;
      take_while([](char c) { return is_lower(c) || is_digit(c) || is_one_of(c, "_-.*"); });
      if (take('=') && !bare_item()) return false;
    }
    return true;
  }

 private:
  bool bare_item() {
    if (in_.empty()) return false;
    const char first = in_.front();
    if (first == '"') return string().has_value();
    if (first == '?') return take('?') && (take('0') || take('1'));
    if (first == ':') return byte_sequence();
    if (first == '-' || is_digit(first)) return number();
    if (first != '*' && !is_alpha(first)) return false;
    take_while(
        [](char c) { return is_alpha(c) || is_digit(c) || is_one_of(c, "!#$%&'*+-.^_`|~:/"); });
    return true;
  }
  bool number() {
    take('-');
    const std::size_t whole = take_while(is_digit);
    if (whole == 0 || whole > 15) return false;
    if (!take('.')) return true;
    const std::size_t fraction = take_while(is_digit);
    return whole <= 12 && fraction >= 1 && fraction <= 3;
  }
  bool byte_sequence() {
    take(':');
    take_while([](char c) { return is_alpha(c) || is_digit(c) || is_one_of(c, "+/="); });
    return take(':');
  }

  std::string_view in_;
};

}  // namespace

std::optional<std::vector<std::string>> parse_string_list(std::string_view field,
                                                          std::size_t max_members) {
  std::vector<std::string> members;
  FieldReader in(field);
  in.skip_spaces();
  while (!in.done()) {
    std::optional<std::string> member = in.string();
    if (!member || !in.parameters() || members.size() == max_members) return std::nullopt;
    members.push_back(*std::move(member));
    in.skip_optional_whitespace();
    if (in.done()) break;
    if (!in.take(',')) return std::nullopt;
    in.skip_optional_whitespace();
    if (in.done()) return std::nullopt;  // A trailing comma.
  }
  return members;
}

std::optional<std::string> parse_string_item(std::string_view field) {
  FieldReader in(field);
  in.skip_spaces();
  std::optional<std::string> item = in.string();
  if (!item || !in.parameters()) return std::nullopt;
  in.skip_spaces();
  if (!in.done()) return std::nullopt;
  return item;
}

bool is_field_string(std::string_view text) { return std::ranges::all_of(text, is_printable); }

std::string format_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out + "\"";
}

std::string format_string_list(const std::vector<std::string>& members) {
  std::string out;
  for (const std::string& member : members) {
    if (!out.empty()) out += ", ";
    out += format_string(member);
  }
  return out;
}

}  // namespace moq::transport::webtransport
