#include "moq/hang/shared_catalog.h"

#include <mutex>

namespace moq::hang {

// The lock is held while an edit is published, so that edits are published in their order. What is
// called under it takes locks of the model and wakes readers, which only posts to their executors.
struct SharedCatalog::State {
  std::mutex mutex;
  Catalog catalog;
  std::optional<CatalogProducer> producer;  ///< None once it has ended.
};

Result<SharedCatalog> SharedCatalog::create(net::broadcast::Producer& broadcast, kio::Clock& clock,
                                            CatalogTracks tracks) {
  auto state = std::make_shared<State>();
  MOQ_TRY(state->producer, CatalogProducer::create(broadcast, clock, tracks));
  return SharedCatalog(std::move(state));
}

Result<void> SharedCatalog::edit(const std::function<Result<void>(Catalog&)>& change) {
  const std::lock_guard lock(state_->mutex);
  if (!state_->producer) return {};
  Catalog next = state_->catalog;
  MOQ_CHECK(change(next));
  if (next == state_->catalog) return {};
  MOQ_CHECK(state_->producer->update(next));
  state_->catalog = std::move(next);
  return {};
}

Catalog SharedCatalog::read() const {
  const std::lock_guard lock(state_->mutex);
  return state_->catalog;
}

bool SharedCatalog::lists(const std::string& name) const {
  const std::lock_guard lock(state_->mutex);
  const Catalog& catalog = state_->catalog;
  return catalog.video.renditions.contains(name) || catalog.audio.renditions.contains(name) ||
         catalog.text.renditions.contains(name) || catalog.json.contains(name) ||
         catalog.binary.contains(name);
}

void SharedCatalog::finish() {
  const std::lock_guard lock(state_->mutex);
  if (state_->producer) std::move(*state_->producer).finish();
  state_->producer.reset();
}

void SharedCatalog::abort(const Error& error) {
  const std::lock_guard lock(state_->mutex);
  if (state_->producer) std::move(*state_->producer).abort(error);
  state_->producer.reset();
}

}  // namespace moq::hang
