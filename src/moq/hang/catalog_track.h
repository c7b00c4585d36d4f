#pragma once

#include <optional>

#include "moq/hang/catalog.h"
#include "moq/hang/snapshot_track.h"
#include "moq/kio/clock.h"
#include "moq/net/broadcast.h"

namespace moq::hang {

/// Publishes the catalog of a broadcast, plain and compressed.
class CatalogProducer {
 public:
  /// Creates both tracks. `clock` stamps the versions and must outlive the producer.
  static Result<CatalogProducer> create(net::broadcast::Producer& broadcast, kio::Clock& clock);

  /// The catalog as it was published last.
  [[nodiscard]] const Catalog& catalog() const { return catalog_; }
  /// Publishes `catalog` if it differs. Fails with `too_many` above the limits that readers have.
  Result<void> update(Catalog catalog);
  /// Ends both tracks; the last catalog stays readable.
  void finish() &&;
  void abort(const Error& error) &&;

 private:
  CatalogProducer(kio::Clock& clock, net::track::Producer plain, net::track::Producer compressed);

  kio::Clock* clock_;
  TimePoint start_;
  Catalog catalog_;
  snapshot::Producer plain_;
  snapshot::Producer compressed_;
};

/// Reads the catalog of a broadcast.
class CatalogConsumer {
 public:
  /// Subscribes to the plain or the compressed form.
  explicit CatalogConsumer(const net::broadcast::Consumer& broadcast, bool compressed = false);

  /// The newest catalog, once it differs from the last one returned; none after the track's end. A
  /// catalog that does not decode is an error, and the next one counts; errors of the track stay.
  kio::Poll<Result<std::optional<Catalog>>> poll_next(const kio::Waiter& waiter);
  auto next() {
    return kio::wait([this](const kio::Waiter& waiter) { return poll_next(waiter); });
  }

 private:
  snapshot::Consumer values_;
};

}  // namespace moq::hang
