#include "moq/hang/msf_track.h"

namespace moq::hang::msf {

kio::Poll<Result<std::optional<Catalog>>> Consumer::poll_next(const kio::Waiter& waiter) {
  using Value = Result<std::optional<Catalog>>;
  const kio::Poll<Result<bool>> changed = groups_.poll_change(decoder_, waiter);
  if (changed.pending()) return kio::kPending;
  if (!*changed) return Value(std::unexpected(changed->error()));
  if (!**changed) return Value(std::nullopt);
  Result<Catalog> catalog = decoder_.catalog();
  if (!catalog) return Value(std::unexpected(std::move(catalog).error()));
  return Value(*std::move(catalog));
}

}  // namespace moq::hang::msf
