#include "moq/mux/exporter.h"

#include <deque>

#include "moq/base/log.h"
#include "moq/hang/catalog_track.h"
#include "moq/hang/container.h"
#include "moq/mux/internal/feed.h"
#include "moq/mux/internal/fmp4_output.h"

namespace moq::mux {
namespace {

constexpr Duration kCatalogRetryDelay = 250ms;
/// After all tracks have ended, how long the catalog may still announce others.
constexpr Duration kEndDelay = 1s;

}  // namespace

struct Exporter::State {
  State(kio::Clock& exporter_clock, net::broadcast::Consumer consumer, Options exporter_options)
      : clock(&exporter_clock),
        options(std::move(exporter_options)),
        broadcast(std::move(consumer)),
        output(options.fragment_duration),
        catalog_retry(exporter_clock),
        tracks_wait(exporter_clock),
        end_delay(exporter_clock) {}

  kio::Clock* clock;
  Options options;
  net::broadcast::Consumer broadcast;
  EventQueue events;
  Progress progress;
  Fmp4Output output;
  std::deque<Bytes> annex_b;

  std::optional<hang::CatalogConsumer> catalog;  ///< None while it failed, and after its end.
  kio::Timer catalog_retry;                      ///< Set while it failed.
  bool catalog_ended = false;
  bool catalog_seen = false;  ///< One with renditions came.
  kio::Timer tracks_wait;     ///< Set once one track is known.
  bool tracks_known = false;  ///< No other is waited for.
  std::optional<Feed> video;
  std::optional<Feed> audio;
  std::optional<std::int64_t> start_us;  ///< Where the video began, once it did.
  bool sound_begun = false;              ///< The audio has reached `start_us`.
  kio::Timer end_delay;

  void poll_catalog(const kio::Waiter& waiter);
  void take_catalog(const hang::Catalog& now);
  void choose(std::optional<Feed>& feed, std::optional<Rendition> rendition);
  bool knows_tracks(const kio::Waiter& waiter);
  void poll_tracks(const kio::Waiter& waiter);
  bool write_one();
  void write(Feed& feed);
  bool ready_to_begin();
  std::optional<Bytes> pop();
  kio::Poll<Result<std::optional<Bytes>>> poll_end(const kio::Waiter& waiter);
  [[nodiscard]] std::optional<std::int64_t> pending_us(const std::optional<Feed>& feed) const;
};

Exporter::Exporter(kio::Clock& clock, net::broadcast::Consumer broadcast, Options options)
    : state_(std::make_unique<State>(clock, std::move(broadcast), std::move(options))) {}
Exporter::Exporter(Exporter&&) noexcept = default;
Exporter& Exporter::operator=(Exporter&&) noexcept = default;
Exporter::~Exporter() = default;

kio::Poll<Result<std::optional<Bytes>>> Exporter::poll_next(const kio::Waiter& waiter) {
  State& state = *state_;
  for (;;) {
    if (std::optional<Bytes> bytes = state.pop()) {
      return Result<std::optional<Bytes>>(std::move(bytes));
    }
    state.poll_catalog(waiter);
    state.poll_tracks(waiter);
    if (!state.write_one()) break;
  }
  return state.poll_end(waiter);
}

void Exporter::replace(net::broadcast::Consumer broadcast) {
  State& state = *state_;
  state.broadcast = std::move(broadcast);
  state.catalog.reset();
  state.catalog_retry.clear();
  state.catalog_ended = false;
  state.end_delay.clear();
  for (std::optional<Feed>* feed : {&state.video, &state.audio}) {
    if (*feed) (*feed)->detach();
  }
  state.output.start_over();
}

std::optional<Event> Exporter::next_event() { return state_->events.pop(); }
const Progress& Exporter::progress() const { return state_->progress; }

/// Follows the catalog, and asks for it again when its track fails.
void Exporter::State::poll_catalog(const kio::Waiter& waiter) {
  while (!catalog_ended) {
    if (!catalog) {
      if (catalog_retry.deadline() && catalog_retry.poll(waiter).pending()) return;
      catalog_retry.clear();
      catalog.emplace(broadcast, options.catalog_format);
    }
    auto next = catalog->poll_next(waiter);
    if (next.pending()) return;
    if (*next && **next) {
      take_catalog(***next);
    } else if (*next) {
      catalog_ended = true;
      catalog.reset();
    } else if (next->error().code == Code::decode || next->error().code == Code::too_many) {
      MOQ_LOG(warn, "mux", "{}", next->error().describe());
    } else {
      MOQ_LOG(info, "mux", "the catalog failed: {}", next->error().describe());
      catalog.reset();
      catalog_retry.set_after(kCatalogRetryDelay);
    }
  }
}

void Exporter::State::take_catalog(const hang::Catalog& now) {
  if (!now.video.renditions.empty() || !now.audio.renditions.empty()) catalog_seen = true;
  choose(video, pick_video(now, options));
  choose(audio, pick_audio(now, options));
}

/// Keeps `feed` as long as the catalog has what it reads, else takes the best that there is now.
void Exporter::State::choose(std::optional<Feed>& feed, std::optional<Rendition> rendition) {
  if (!rendition) return;  // Its track will end, or come back.
  if (feed && feed->rendition().same_media(*rendition)) return;
  auto made = Feed::create(*clock, events, *rendition, options);
  if (!made) {
    MOQ_LOG(warn, "mux", "rendition '{}': {}", rendition->name, made.error().describe());
    return;
  }
  feed = *std::move(made);
}

/// Whether no other track is waited for: all are there, can no longer come, or take too long.
bool Exporter::State::knows_tracks(const kio::Waiter& waiter) {
  if (!video && !audio) return false;
  if (!tracks_wait.deadline()) tracks_wait.set_after(options.max_tracks_wait);
  return options.format == Format::h264 || (video && audio) || catalog_ended ||
         broadcast.poll_closed(waiter).ready() || tracks_wait.poll(waiter).ready();
}

/// Reads on: what is written next, or all that there is while another track is waited for.
void Exporter::State::poll_tracks(const kio::Waiter& waiter) {
  if (!tracks_known) tracks_known = knows_tracks(waiter);
  for (std::optional<Feed>* feed : {&video, &audio}) {
    if (!*feed) continue;
    if (tracks_known) {
      (*feed)->poll(broadcast, waiter);
    } else {
      (*feed)->hold(broadcast, waiter);
      tracks_known = (*feed)->is_full();
    }
  }
}

std::optional<std::int64_t> Exporter::State::pending_us(const std::optional<Feed>& feed) const {
  if (!feed || !feed->pending()) return std::nullopt;
  const std::uint64_t timescale = feed->shaper().timescale();
  const auto us = hang::rescale(feed->pending()->pts(), timescale, 1'000'000);
  return static_cast<std::int64_t>(us.value_or(INT64_MAX / 2));
}

/// Writes the pending sample that is shown first. Returns false if there is nothing to write.
bool Exporter::State::write_one() {
  if (!ready_to_begin()) return false;
  const std::optional<std::int64_t> video_us = pending_us(video);
  const std::optional<std::int64_t> audio_us = pending_us(audio);
  // The stream begins with a picture, if any is to come.
  if (video && !start_us && !video->ended()) {
    if (!video_us) return false;
    start_us = video_us;
  }
  if (!video_us && !audio_us) return false;
  const bool video_first = video_us && (!audio_us || *video_us <= *audio_us);
  Feed& feed = video_first ? *video : *audio;
  if (!video_first && !sound_begun && start_us && *audio_us < *start_us) {
    feed.take();  // Sound from before the first picture.
    return true;
  }
  if (!video_first) sound_begun = true;
  write(feed);
  return true;
}

/// Whether all tracks are known that the output will have. A track that has ended is not waited
/// for.
bool Exporter::State::ready_to_begin() {
  if (!tracks_known) return false;
  if (options.format == Format::h264) return true;
  for (const std::optional<Feed>* feed : {&video, &audio}) {
    if (*feed && !(*feed)->shaper().track() && !(*feed)->ended()) return false;
  }
  return true;
}

void Exporter::State::write(Feed& feed) {
  const std::uint64_t timescale = feed.shaper().timescale();
  mp4::Sample sample = feed.take();
  const auto media_us = hang::rescale(sample.pts(), timescale, 1'000'000);
  if (feed.is_video() || !video) ++progress.frames;
  progress.bytes += sample.payload.size();
  progress.media_us = media_us;
  if (options.format == Format::h264) {
    annex_b.push_back(std::move(sample.payload));
    return;
  }
  std::vector<mp4::Track> tracks;
  std::size_t index = 0;
  for (std::optional<Feed>* one : {&video, &audio}) {
    if (!*one || !(*one)->shaper().track()) continue;
    if (&**one == &feed) index = tracks.size();
    tracks.push_back(*(*one)->shaper().track());
  }
  output.set_tracks(std::move(tracks));
  output.add(index, std::move(sample));
}

std::optional<Bytes> Exporter::State::pop() {
  if (options.format == Format::fmp4) return output.pop();
  if (annex_b.empty()) return std::nullopt;
  Bytes bytes = std::move(annex_b.front());
  annex_b.pop_front();
  return bytes;
}

/// With nothing to write: whether anything can still come.
kio::Poll<Result<std::optional<Bytes>>> Exporter::State::poll_end(const kio::Waiter& waiter) {
  using Value = Result<std::optional<Bytes>>;
  const auto is_over = [](const std::optional<Feed>& feed) { return !feed || feed->ended(); };
  const bool tracks_over = is_over(video) && is_over(audio) && (video || audio);
  const kio::Poll<Error> closed = broadcast.poll_closed(waiter);
  if (!tracks_over) end_delay.clear();
  if (tracks_over) {
    if (!end_delay.deadline()) end_delay.set_after(kEndDelay);
    if (!catalog_ended && closed.pending() && end_delay.poll(waiter).pending()) {
      return kio::kPending;
    }
    output.flush();
    return Value(pop());
  }
  const auto is_lost = [&is_over](const std::optional<Feed>& feed) {
    return is_over(feed) || feed->failed();
  };
  const bool nothing_chosen = !video && !audio;
  if (nothing_chosen && catalog_ended) {
    if (catalog_seen) {
      return Value(fail(Code::unsupported, "no rendition that this format can carry"));
    }
    return Value(std::nullopt);
  }
  if (closed.ready() && is_lost(video) && is_lost(audio)) {
    output.flush();
    if (std::optional<Bytes> rest = pop()) return Value(std::move(rest));
    if (closed->code == Code::closed) return Value(std::nullopt);
    return Value(std::unexpected(*closed));
  }
  return kio::kPending;
}

}  // namespace moq::mux
