#include "moq/mux/track_reader.h"

#include <algorithm>

#include "moq/base/log.h"
#include "moq/hang/container.h"

namespace moq::mux {
namespace {

/// A group that has begun to come, and what was taken out of it ahead of its turn.
struct HeldGroup {
  explicit HeldGroup(net::group::Consumer group) : consumer(std::move(group)) {}

  net::group::Consumer consumer;
  std::deque<mp4::Sample> samples;
  std::uint64_t frames = 0;  ///< Frames taken out so far.
  std::uint64_t bytes = 0;
  std::uint64_t held = 0;               ///< Bytes of `samples`.
  bool begun = false;                   ///< A sample of it was returned.
  bool ended = false;                   ///< No more will come.
  std::optional<std::string> failed;    ///< Why it ended early.
  std::optional<std::uint64_t> first;   ///< The presentation time at which it begins,
  std::optional<std::uint64_t> newest;  ///< and the latest in it.
};

}  // namespace

struct TrackReader::State {
  State(kio::Clock& clock, EventQueue& event_queue, net::track::Consumer consumer,
        FrameDecoder frame_decoder, const Options& reader_options)
      : track(std::move(consumer)),
        decoder(std::move(frame_decoder)),
        options(reader_options),
        events(&event_queue),
        patience(clock) {}

  net::track::Consumer track;
  FrameDecoder decoder;
  Options options;
  EventQueue* events;
  kio::Timer patience;  ///< Set while a newer group waits for an older one.
  std::map<std::uint64_t, HeldGroup> groups;
  std::optional<std::uint64_t> current;  ///< The group whose turn it is; none before the first.
  bool ended = false;
  std::optional<Error> error;

  void take_groups(const kio::Waiter& waiter);
  void fill(HeldGroup& group, const kio::Waiter& waiter);
  std::optional<ReadSample> take_sample();
  void leave(std::uint64_t next, std::string reason);
  void report_lost(std::uint64_t first, std::uint64_t last, std::string reason);
  bool skip_if_late(const kio::Waiter& waiter);
  [[nodiscard]] bool is_late(std::uint64_t superseded_at) const;
};

TrackReader::TrackReader(kio::Clock& clock, EventQueue& events, net::track::Consumer track,
                         FrameDecoder decoder, const Options& options)
    : state_(
          std::make_unique<State>(clock, events, std::move(track), std::move(decoder), options)) {}
TrackReader::TrackReader(TrackReader&&) noexcept = default;
TrackReader& TrackReader::operator=(TrackReader&&) noexcept = default;
TrackReader::~TrackReader() = default;

const std::string& TrackReader::name() const { return state_->track.name(); }
const FrameDecoder& TrackReader::decoder() const { return state_->decoder; }

kio::Poll<Result<std::optional<ReadSample>>> TrackReader::poll_next(const kio::Waiter& waiter) {
  using Value = Result<std::optional<ReadSample>>;
  State& state = *state_;
  state.take_groups(waiter);
  std::uint64_t held = 0;
  for (auto& [sequence, group] : state.groups) {
    if (held < kMaxHeldBytes) state.fill(group, waiter);
    held += group.held;
  }
  do {
    if (std::optional<ReadSample> sample = state.take_sample()) return Value(std::move(sample));
  } while (state.skip_if_late(waiter));
  if (!state.groups.empty()) return kio::kPending;
  if (state.error) return Value(std::unexpected(*state.error));
  if (state.ended) return Value(std::nullopt);
  return kio::kPending;
}

/// Accepts the groups that have come, except those whose turn has passed.
void TrackReader::State::take_groups(const kio::Waiter& waiter) {
  while (!ended && !error) {
    auto next = track.poll_next_group(waiter);
    if (next.pending()) return;
    if (!*next) {
      error = std::move(*next).error();
    } else if (!**next) {
      ended = true;
    } else {
      const std::uint64_t sequence = (**next)->sequence();
      if (current && sequence < *current) continue;
      groups.emplace(sequence, HeldGroup(std::move(***next)));
      if (groups.size() > kMaxHeldGroups) leave(std::next(groups.begin())->first, "too old");
    }
  }
}

/// Takes out of a group what has come of it.
void TrackReader::State::fill(HeldGroup& group, const kio::Waiter& waiter) {
  while (!group.ended) {
    auto frame = group.consumer.poll_read_frame(waiter);
    if (frame.pending()) return;
    if (!*frame || !**frame) {
      group.ended = true;
      if (!*frame) group.failed = "dropped by peer";
      return;
    }
    const Bytes& payload = (**frame)->second;
    auto samples = decoder.decode(payload, group.frames == 0);
    if (!samples) {
      MOQ_LOG(warn, "mux", "group {} of '{}': {}", group.consumer.sequence(), track.name(),
              samples.error().describe());
      group.ended = true;
      group.failed = "undecodable";
      return;
    }
    ++group.frames;
    for (mp4::Sample& sample : *samples) {
      group.bytes += sample.payload.size();
      group.held += sample.payload.size();
      if (!group.first) group.first = sample.pts();
      group.newest = std::max(group.newest.value_or(0), sample.pts());
      group.samples.push_back(std::move(sample));
    }
  }
}

/// The next sample of the group whose turn it is, moving on past groups that are through.
std::optional<ReadSample> TrackReader::State::take_sample() {
  while (!groups.empty()) {
    auto& [sequence, group] = *groups.begin();
    // The first group to be read is the oldest that has anything.
    if (!current && group.samples.empty() && !group.ended) {
      const auto usable = std::ranges::find_if(
          groups, [](const auto& entry) { return !entry.second.samples.empty(); });
      if (usable == groups.end()) return std::nullopt;
      groups.erase(groups.begin(), usable);
      continue;
    }
    if (current && sequence > *current) return std::nullopt;
    if (!group.samples.empty()) {
      current = sequence;
      ReadSample out{.group = sequence,
                     .begins_group = !group.begun,
                     .sample = std::move(group.samples.front())};
      group.samples.pop_front();
      group.held -= out.sample.payload.size();
      group.begun = true;
      return out;
    }
    if (!group.ended) return std::nullopt;
    if (group.failed) {
      report_lost(sequence, sequence, *group.failed);
    } else {
      events->push(GroupDone{track.name(), sequence, group.frames, group.bytes});
    }
    current = sequence + 1;
    groups.erase(groups.begin());
  }
  return std::nullopt;
}

/// Goes on with group `next`, dropping what is before it.
void TrackReader::State::leave(std::uint64_t next, std::string reason) {
  if (current && *current < next) report_lost(*current, next - 1, std::move(reason));
  groups.erase(groups.begin(), groups.lower_bound(next));
  current = next;
}

void TrackReader::State::report_lost(std::uint64_t first, std::uint64_t last, std::string reason) {
  events->push(GroupsLost{track.name(), first, last, std::move(reason)});
}

/// Skips what will not come any more, and to the next group that has samples if the one whose turn
/// it is has been waited for long enough. Else sees to it that `waiter` is woken when that is so.
bool TrackReader::State::skip_if_late(const kio::Waiter& waiter) {
  if (current && !groups.empty()) {
    const std::uint64_t first = groups.begin()->first;
    if (first > *current && !track.may_come(*current, first - 1)) {
      patience.clear();
      leave(first, track.is_stale(first - 1) ? "too old" : "dropped by peer");
      return true;
    }
  }
  const auto next = std::ranges::find_if(groups, [this](const auto& entry) {
    return current && entry.first > *current && !entry.second.samples.empty();
  });
  if (next == groups.end()) {
    patience.clear();
    return false;
  }
  // After the end of the track nothing more comes in between.
  const bool final = (ended || error) && groups.begin()->first > *current;
  if (!patience.deadline()) patience.set_after(options.max_latency);
  if (!final && !is_late(*next->second.first) && patience.poll(waiter).pending()) return false;
  patience.clear();
  leave(next->first, "too old");
  return true;
}

/// Whether what has come is further ahead than readers may wait of the time at which the group that
/// is missed was superseded.
bool TrackReader::State::is_late(std::uint64_t superseded_at) const {
  const std::optional<std::uint64_t>& newest = groups.rbegin()->second.newest;
  if (!newest || *newest <= superseded_at) return false;
  const auto ahead_us =
      hang::rescale(*newest - superseded_at, decoder.timescale(), 1'000'000).value_or(UINT64_MAX);
  const auto limit = std::chrono::duration_cast<std::chrono::microseconds>(options.max_latency);
  return ahead_us >= static_cast<std::uint64_t>(limit.count());
}

}  // namespace moq::mux
