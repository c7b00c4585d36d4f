#include "moq/hang/catalog_track.h"

namespace moq::hang {
namespace {

// How readers expect catalogs: a group each, without patches.
constexpr snapshot::Options kPlain{.compressed = false, .ratio = 0};
constexpr snapshot::Options kCompressed{.compressed = true, .ratio = 0};
constexpr net::track::Info kInfo{.priority = kCatalogPriority};  // Milliseconds, kept 5 s.

}  // namespace

Result<CatalogProducer> CatalogProducer::create(net::broadcast::Producer& broadcast,
                                                kio::Clock& clock) {
  MOQ_TRY(net::track::Producer plain, broadcast.create_track(kCatalogTrack, kInfo));
  MOQ_TRY(net::track::Producer compressed, broadcast.create_track(kCompressedCatalogTrack, kInfo));
  return CatalogProducer(clock, std::move(plain), std::move(compressed));
}

CatalogProducer::CatalogProducer(kio::Clock& clock, net::track::Producer plain,
                                 net::track::Producer compressed)
    : clock_(&clock),
      start_(clock.now()),
      plain_(std::move(plain), kPlain),
      compressed_(std::move(compressed), kCompressed) {}

Result<void> CatalogProducer::update(Catalog catalog) {
  const std::string text = catalog.encode();
  const std::size_t renditions = catalog.video.renditions.size() + catalog.audio.renditions.size() +
                                 catalog.text.renditions.size();
  const std::size_t data = catalog.json.size() + catalog.binary.size();
  if (renditions > kMaxRenditions || data > kMaxDataTracks || text.size() > kMaxCatalogBytes) {
    return fail(Code::too_many, "catalog: more than readers take");
  }
  const auto now = static_cast<std::uint64_t>(to_ms(clock_->now() - start_));
  MOQ_CHECK(plain_.update(now, text));
  MOQ_CHECK(compressed_.update(now, text));
  catalog_ = std::move(catalog);
  return {};
}

void CatalogProducer::finish() && {
  std::move(plain_).finish();
  std::move(compressed_).finish();
}

void CatalogProducer::abort(const Error& error) && {
  std::move(plain_).abort(error);
  std::move(compressed_).abort(error);
}

CatalogConsumer::CatalogConsumer(const net::broadcast::Consumer& broadcast, bool compressed)
    : values_(broadcast.subscribe(compressed ? kCompressedCatalogTrack : kCatalogTrack,
                                  {.priority = kCatalogPriority}),
              compressed) {}

kio::Poll<Result<std::optional<Catalog>>> CatalogConsumer::poll_next(const kio::Waiter& waiter) {
  using Value = Result<std::optional<Catalog>>;
  auto text = values_.poll_next(waiter);
  if (text.pending()) return kio::kPending;
  if (!*text) return Value(std::unexpected((*std::move(text)).error()));
  if (!**text) return Value(std::nullopt);
  Result<Catalog> catalog = Catalog::decode(***text);
  if (!catalog) return Value(std::unexpected(std::move(catalog).error()));
  return Value(*std::move(catalog));
}

}  // namespace moq::hang
