#include "moq/net/path.h"

#include <algorithm>

namespace moq::net {
namespace {

constexpr char kSlash = '/';

/// Calls `visit` with each segment of a normalised path until it returns false.
template <typename Visit>
void each_segment(std::string_view text, Visit visit) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(kSlash), text.size());
    if (!visit(text.substr(0, end))) return;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

template <typename Predicate>
bool any_segment(std::string_view text, Predicate predicate) {
  bool found = false;
  each_segment(text, [&](std::string_view segment) {
    found = predicate(segment);
    return !found;
  });
  return found;
}

}  // namespace

Result<Path, DecodeError> Path::normalise(std::string_view text) {
  if (!is_utf8(as_bytes(text))) return std::unexpected(DecodeError::bad_utf8);
  std::string out;
  out.reserve(std::min(text.size(), kMaxBytes));
  for (const char c : text) {
    if (c == kSlash && (out.empty() || out.back() == kSlash)) continue;
    if (out.size() > kMaxBytes) return std::unexpected(DecodeError::too_long);
    out.push_back(c);
  }
  if (!out.empty() && out.back() == kSlash) out.pop_back();
  if (out.size() > kMaxBytes) return std::unexpected(DecodeError::too_long);
  Path path(std::move(out));
  if (path.segment_count() > kMaxSegments) return std::unexpected(DecodeError::too_many);
  return path;
}

Result<Path> Path::parse(std::string_view text) {
  auto path = normalise(text);
  if (path) return *std::move(path);
  return fail(Code::invalid_argument, "path '" + std::string(text.substr(0, 64)) +
                                          "': " + std::string(to_string(path.error())));
}

Path Path::of(std::string_view text) {
  auto path = normalise(text);
  MOQ_ASSERT(path.has_value());
  return *std::move(path);
}

std::size_t Path::segment_count() const {
  if (text_.empty()) return 0;
  return 1 + static_cast<std::size_t>(std::ranges::count(text_, kSlash));
}

Path Path::first(std::size_t count) const {
  std::size_t end = 0;
  each_segment(text_, [&](std::string_view segment) {
    if (count == 0) return false;
    count -= 1;
    end = static_cast<std::size_t>(segment.data() - text_.data()) + segment.size();
    return true;
  });
  return Path(text_.substr(0, end));
}

std::size_t Path::common_segments(const Path& other) const {
  std::size_t common = 0;
  std::string_view rest = other.text_;
  each_segment(text_, [&](std::string_view segment) {
    const std::size_t end = std::min(rest.find(kSlash), rest.size());
    if (rest.empty() || rest.substr(0, end) != segment) return false;
    rest.remove_prefix(std::min(end + 1, rest.size()));
    common += 1;
    return true;
  });
  return common;
}

bool Path::has_prefix(const Path& prefix) const {
  if (!text_.starts_with(prefix.text_)) return false;
  const std::size_t size = prefix.text_.size();
  return size == 0 || size == text_.size() || text_[size] == kSlash;
}

std::optional<Path> Path::strip_prefix(const Path& prefix) const {
  if (!has_prefix(prefix)) return std::nullopt;
  const std::size_t size = prefix.text_.size();
  if (size == 0) return *this;
  return Path(text_.substr(std::min(size + 1, text_.size())));
}

Result<Path, DecodeError> Path::join(const Path& suffix) const {
  if (is_root()) return suffix;
  if (suffix.is_root()) return *this;
  if (segment_count() + suffix.segment_count() > kMaxSegments) {
    return std::unexpected(DecodeError::too_many);
  }
  if (text_.size() + 1 + suffix.text_.size() > kMaxBytes) {
    return std::unexpected(DecodeError::too_long);
  }
  std::string out;
  out.reserve(text_.size() + 1 + suffix.text_.size());
  out.append(text_).append(1, kSlash).append(suffix.text_);
  return Path(std::move(out));
}

bool Path::is_hidden() const {
  return any_segment(text_, [](std::string_view segment) { return segment.front() == '.'; });
}

bool Path::has_wildcard() const {
  return any_segment(text_,
                     [](std::string_view segment) { return segment == "*" || segment == "**"; });
}

}  // namespace moq::net
