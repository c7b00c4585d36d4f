#include "moq/mux/importer.h"

#include "moq/mux/internal/import_stream.h"

namespace moq::mux {

/// Names to try for a track: more than the tracks a broadcast may have.
constexpr int kMaxNames = 256;

Result<TrackWriter> ImportContext::create_track(std::string_view suffix, bool is_video,
                                                std::uint64_t timescale) {
  const net::track::Info info{
      .priority = is_video ? hang::kVideoPriority : hang::kAudioPriority,
      .max_age = options.max_age,
      .timescale = timescale,
  };
  for (int number = 0; number < kMaxNames; ++number) {
    auto track = broadcast.create_track(std::to_string(number) + std::string(suffix), info);
    if (track) return TrackWriter(*std::move(track), events);
    if (track.error().code != Code::duplicate) return std::unexpected(std::move(track).error());
  }
  return fail(Code::too_many, "mux: no free track name");
}

void ImportContext::count(bool counts_as_frame, std::size_t bytes, std::uint64_t media_us) {
  if (counts_as_frame) ++progress.frames;
  progress.bytes += bytes;
  progress.media_us = std::max(progress.media_us.value_or(0), media_us);
}

struct Importer::State {
  ImportContext context;
  std::unique_ptr<Stream> stream;  // Points at the context.
};

Importer::Importer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Importer::Importer(Importer&&) noexcept = default;
Importer& Importer::operator=(Importer&&) noexcept = default;
Importer::~Importer() = default;

Result<Importer> Importer::create(const net::broadcast::Producer& broadcast, kio::Clock& clock,
                                  const Options& options) {
  net::broadcast::Producer own = broadcast.clone();
  MOQ_TRY(hang::CatalogProducer catalog, hang::CatalogProducer::create(own, clock));
  auto state = std::unique_ptr<State>(new State{
      .context = {.broadcast = std::move(own),
                  .catalog = std::move(catalog),
                  .clock = &clock,
                  .options = options},
  });
  state->stream = options.format == Format::fmp4 ? make_fmp4_stream(state->context)
                                                 : make_avc3_stream(state->context);
  return Importer(std::move(state));
}

Result<void> Importer::push(const Bytes& data) { return state_->stream->push(data); }

Result<void> Importer::finish() && {
  // The state stays: it tells the last events.
  const std::unique_ptr<Stream> stream = std::move(state_->stream);
  Result<void> finished = stream->finish();
  std::move(state_->context.catalog).finish();
  return finished;
}

void Importer::abort(const Error& error) && {
  const std::unique_ptr<Stream> stream = std::move(state_->stream);
  stream->abort(error);
  std::move(state_->context.catalog).abort(error);
}

std::optional<Event> Importer::next_event() { return state_->context.events.pop(); }

const Progress& Importer::progress() const { return state_->context.progress; }

}  // namespace moq::mux
