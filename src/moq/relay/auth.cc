#include "moq/relay/auth.h"

#include <algorithm>

namespace moq::relay {
namespace {

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> segments;
  while (!text.empty()) {
    const std::size_t slash = text.find('/');
    if (slash != 0) segments.emplace_back(text.substr(0, slash));
    if (slash == std::string_view::npos) break;
    text.remove_prefix(slash + 1);
  }
  return segments;
}

}  // namespace

Result<Pattern> Pattern::parse(std::string_view text) {
  Pattern pattern;
  pattern.segments_ = split(text);
  const auto wild = [](const std::string& segment) { return segment == "*" || segment == "**"; };
  const std::string name = "`" + std::string(text) + "`";
  if (std::ranges::none_of(pattern.segments_, wild)) {
    return fail(Code::bad_config,
                name + " has no wildcard, so it names exactly one broadcast; write `" +
                    std::string(text) + "/**` for the subtree");
  }
  if (pattern.segments_.back() == "**") {
    pattern.open_ended_ = true;
    pattern.segments_.pop_back();
  }
  if (std::ranges::find(pattern.segments_, "**") != pattern.segments_.end()) {
    return fail(Code::bad_config, name + " has `**` before its end");
  }
  return pattern;
}

bool Pattern::matches(const net::Path& path) const {
  const std::vector<std::string> segments = split(path.text());
  if (segments.size() < segments_.size()) return false;
  if (segments.size() > segments_.size() && !open_ended_) return false;
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    if (segments_[i] != "*" && segments_[i] != segments[i]) return false;
  }
  return true;
}

bool Pattern::reaches(const net::Path& root) const {
  const std::vector<std::string> segments = split(root.text());
  if (segments.size() > segments_.size() && !open_ended_) return false;
  for (std::size_t i = 0; i < std::min(segments.size(), segments_.size()); ++i) {
    if (segments_[i] != "*" && segments_[i] != segments[i]) return false;
  }
  return true;
}

bool Grants::covers(const std::vector<Pattern>& patterns, const net::Path& path) {
  return std::ranges::any_of(patterns,
                             [&](const Pattern& pattern) { return pattern.matches(path); });
}

bool Grants::reach(const std::vector<Pattern>& patterns, const net::Path& root) {
  return std::ranges::any_of(patterns,
                             [&](const Pattern& pattern) { return pattern.reaches(root); });
}

Result<Admission> admit(std::string_view request) {
  const std::size_t question = request.find('?');
  const std::string_view query =
      question == std::string_view::npos ? std::string_view() : request.substr(question + 1);
  for (std::string_view rest = query; !rest.empty();) {
    const std::size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view pair = rest.substr(0, end);
    if (pair.starts_with("jwt=") && pair.size() > 4) {
      return fail(Code::unauthorized, "this relay is public and takes no tokens");
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  auto root = net::Path::normalise(request.substr(0, question));
  if (!root || root->has_wildcard()) {
    return fail(Code::unauthorized, "the request path is not a usable broadcast prefix");
  }
  return Admission{*std::move(root)};
}

Error nobody_may(const net::Path& root) {
  return Error(Code::unauthorized,
               "nobody may do that below '" + root.text() + "', see --auth-public");
}

}  // namespace moq::relay
