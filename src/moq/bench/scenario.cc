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

const std::array<Scenario, 7>& presets() {
  static const std::array<Scenario, 7> all = {{
      {.preset = "fanout"},
      {.preset = "hd",
       .publishers = 10,
       .subscribers = 40,
       .fps = 30,
       .frame_bytes = {20'000, 60'000},
       .group_frames = 30},
      {.preset = "sd",
       .publishers = 20,
       .subscribers = 80,
       .fps = 30,
       .frame_bytes = {2'000, 8'000},
       .group_frames = 30},
      {.preset = "audio",
       .publishers = 20,
       .subscribers = 80,
       .fps = 50,
       .frame_bytes = {160, 320},
       .group_frames = 1},
      {.preset = "chat",
       .publishers = 50,
       .subscribers = 450,
       .subscriptions = 10,
       .fps = 2,
       .frame_bytes = {200, 200},
       .group_frames = 1},
      {.preset = "announce",
       .publishers = 10,
       .broadcasts = 1'000,
       .subscribers = 0,
       .watchers = 100,
       .fps = 0},
      {.preset = "idle", .subscribers = 0, .watchers = 1'000, .fps = 1, .ramp = 10s},
  }};
  return all;
}

}  // namespace

Result<Range> Range::parse(std::string_view text) {
  const std::size_t dash = text.find('-');
  const auto min = parse_count(text.substr(0, dash));
  const auto max = dash == std::string_view::npos ? min : parse_count(text.substr(dash + 1));
  if (!min || !max || *min > *max) {
    return fail(Code::bad_config,
                "'" + std::string(text) + "' is neither a number nor a range such as 20000-60000");
  }
  return Range{*min, *max};
}

std::string Range::text() const {
  return min == max ? std::to_string(min) : std::to_string(min) + "-" + std::to_string(max);
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
          "fanout (default), hd, sd, audio, chat, announce or idle: sets all that follow")
      ->type_name("NAME");
  const auto add_count = [&settings](const std::string& flag, std::uint64_t& value,
                                     const std::string& help) {
    settings
        .add(
            flag, "",
            [&value](const std::string& text) -> Result<void> {
              MOQ_TRY(value, parse_count(text));
              return {};
            },
            help)
        ->type_name("N");
  };
  add_count("publishers", publishers, "Connections that publish");
  add_count("broadcasts", broadcasts, "Broadcasts of each publisher, of one track each");
  add_count("subscribers", subscribers, "Connections that subscribe");
  add_count("subscriptions", subscriptions, "Broadcasts that each subscriber reads");
  add_count("watchers", watchers, "Connections that only watch announcements");
  add_count("stalled", stalled, "Connections that subscribe and never read (moqt:// alone)");
  settings
      .add(
          "fps", "",
          [this](const std::string& text) -> Result<void> {
            const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), fps);
            if (error == std::errc{} && end == text.data() + text.size() && fps >= 0 &&
                fps <= 1e5) {
              return {};
            }
            return fail(Code::bad_config, "'" + text + "' is not a number from 0 to 100000");
          },
          "Frames a second of each broadcast; 0 = none")
      ->type_name("RATE");
  settings
      .add(
          "frame-bytes", "",
          [this](const std::string& text) -> Result<void> {
            MOQ_TRY(frame_bytes, Range::parse(text));
            return {};
          },
          "Size of a frame: N, or MIN-MAX")
      ->type_name("RANGE");
  add_count("group-frames", group_frames, "Frames of a group");
  settings.add_duration("ramp", "", ramp, "Opens the connections evenly over this");
  settings.add_duration("warmup", "", warmup, "Then counts nothing for so long");
  settings.add_duration("duration", "", duration, "Then counts all for so long");
}

Result<void> Scenario::check() const {
  if (frame_bytes.min < kMinFrameBytes || frame_bytes.max > kMaxFrameBytes) {
    return fail(Code::bad_config, "--frame-bytes goes from " + std::to_string(kMinFrameBytes) +
                                      " to " + std::to_string(kMaxFrameBytes));
  }
  if (group_frames == 0) return fail(Code::bad_config, "--group-frames is at least 1");
  if (duration <= Duration::zero()) return fail(Code::bad_config, "--duration is more than 0");
  if (subscribers + stalled > 0 && (publishers == 0 || broadcasts == 0)) {
    return fail(Code::bad_config, "subscribers need a publisher with a broadcast");
  }
  if (subscribers > 0 && subscriptions > publishers * broadcasts) {
    return fail(Code::bad_config, "there are fewer broadcasts than --subscriptions");
  }
  return {};
}

}  // namespace moq::bench
