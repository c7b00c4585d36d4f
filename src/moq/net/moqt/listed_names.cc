#include "moq/net/moqt/internal/listed_names.h"

#include <utility>

#include "moq/net/moqt/limits.h"

namespace moq::net::moqt {

Result<void> ListedNames::check(const Path& path) const {
  if (names_.size() < kMaxListedNamespaces && path.text().size() <= kMaxListedBytes - bytes_) {
    return {};
  }
  return fail(Code::too_many, "namespaces listed by the peer");
}

void ListedNames::insert(const Path& path) {
  if (names_.insert(path).second) bytes_ += path.text().size();
}

bool ListedNames::erase(const Path& path) {
  if (names_.erase(path) == 0) return false;
  bytes_ -= path.text().size();
  return true;
}

std::set<Path> ListedNames::take() {
  bytes_ = 0;
  return std::exchange(names_, {});
}

}  // namespace moq::net::moqt
