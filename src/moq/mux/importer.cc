#include "moq/mux/importer.h"

#include <algorithm>
#include <array>

#include "moq/base/log.h"
#include "moq/base/wire.h"
#include "moq/mux/internal/group_schedule.h"
#include "moq/mux/internal/import_stream.h"

namespace moq::mux {

namespace {

using Format = Importer::Format;

struct ContainerName {
  std::string_view name;
  Format format;
};
constexpr std::array<ContainerName, 10> kContainerNames = {{{"fmp4", Format::fmp4},
                                                            {"cmaf", Format::fmp4},
                                                            {"mkv", Format::mkv},
                                                            {"webm", Format::mkv},
                                                            {"matroska", Format::mkv},
                                                            {"ts", Format::ts},
                                                            {"mpegts", Format::ts},
                                                            {"mpeg2ts", Format::ts},
                                                            {"m2ts", Format::ts},
                                                            {"flv", Format::flv}}};

/// Names to try for a track: more than the tracks a broadcast may have.
constexpr int kMaxNames = 256;

std::unique_ptr<Importer::Stream> make_stream(ImportContext& context) {
  switch (context.options.format) {
    case Format::fmp4:
      return make_fmp4_stream(context);
    case Format::avc3:
      return make_avc3_stream(context);
    default:
      return make_demux_stream(context);
  }
}

}  // namespace

Result<void> check_sequence(std::uint64_t sequence, std::optional<std::uint64_t> last) {
  if (sequence <= kMaxVarint && (!last || sequence > *last)) return {};
  return fail(Code::invalid_argument, "a group number that is not above the ones before");
}

Result<net::track::Producer> create_numbered_track(net::broadcast::Producer& broadcast,
                                                   const hang::SharedCatalog& catalog,
                                                   std::string_view suffix,
                                                   const net::track::Info& info) {
  for (int number = 0; number < kMaxNames; ++number) {
    const std::string name = std::to_string(number) + std::string(suffix);
    if (catalog.lists(name)) continue;
    auto track = broadcast.create_track(name, info);
    if (track || track.error().code != Code::duplicate) return track;
  }
  return fail(Code::too_many, "mux: no free track name");
}

Result<TrackWriter> ImportContext::create_track(std::string_view suffix, bool is_video,
                                                std::uint64_t timescale) {
  const net::track::Info info{
      .priority = is_video ? hang::kVideoPriority : hang::kAudioPriority,
      .max_age = options.max_age,
      .timescale = timescale,
  };
  MOQ_TRY(net::track::Producer track, create_numbered_track(broadcast, catalog, suffix, info));
  names.push_back(track.name());
  return TrackWriter(std::move(track), &events);
}

void ImportContext::count(bool counts_as_frame, std::size_t bytes, std::uint64_t media_us) {
  if (counts_as_frame) ++progress.frames;
  progress.bytes += bytes;
  progress.media_us = std::max(progress.media_us.value_or(0), media_us);
}

struct Importer::State {
  ImportContext context;
  bool owns_catalog = true;
  std::unique_ptr<Stream> stream;  // Points at the context.

  ~State() { retire(); }
  /// Takes the tracks out of a catalog that others write, too.
  void retire() {
    if (owns_catalog) return;
    const Result<void> retired =
        context.catalog.edit([this](hang::Catalog& catalog) -> Result<void> {
          for (const std::string& name : context.names) {
            catalog.video.renditions.erase(name);
            catalog.audio.renditions.erase(name);
          }
          return {};
        });
    if (!retired) MOQ_LOG(warn, "mux", "tracks stay listed: {}", retired.error().describe());
    context.names.clear();
  }
};

std::optional<Format> Importer::parse_container(std::string_view name) {
  const auto* const found = std::ranges::find(kContainerNames, name, &ContainerName::name);
  return found != kContainerNames.end() ? std::optional(found->format) : std::nullopt;
}

Importer::Importer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Importer::Importer(Importer&&) noexcept = default;
Importer& Importer::operator=(Importer&&) noexcept = default;
Importer::~Importer() = default;

Result<Importer> Importer::create(const net::broadcast::Producer& broadcast, kio::Clock& clock,
                                  const Options& options) {
  net::broadcast::Producer own = broadcast.clone();
  MOQ_TRY(hang::SharedCatalog catalog, hang::SharedCatalog::create(own, clock, options.catalogs));
  Importer out = create(broadcast, std::move(catalog), clock, options);
  out.state_->owns_catalog = true;
  return out;
}

Importer Importer::create(const net::broadcast::Producer& broadcast, hang::SharedCatalog catalog,
                          kio::Clock& clock, const Options& options) {
  auto state = std::unique_ptr<State>(new State{
      .context = {.broadcast = broadcast.clone(),
                  .catalog = std::move(catalog),
                  .clock = &clock,
                  .options = options},
      .owns_catalog = false,
  });
  state->stream = make_stream(state->context);
  return Importer(std::move(state));
}

Result<void> Importer::push(const Bytes& data) { return state_->stream->push(data); }

void Importer::cut() { state_->stream->cut(); }

Result<void> Importer::seek(std::uint64_t sequence) { return state_->stream->seek(sequence); }

Result<void> Importer::finish() && {
  // The state stays: it tells the last events.
  const std::unique_ptr<Stream> stream = std::move(state_->stream);
  Result<void> finished = stream->finish();
  if (state_->owns_catalog) state_->context.catalog.finish();
  state_->retire();
  return finished;
}

void Importer::abort(const Error& error) && {
  const std::unique_ptr<Stream> stream = std::move(state_->stream);
  stream->abort(error);
  if (state_->owns_catalog) state_->context.catalog.abort(error);
  state_->retire();
}

std::optional<Event> Importer::next_event() { return state_->context.events.pop(); }

const Progress& Importer::progress() const { return state_->context.progress; }

}  // namespace moq::mux
