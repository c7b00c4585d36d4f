#include <vector>

#include "moq/hang/catalog.h"

namespace moq::hang {

Result<std::string> resolve_broadcast(std::string_view path, std::string_view reference) {
  if (reference.empty()) return std::string(path);
  std::vector<std::string_view> segments;
  const auto apply = [&segments](std::string_view text) {
    while (!text.empty()) {
      const std::size_t slash = text.find('/');
      const std::string_view segment = text.substr(0, slash);
      text = slash == std::string_view::npos ? std::string_view() : text.substr(slash + 1);
      if (segment.empty() || segment == ".") continue;
      if (segment != "..") {
        segments.push_back(segment);
      } else if (segments.empty()) {
        return false;
      } else {
        segments.pop_back();
      }
    }
    return true;
  };
  const std::size_t last = path.rfind('/');
  const std::string_view base = last == std::string_view::npos ? "" : path.substr(0, last);
  if (!apply(base) || !apply(reference)) {
    return fail(Code::decode, "catalog: the broadcast reference '" + std::string(reference) +
                                  "' climbs above the root");
  }
  std::string out;
  for (const std::string_view segment : segments) {
    if (!out.empty()) out += '/';
    out += segment;
  }
  return out;
}

}  // namespace moq::hang
