#include "moq/hang/codec_string.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <span>
#include <vector>

namespace moq::hang {
namespace {

/// Reads the fields of a codec string between its dots. The first error sticks, and later reads
/// yield 0 or nothing.
class Fields {
 public:
  explicit Fields(std::string_view text) : rest_(text) {}

  /// The next field; an error if there is none.
  std::string_view next() {
    if (at_end_) ok_ = false;
    if (!ok_) return {};
    const std::size_t dot = rest_.find('.');
    const std::string_view field = rest_.substr(0, dot);
    at_end_ = dot == std::string_view::npos;
    rest_.remove_prefix(at_end_ ? rest_.size() : dot + 1);
    return field;
  }
  /// The whole of `text` as a number of at most `digits` digits.
  std::uint32_t number(std::string_view text, std::size_t digits, int base = 10) {
    std::uint32_t value = 0;
    const char* const begin = text.data();
    const char* const end = begin + text.size();
    // A sign, or nothing at all, is an error here, too.
    const auto [stop, error] = std::from_chars(begin, end, value, base);
    if (error != std::errc() || stop != end || text.size() > digits) ok_ = false;
    return ok_ ? value : 0;
  }
  /// A decimal byte.
  std::uint32_t byte(std::string_view text) {
    const std::uint32_t value = number(text, 3);
    check(value <= UINT8_MAX);
    return value;
  }
  /// A number of exactly `digits` digits, at most `max`.
  std::uint32_t fixed(std::string_view text, std::size_t digits, std::uint32_t max = UINT32_MAX) {
    check(text.size() == digits);
    const std::uint32_t value = number(text, digits);
    check(value <= max);
    return value;
  }
  void check(bool valid) { ok_ = ok_ && valid; }
  [[nodiscard]] bool at_end() const { return at_end_ || !ok_; }
  [[nodiscard]] bool ok() const { return ok_; }
  /// Whether all was read, and read well.
  [[nodiscard]] bool finish() const { return ok_ && at_end_; }

 private:
  std::string_view rest_;
  bool at_end_ = false;
  bool ok_ = true;
};

/// Profile, constraints and level, two hex digits each.
std::string parse_avc(std::string_view prefix, std::string_view rest) {
  Fields in(rest);
  const std::string_view field = in.next();
  in.check(field.size() == 6);
  const std::uint32_t value = in.number(field, 6, 16);
  return in.finish() ? fmt::format("{}{:06x}", prefix, value) : std::string();
}

std::string parse_hevc(std::string_view prefix, std::string_view rest) {
  Fields in(rest);
  std::string_view profile = in.next();
  std::string space;
  if (!profile.empty() && profile[0] >= 'A' && profile[0] <= 'C') {
    space = profile[0];
    profile.remove_prefix(1);
  }
  const std::uint32_t profile_idc = in.byte(profile);
  const std::uint32_t compatibility = in.number(in.next(), 8, 16);
  const std::string_view level = in.next();
  in.check(level.starts_with('L') || level.starts_with('H'));
  const std::uint32_t level_idc = in.ok() ? in.byte(level.substr(1)) : 0;

  std::vector<std::uint32_t> constraints;
  while (!in.at_end()) {
    const std::string_view field = in.next();
    // Some writers end with a dot where all bytes are zero.
    const bool is_dangling = field.empty() && in.at_end();
    if (!is_dangling) constraints.push_back(in.number(field, 2, 16));
    in.check(constraints.size() <= 6);
  }
  if (!in.finish()) return {};
  while (!constraints.empty() && constraints.back() == 0) constraints.pop_back();
  std::string out = fmt::format("{}{}{}.{:X}.{}{}", prefix, space, profile_idc, compatibility,
                                level[0], level_idc);
  for (const std::uint32_t byte : constraints) out += fmt::format(".{:X}", byte);
  return out;
}

std::string parse_vp9(std::string_view prefix, std::string_view rest) {
  // 4:2:0 with its usual samples, BT.709 three times, limited range.
  constexpr std::array<std::uint32_t, 5> kDefaults = {1, 1, 1, 1, 0};
  Fields in(rest);
  std::vector<std::uint32_t> values;
  while (!in.at_end() && values.size() < 8) values.push_back(in.byte(in.next()));
  if (!in.finish() || (values.size() != 3 && values.size() != 8)) return {};
  if (std::ranges::equal(std::span(values).subspan(3), kDefaults)) values.resize(3);
  std::string out = fmt::format("{}{:02}", prefix, values[0]);
  for (const std::uint32_t value : std::span(values).subspan(1))
    out += fmt::format(".{:02}", value);
  return out;
}

std::string parse_av1(std::string_view prefix, std::string_view rest) {
  // Not monochrome, 4:2:0, BT.709 three times, limited range.
  constexpr std::string_view kDefaults = ".0.110.01.01.01.0";
  Fields in(rest);
  const std::uint32_t profile = in.fixed(in.next(), 1, 2);
  const std::string_view level = in.next();
  in.check(level.size() == 3 && (level[2] == 'M' || level[2] == 'H'));
  in.fixed(level.substr(0, 2), 2, 31);
  const std::uint32_t depth = in.fixed(in.next(), 2);
  std::string colors;
  if (!in.at_end()) {
    const std::uint32_t monochrome = in.fixed(in.next(), 1, 1);
    const std::string_view chroma = in.next();
    in.check(chroma.size() == 3);
    in.fixed(chroma.substr(0, 1), 1, 1);
    in.fixed(in.ok() ? chroma.substr(1, 1) : chroma, 1, 1);
    in.fixed(in.ok() ? chroma.substr(2, 1) : chroma, 1, 3);
    const std::uint32_t primaries = in.fixed(in.next(), 2);
    const std::uint32_t transfer = in.fixed(in.next(), 2);
    const std::uint32_t matrix = in.fixed(in.next(), 2);
    const std::uint32_t full_range = in.fixed(in.next(), 1, 1);
    colors = fmt::format(".{}.{}.{:02}.{:02}.{:02}.{}", monochrome, chroma, primaries, transfer,
                         matrix, full_range);
  }
  if (!in.finish()) return {};
  if (colors == kDefaults) colors.clear();
  return fmt::format("{}{}.{}.{:02}{}", prefix, profile, level, depth, colors);
}

/// The object type of AAC.
std::string parse_aac(std::string_view prefix, std::string_view rest) {
  Fields in(rest);
  const std::uint32_t object_type = in.byte(in.next());
  return in.finish() ? fmt::format("{}{}", prefix, object_type) : std::string();
}

struct Family {
  std::string_view prefix;
  /// What comes of the rest behind the prefix; empty if it is malformed.
  std::string (*parse)(std::string_view prefix, std::string_view rest);
};
constexpr std::array<Family, 7> kFamilies = {{
    {"avc1.", parse_avc},
    {"avc3.", parse_avc},
    {"hvc1.", parse_hevc},
    {"hev1.", parse_hevc},
    {"vp09.", parse_vp9},
    {"av01.", parse_av1},
    {"mp4a.40.", parse_aac},
}};

}  // namespace

Result<std::string> canonical_codec(std::string_view codec) {
  for (const Family& family : kFamilies) {
    if (!codec.starts_with(family.prefix)) continue;
    std::string out = family.parse(family.prefix, codec.substr(family.prefix.size()));
    if (!out.empty()) return out;
    return fail(Code::invalid_argument, "a malformed codec: '" + std::string(codec) + "'");
  }
  return std::string(codec);
}

}  // namespace moq::hang
