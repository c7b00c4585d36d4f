#pragma once

#include <functional>
#include <memory>

#include "moq/hang/catalog_track.h"

namespace moq::hang {

/// The catalog of a broadcast that several writers edit, from any thread: each edit that changes it
/// is published at once. Handles share one state. Dropping the last one before `finish()` aborts
/// the catalog tracks.
class SharedCatalog {
 public:
  /// Creates the catalog tracks; see `CatalogProducer::create`. Nothing is published before the
  /// first edit.
  static Result<SharedCatalog> create(net::broadcast::Producer& broadcast, kio::Clock& clock,
                                      CatalogTracks tracks = CatalogTracks::all);
  [[nodiscard]] SharedCatalog clone() const { return SharedCatalog(state_); }

  /// Runs `change(Catalog&)` on a copy, which is published if it differs. If `change` fails, or the
  /// result passes a limit, nothing changes. `change` runs under the lock of the catalog, so it
  /// must not use the catalog itself. After `finish()` or `abort()` it is not run.
  Result<void> edit(const std::function<Result<void>(Catalog&)>& change);
  /// The catalog as it was published last.
  [[nodiscard]] Catalog read() const;
  /// Whether some track or rendition is listed as `name`, of whatever kind.
  [[nodiscard]] bool lists(const std::string& name) const;
  /// Ends the tracks for all handles; the last catalog stays readable. Again = no effect.
  void finish();
  void abort(const Error& error);

 private:
  struct State;
  explicit SharedCatalog(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

}  // namespace moq::hang
