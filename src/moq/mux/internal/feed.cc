#include "moq/mux/internal/feed.h"

#include "moq/base/log.h"

namespace moq::mux {
namespace {

/// How long a track that failed is left alone. Short, since a route that comes back should show
/// soon; long enough not to flood a peer that refuses.
constexpr Duration kRetryDelay = 250ms;

std::string_view container_name(hang::Container::Kind kind) {
  switch (kind) {
    case hang::Container::Kind::legacy:
      return "legacy";
    case hang::Container::Kind::cmaf:
      return "cmaf";
    case hang::Container::Kind::loc:
      return "loc";
    case hang::Container::Kind::unknown:
      return "unknown";
  }
  return "unknown";
}

/// Whether the groups of a new subscription are numbered anew.
bool starts_over(Code code) { return code == Code::restarted || code == Code::not_found; }

}  // namespace

Result<Feed> Feed::create(kio::Clock& clock, EventQueue& events, const Rendition& rendition,
                          const Exporter::Options& options) {
  MOQ_TRY(FrameDecoder decoder, FrameDecoder::create(rendition.container, rendition.kind));
  auto shaper = options.format == Exporter::Format::h264 ? make_annex_b_shaper(rendition, decoder)
                                                         : make_mp4_shaper(rendition, decoder);
  if (!shaper) return std::unexpected(std::move(shaper).error());
  events.push(TrackBegan{rendition.name, rendition.codec,
                         std::string(container_name(rendition.container.kind))});
  return Feed(clock, events, rendition, std::move(decoder), *std::move(shaper),
              options.max_latency);
}

Feed::Feed(kio::Clock& clock, EventQueue& events, Rendition rendition, FrameDecoder decoder,
           std::unique_ptr<Shaper> shaper, Duration max_latency)
    : clock_(&clock),
      events_(&events),
      rendition_(std::move(rendition)),
      decoder_(std::move(decoder)),
      shaper_(std::move(shaper)),
      max_latency_(max_latency),
      retry_(std::make_unique<kio::Timer>(clock)) {}

void Feed::poll(const net::broadcast::Consumer& broadcast, const kio::Waiter& waiter) {
  while (!pending_) {
    if (!held_.empty()) {
      Held next = std::move(held_.front());
      held_.pop_front();
      held_bytes_ -= next.read.sample.payload.size();
      shape(std::move(next));
    } else if (!read(broadcast, waiter)) {
      return;
    }
  }
}

void Feed::hold(const net::broadcast::Consumer& broadcast, const kio::Waiter& waiter) {
  while (!is_full() && read(broadcast, waiter)) {
  }
}

/// Reads on by one step. Returns false if there is nothing to read for now.
bool Feed::read(const net::broadcast::Consumer& broadcast, const kio::Waiter& waiter) {
  if (ended_) return false;
  if (!reader_) {
    if (failed() && retry_->poll(waiter).pending()) return false;
    subscribe(broadcast);
  }
  auto next = reader_->poll_next(waiter);
  if (next.pending()) return false;
  if (!*next) {
    fail((*std::move(next)).error());
  } else if (!**next) {
    ended_ = true;
  } else {
    take_in(***std::move(next));
  }
  return true;
}

void Feed::subscribe(const net::broadcast::Consumer& broadcast) {
  retry_->clear();
  const std::uint8_t priority = is_video() ? hang::kVideoPriority : hang::kAudioPriority;
  net::track::Consumer track = broadcast.subscribe(
      rendition_.name, {.priority = priority, .max_age = max_latency_, .start = next_group_});
  reader_.emplace(*clock_, *events_, std::move(track), decoder_,
                  TrackReader::Options{.max_latency = max_latency_});
}

void Feed::take_in(ReadSample read) {
  next_group_ = read.group + 1;
  Held next{.read = std::move(read), .after_failure = std::exchange(failed_since_, false)};
  if (!pending_ && held_.empty()) {
    shape(std::move(next));
  } else {
    held_bytes_ += next.read.sample.payload.size();
    held_.push_back(std::move(next));
  }
}

void Feed::shape(Held held) {
  ReadSample& read = held.read;
  // After a group that was left early, frames are of use from the next group on, which begins with
  // a key frame.
  if (held.after_failure) in_step_ = false;
  if (read.begins_group) in_step_ = true;
  if (!in_step_) return;
  Result<std::optional<mp4::Sample>> shaped = shaper_->shape(std::move(read.sample));
  if (!shaped) {
    MOQ_LOG(warn, "mux", "group {} of '{}': {}", read.group, rendition_.name,
            shaped.error().describe());
    in_step_ = false;
    return;
  }
  if (*shaped) pending_ = **std::move(shaped);
}

void Feed::fail(const Error& error) {
  MOQ_LOG(warn, "mux", "track '{}' failed: {}", rendition_.name, error.describe());
  if (starts_over(error.code)) next_group_.reset();
  reader_.reset();
  failed_since_ = true;
  retry_->set_after(kRetryDelay);
}

void Feed::detach() {
  reader_.reset();
  retry_->clear();
  next_group_.reset();
  pending_.reset();
  held_.clear();
  held_bytes_ = 0;
  failed_since_ = false;
  in_step_ = false;
  ended_ = false;
}

}  // namespace moq::mux
