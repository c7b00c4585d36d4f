#pragma once

#include <optional>
#include <variant>

#include "moq/hang/catalog.h"
#include "moq/hang/msf_track.h"
#include "moq/hang/snapshot_track.h"
#include "moq/kio/clock.h"
#include "moq/net/broadcast.h"

namespace moq::hang {

/// The catalog tracks that a broadcast has.
enum class CatalogTracks : std::uint8_t {
  all,   ///< hang's plain and compressed ones, and MSF's: who reads any of them finds one.
  hang,  ///< Without MSF.
  msf,   ///< MSF alone.
};

/// Publishes the catalog of a broadcast, in each form that was asked for.
class CatalogProducer {
 public:
  /// Creates the tracks. `clock` stamps the versions and must outlive the producer.
  static Result<CatalogProducer> create(net::broadcast::Producer& broadcast, kio::Clock& clock,
                                        CatalogTracks tracks = CatalogTracks::all);

  /// The catalog as it was published last.
  [[nodiscard]] const Catalog& catalog() const { return catalog_; }
  /// Publishes `catalog` if it differs. Fails with `too_many` above the limits that readers have.
  Result<void> update(Catalog catalog);
  /// Ends the tracks; the last catalog stays readable.
  void finish() &&;
  void abort(const Error& error) &&;

 private:
  explicit CatalogProducer(kio::Clock& clock) : clock_(&clock), start_(clock.now()) {}

  kio::Clock* clock_;
  TimePoint start_;
  Catalog catalog_;
  std::optional<snapshot::Producer> plain_;
  std::optional<snapshot::Producer> compressed_;
  std::optional<snapshot::Producer> msf_;
};

/// Reads the catalog of a broadcast.
class CatalogConsumer {
 public:
  /// Subscribes to the catalog of that format.
  explicit CatalogConsumer(const net::broadcast::Consumer& broadcast,
                           CatalogFormat format = CatalogFormat::hang);

  /// The newest catalog, once it differs from the last one returned; none after the track's end. A
  /// catalog that does not decode is an error, and the next one counts; errors of the track stay.
  kio::Poll<Result<std::optional<Catalog>>> poll_next(const kio::Waiter& waiter);
  auto next() {
    return kio::wait([this](const kio::Waiter& waiter) { return poll_next(waiter); });
  }

 private:
  using Values = std::variant<snapshot::Consumer, msf::Consumer>;
  static Values subscribe(const net::broadcast::Consumer& broadcast, CatalogFormat format);

  Values values_;
};

}  // namespace moq::hang
