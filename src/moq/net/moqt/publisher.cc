#include "moq/net/moqt/internal/publisher.h"

#include "moq/base/log.h"

namespace moq::net::moqt {

TrackProperties track_properties(const track::Info& info) {
  TrackProperties properties;
  properties.timescale = info.timescale;
  properties.priority = flip_priority(info.priority);
  properties.group_order = GroupOrder::descending;
  return properties;
}

std::optional<Location> largest_of(const std::optional<track::Edge>& edge) {
  if (!edge) return std::nullopt;
  return Location{edge->group, edge->frames - 1};
}

ObjectProperties object_properties(const frame::Info& frame, const track::Info& track,
                                   Draft draft) {
  ObjectProperties properties;
  properties.timestamp = frame.timestamp;
  // Where the track cannot tell its unit, each object does.
  if (!has_track_properties(draft)) properties.timescale = track.timescale;
  return properties;
}

Result<broadcast::Consumer> Publisher::find(const TrackNamespace& name) const {
  const auto path = to_path(name);
  if (!path) return fail(Code::not_found, "no broadcast has such a name");
  const auto& origin = connection_.options().publish;
  if (origin) {
    if (auto broadcast = origin->find(*path, exclude())) return *std::move(broadcast);
  }
  return fail(Code::not_found, "no broadcast '" + path->text() + "'");
}

kio::Task<void> Publisher::serve_track_status(IncomingRequest request) {
  const FullTrackName& name = request.as<TrackStatus>().track;
  const auto broadcast = find(name.track_namespace);
  if (!broadcast) {
    request.reject(broadcast.error());
    co_return;
  }
  const track::InfoRequest asked = broadcast->info(name.name);
  auto info = co_await kio::wait([&](const Waiter& waiter) -> Poll<Result<track::Info>> {
    if (auto known = asked.poll(waiter)) return known;
    auto update = request.poll_update(waiter);
    if (update.pending()) return kio::kPending;
    // There is nothing to update.
    return Result<track::Info>(fail(Code::cancelled));
  });
  if (!info) {
    request.reject(info.error());
    co_return;
  }
  RequestOk ok;
  ok.parameters.largest = largest_of(asked.farthest());
  ok.track = track_properties(*info);
  request.reply(std::move(ok));
  request.finish();
}

}  // namespace moq::net::moqt
