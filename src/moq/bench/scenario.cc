#include "moq/bench/scenario.h"

#include <array>
#include <charconv>

#include "moq/bench/payload.h"

namespace moq::bench {
namespace {

Result<std::uint64_t> parse_count(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value > kMaxCount) {
    return fail(Code::bad_config, "'" + std::string(text) + "' is not a number up to 1000000");
  }
  return value;
}

constexpr Range exactly(std::uint64_t count) { return {count, count}; }

const std::array<Scenario, 8>& presets() {
  static const std::array<Scenario, 8> all = {{
      {.preset = "fanout"},
      {.preset = "hd",
       .publishers = exactly(10),
       .subscribers = exactly(40),
       .fps = {30, 30},
       .frame_bytes = {20'000, 60'000},
       .group_frames = exactly(30)},
      {.preset = "sd",
       .publishers = exactly(20),
       .subscribers = exactly(80),
       .fps = {30, 30},
       .frame_bytes = {2'000, 8'000},
       .group_frames = exactly(30)},
      {.preset = "audio",
       .publishers = exactly(20),
       .subscribers = exactly(80),
       .fps = {50, 50},
       .frame_bytes = {160, 320},
       .group_frames = exactly(1)},
      {.preset = "chat",
       .publishers = exactly(50),
       .subscribers = exactly(450),
       .subscriptions = exactly(10),
       .fps = {2, 2},
       .frame_bytes = {200, 200},
       .group_frames = exactly(1)},
      {.preset = "announce",
       .publishers = exactly(10),
       .broadcasts = exactly(1'000),
       .subscribers = exactly(0),
       .watchers = exactly(100),
       .fps = {0, 0}},
      {.preset = "idle",
       .subscribers = exactly(0),
       .watchers = exactly(1'000),
       .fps = {1, 1},
       .ramp = 10s},
      {.preset = "join",
       .subscribers = exactly(200),
       .fps = {30, 30},
       .frame_bytes = exactly(1'000),
       .group_frames = exactly(30),
       .ramp = 8s,
       .warmup = 1s,
       .duration = 1s},
  }};
  return all;
}

std::string rate_text(double rate) {
  std::array<char, 32> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), rate).ptr;
  return {text.data(), end};
}

Result<double> parse_rate(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !(value >= 0 && value <= 1e5)) {
    return fail(Code::bad_config, "'" + std::string(text) + "' is not a number from 0 to 100000");
  }
  return value;
}

}  // namespace

Result<Range> Range::parse(std::string_view text) {
  const std::size_t dash = text.find('-', 1);
  if (dash == std::string_view::npos) {
    MOQ_TRY(const std::uint64_t count, parse_count(text));
    return Range{count, count};
  }
  const auto min = parse_count(text.substr(0, dash));
  const auto max = parse_count(text.substr(dash + 1));
  if (!min || !max || *min > *max) {
    return fail(Code::bad_config,
                "'" + std::string(text) + "' is neither a number nor a range such as 20000-60000");
  }
  return Range{*min, *max};
}

std::string Range::text() const {
  return min == max ? std::to_string(min) : std::to_string(min) + "-" + std::to_string(max);
}

Result<RateRange> RateRange::parse(std::string_view text) {
  const std::size_t dash = text.find('-', 1);
  MOQ_TRY(const double min, parse_rate(text.substr(0, dash)));
  if (dash == std::string_view::npos) return RateRange{min, min};
  MOQ_TRY(const double max, parse_rate(text.substr(dash + 1)));
  if (min > max) return fail(Code::bad_config, "'" + std::string(text) + "' goes downwards");
  return RateRange{min, max};
}

std::string RateRange::text() const {
  return min == max ? rate_text(min) : rate_text(min) + "-" + rate_text(max);
}

Result<Scenario> Scenario::of_preset(std::string_view name) {
  std::string names;
  for (const Scenario& scenario : presets()) {
    if (scenario.preset == name) return scenario;
    names += (names.empty() ? "" : ", ") + scenario.preset;
  }
  return fail(Code::bad_config, "'" + std::string(name) + "' is not one of " + names);
}

void Scenario::add(app::Settings& settings) {
  // The first of all, for it sets what the others change.
  settings
      .add(
          "preset", "",
          [this](const std::string& text) -> Result<void> {
            MOQ_TRY(*this, of_preset(text));
            return {};
          },
          "fanout (default), hd, sd, audio, chat, announce, idle or join: sets all that follow")
      ->type_name("NAME");
  const auto add_range = [&settings](const std::string& flag, auto& range,
                                     const std::string& help) {
    settings
        .add(
            flag, "",
            [&range](const std::string& text) -> Result<void> {
              MOQ_TRY(range, std::remove_reference_t<decltype(range)>::parse(text));
              return {};
            },
            help)
        ->type_name("RANGE");
  };
  add_range("publishers", publishers,
            "Connections that publish: N, or MIN-MAX, as all that follow");
  add_range("broadcasts", broadcasts, "Broadcasts of each publisher, of one track each");
  add_range("subscribers", subscribers, "Connections that subscribe");
  add_range("subscriptions", subscriptions, "Broadcasts that each subscriber reads");
  add_range("watchers", watchers, "Connections that only watch announcements");
  add_range("stalled", stalled, "Connections that subscribe and never read (moqt:// alone)");
  add_range("fps", fps, "Frames a second of each publisher's broadcasts; 0 = none");
  add_range("frame-bytes", frame_bytes, "Size of a frame");
  add_range("group-frames", group_frames, "Frames of a group");
  settings.add_duration("ramp", "", ramp, "Opens the connections evenly over this");
  settings.add_duration("warmup", "", warmup, "Then counts nothing for so long");
  settings.add_duration("duration", "", duration, "Then counts all for so long");
}

Result<void> Scenario::check() const {
  if (frame_bytes.min < kMinFrameBytes || frame_bytes.max > kMaxFrameBytes) {
    return fail(Code::bad_config, "--frame-bytes goes from " + std::to_string(kMinFrameBytes) +
                                      " to " + std::to_string(kMaxFrameBytes));
  }
  if (group_frames.min == 0) return fail(Code::bad_config, "--group-frames is at least 1");
  if (duration <= Duration::zero()) return fail(Code::bad_config, "--duration is more than 0");
  if (subscribers.max + stalled.max > 0 && (publishers.min == 0 || broadcasts.min == 0)) {
    return fail(Code::bad_config, "subscribers need a publisher with a broadcast");
  }
  if (publishers.max * broadcasts.max > kMaxCount) {
    return fail(Code::bad_config, "there are more than 1000000 broadcasts");
  }
  if (subscribers.max > 0 && subscriptions.max > publishers.min * broadcasts.min) {
    return fail(Code::bad_config, "there are fewer broadcasts than --subscriptions");
  }
  return {};
}

Cast Cast::draw(const Scenario& scenario, std::uint64_t seed) {
  SeededRandom random(seed);
  Cast cast;
  cast.watchers = scenario.watchers.pick(random);
  cast.stalled = scenario.stalled.pick(random);
  cast.publishers.resize(scenario.publishers.pick(random));
  cast.subscribers.resize(scenario.subscribers.pick(random));
  std::vector<double> rates;  // Of each broadcast.
  for (Publisher& publisher : cast.publishers) {
    publisher.first = cast.broadcasts;
    publisher.broadcasts = scenario.broadcasts.pick(random);
    publisher.fps = scenario.fps.pick(random);
    cast.broadcasts += publisher.broadcasts;
    rates.resize(cast.broadcasts, publisher.fps);
  }
  std::uint64_t next = 0;
  for (Subscriber& subscriber : cast.subscribers) {
    subscriber.first = next % cast.broadcasts;
    subscriber.subscriptions = scenario.subscriptions.pick(random);
    for (std::uint64_t i = 0; i < subscriber.subscriptions; ++i) {
      cast.frames_per_s += rates[next++ % cast.broadcasts];
    }
  }
  return cast;
}

}  // namespace moq::bench
