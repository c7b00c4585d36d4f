#include "moq/hang/catalog_track.h"

namespace moq::hang {
namespace {

// How readers expect catalogs: a group each, without patches.
constexpr snapshot::Options kPlain{.compressed = false, .ratio = 0};
constexpr snapshot::Options kCompressed{.compressed = true, .ratio = 0};
constexpr net::track::Info kInfo{.priority = kCatalogPriority};  // Milliseconds, kept 5 s.

}  // namespace

Result<CatalogProducer> CatalogProducer::create(net::broadcast::Producer& broadcast,
                                                kio::Clock& clock, CatalogTracks tracks) {
  CatalogProducer out(clock);
  if (tracks != CatalogTracks::msf) {
    MOQ_TRY(net::track::Producer plain, broadcast.create_track(kCatalogTrack, kInfo));
    out.plain_.emplace(std::move(plain), kPlain);
    MOQ_TRY(net::track::Producer small, broadcast.create_track(kCompressedCatalogTrack, kInfo));
    out.compressed_.emplace(std::move(small), kCompressed);
  }
  if (tracks != CatalogTracks::hang) {
    MOQ_TRY(net::track::Producer msf, broadcast.create_track(kMsfCatalogTrack, kInfo));
    out.msf_.emplace(std::move(msf), kPlain);
  }
  return out;
}

Result<void> CatalogProducer::update(Catalog catalog) {
  const std::string text = catalog.encode();
  const std::string msf_text = msf_ ? msf::encode(catalog) : std::string();
  const std::size_t renditions = catalog.video.renditions.size() + catalog.audio.renditions.size() +
                                 catalog.text.renditions.size();
  const std::size_t data = catalog.json.size() + catalog.binary.size();
  if (renditions > kMaxRenditions || data > kMaxDataTracks || text.size() > kMaxCatalogBytes ||
      msf_text.size() > kMaxCatalogBytes) {
    return fail(Code::too_many, "catalog: more than readers take");
  }
  const auto now = static_cast<std::uint64_t>(to_ms(clock_->now() - start_));
  if (plain_) MOQ_CHECK(plain_->update(now, text));
  if (compressed_) MOQ_CHECK(compressed_->update(now, text));
  if (msf_) MOQ_CHECK(msf_->update(now, msf_text));
  catalog_ = std::move(catalog);
  return {};
}

void CatalogProducer::finish() && {
  for (std::optional<snapshot::Producer>* track : {&plain_, &compressed_, &msf_}) {
    if (*track) std::move(**track).finish();
  }
}

void CatalogProducer::abort(const Error& error) && {
  for (std::optional<snapshot::Producer>* track : {&plain_, &compressed_, &msf_}) {
    if (*track) std::move(**track).abort(error);
  }
}

CatalogConsumer::CatalogConsumer(const net::broadcast::Consumer& broadcast, CatalogFormat format)
    : values_(subscribe(broadcast, format)) {}

CatalogConsumer::Values CatalogConsumer::subscribe(const net::broadcast::Consumer& broadcast,
                                                   CatalogFormat format) {
  net::track::Consumer track =
      broadcast.subscribe(catalog_track_name(format), {.priority = kCatalogPriority});
  if (format == CatalogFormat::msf) return msf::Consumer(std::move(track));
  return snapshot::Consumer(std::move(track), format == CatalogFormat::hang_compressed);
}

kio::Poll<Result<std::optional<Catalog>>> CatalogConsumer::poll_next(const kio::Waiter& waiter) {
  using Value = Result<std::optional<Catalog>>;
  if (auto* msf = std::get_if<msf::Consumer>(&values_)) return msf->poll_next(waiter);
  auto text = std::get<snapshot::Consumer>(values_).poll_next(waiter);
  if (text.pending()) return kio::kPending;
  if (!*text) return Value(std::unexpected((*std::move(text)).error()));
  if (!**text) return Value(std::nullopt);
  Result<Catalog> catalog = Catalog::decode(***text);
  if (!catalog) return Value(std::unexpected(std::move(catalog).error()));
  return Value(*std::move(catalog));
}

}  // namespace moq::hang
