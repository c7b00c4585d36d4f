#pragma once

#include <cstdint>
#include <set>

#include "moq/base/result.h"
#include "moq/net/path.h"

namespace moq::net::moqt {

/// The names that a peer has listed to us: `kMaxListedNamespaces` at most, of `kMaxListedBytes`
/// together.
class ListedNames {
 public:
  [[nodiscard]] bool contains(const Path& path) const { return names_.contains(path); }
  /// Fails with `too_many` if there is no room for one more.
  [[nodiscard]] Result<void> check(const Path& path) const;
  /// Lists one that `check` has passed.
  void insert(const Path& path);
  /// Whether it was listed.
  bool erase(const Path& path);
  /// Empties the list.
  std::set<Path> take();

 private:
  std::set<Path> names_;
  std::uint64_t bytes_ = 0;  ///< Their text.
};

}  // namespace moq::net::moqt
