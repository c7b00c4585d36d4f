#include "moq/net/linger.h"

#include <algorithm>

namespace moq::net {

void Linger::end() {
  ended_ = true;
  kept_.clear();
}

std::optional<origin::RemoteRoute> Linger::take(const Path& path) {
  auto kept = kept_.extract(path);
  if (kept.empty()) return std::nullopt;
  return std::move(kept.mapped().route);
}

void Linger::keep(std::uint64_t session, const Path& path, origin::RemoteRoute route) {
  // A later session may have told already, as one that was dialled for a GOAWAY.
  if (ended_ || session < settled_) return;
  const auto known = kept_.find(path);
  if (known == kept_.end() && kept_.size() >= kMaxLingering) return;
  route.linger();
  kept_.insert_or_assign(path, Kept{session, std::move(route)});
}

void Linger::settle(std::uint64_t session) {
  settled_ = std::max(settled_, session);
  std::erase_if(kept_, [session](const auto& each) { return each.second.session < session; });
}

}  // namespace moq::net
