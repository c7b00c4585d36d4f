#include "moq/capi/internal/broadcast.h"

#include <array>
#include <cmath>
#include <span>

#include "moq/capi/internal/library.h"
#include "moq/capi/internal/origin.h"
#include "moq/capi/internal/renditions.h"
#include "moq/hang/canonical_json.h"

namespace moq::capi {
namespace {

/// Ids of hops are below this, so that they pass through JSON numbers unharmed.
constexpr std::uint64_t kHopEnd = std::uint64_t{1} << 53;

/// What `route` says; the default route for NULL.
net::Route read_route(Call& call, const moq_route* route) {
  net::Route out;
  if (!call.ok() || route == nullptr) return out;
  if (route->hops_len > PTRDIFF_MAX / sizeof(std::uint64_t)) {
    call.fail(MOQ_ERROR_INVALID_POINTER, "hops: no memory is that long");
    return out;
  }
  if (route->hops_len != 0) call.pointer("hops", route->hops);
  if (!call.ok()) return out;
  for (const std::uint64_t hop : std::span(route->hops, route->hops_len)) {
    if (hop >= kHopEnd) {
      call.fail(MOQ_ERROR_INVALID_CONFIG, "hop " + std::to_string(hop) + " is not below 2^53");
      return out;
    }
    out.hops.push_back(hop);
  }
  out.warm_cost = route->cost;
  out.cold_cost = route->has_cold ? route->cold : route->cost;
  return out;
}

Result<std::shared_ptr<Broadcast>> make_broadcast(std::optional<Presence> presence) {
  net::broadcast::Producer producer;
  MOQ_TRY(auto catalog, hang::SharedCatalog::create(producer, Library::get().clock()));
  return std::make_shared<Broadcast>(std::move(producer), std::move(catalog), std::move(presence));
}

/// Announces the broadcast, or changes its route if it is announced already.
Result<void> announce(Broadcast& broadcast, const std::optional<net::Route>& route) {
  const auto consumer =
      broadcast.producer.with([](net::broadcast::Producer& p) { return p.consume(); });
  if (!consumer) return fail(Code::closed, "the broadcast has ended");
  const auto done = broadcast.presence.with([&](std::optional<Presence>& here) -> Result<void> {
    if (!here) return fail(Code::unroutable, "the broadcast belongs to no origin");
    if (here->announcement) {
      here->announcement->set_listed(true);
      if (route) here->announcement->update(*route);
      return {};
    }
    MOQ_TRY(here->announcement,
            here->origin.announce(here->path, *consumer, route.value_or(net::Route{})));
    return {};
  });
  return done.value_or(Result<void>());
}

std::int32_t create_at(std::uint32_t origin, const char* path, std::uintptr_t path_len,
                       bool announced) {
  Call call;
  call.handle(origin);
  auto where = parse_path(call, path, path_len);
  const auto found = call.find(tables().origins, origin);
  if (!call.ok()) return call.status();
  auto made = make_broadcast(Presence{found->producer.clone(), *std::move(where), std::nullopt});
  if (!made) return call.finish(std::unexpected(made.error()));
  if (announced) call.finish(announce(**made, std::nullopt));
  return call.add(tables().broadcasts, *std::move(made));
}

/// Nearest quarter turn, halves up, in [0, 360).
double quarter_turn(double degrees) {
  const double turned = std::fmod(std::floor(degrees / 90 + 0.5) * 90, 360);
  return turned < 0 ? turned + 360 : turned;
}

std::int32_t edit(Call& call, std::uint32_t broadcast, std::int32_t fallback,
                  const std::function<Result<void>(hang::Catalog&)>& change) {
  const auto found = call.find(tables().broadcasts, broadcast);
  if (!call.ok()) return call.status();
  return call.finish(found->catalog.edit(change), fallback);
}

/// Adds a rendition, or replaces one that was added so. One that a media track describes stays.
template <typename Rendition>
std::int32_t add_rendition(Call& call, std::uint32_t broadcast, const std::string& name,
                           Rendition rendition) {
  const auto found = call.find(tables().broadcasts, broadcast);
  if (!call.ok()) return call.status();
  const Result<void> done = found->renditions.add(found->catalog, name, std::move(rendition));
  return call.finish(done, MOQ_ERROR_HANG);
}

}  // namespace
}  // namespace moq::capi

using moq::capi::Call;
using moq::capi::tables;
using Nothing = moq::Result<void>;

std::int32_t moq_origin_publish(std::uint32_t origin, const char* path, std::uintptr_t path_len) {
  return moq::capi::create_at(origin, path, path_len, true);
}

std::int32_t moq_origin_create_broadcast(std::uint32_t origin, const char* path,
                                         std::uintptr_t path_len) {
  return moq::capi::create_at(origin, path, path_len, false);
}

std::int32_t moq_publish_create(void) {
  Call call;
  auto made = moq::capi::make_broadcast(std::nullopt);
  if (!made) return call.finish(std::unexpected(made.error()));
  return call.add(tables().broadcasts, *std::move(made));
}

std::int32_t moq_publish_set_announce(std::uint32_t broadcast, bool announce) {
  Call call;
  call.handle(broadcast);
  const auto found = call.find(tables().broadcasts, broadcast);
  if (!call.ok()) return call.status();
  if (announce) return call.finish(moq::capi::announce(*found, std::nullopt));
  found->presence.with([](std::optional<moq::capi::Presence>& here) {
    if (here && here->announcement) here->announcement->set_listed(false);
    return 0;
  });
  return 0;
}

std::int32_t moq_publish_announce(std::uint32_t broadcast, const moq_route* route) {
  Call call;
  call.handle(broadcast);
  const moq::net::Route wanted = moq::capi::read_route(call, route);
  const auto found = call.find(tables().broadcasts, broadcast);
  if (!call.ok()) return call.status();
  return call.finish(moq::capi::announce(*found, wanted));
}

std::int32_t moq_publish_unannounce(std::uint32_t broadcast) {
  Call call;
  call.handle(broadcast);
  const auto found = call.find(tables().broadcasts, broadcast);
  if (!call.ok()) return call.status();
  found->presence.with([](std::optional<moq::capi::Presence>& here) {
    if (here) here->announcement.reset();
    return 0;
  });
  return 0;
}

std::int32_t moq_publish_finish(std::uint32_t broadcast) {
  Call call;
  call.handle(broadcast);
  const auto found = call.take(tables().broadcasts, broadcast);
  if (!call.ok()) return call.status();
  found->presence.take();  // Withdrawn first: nobody finds a broadcast that ends.
  found->catalog.finish();
  if (auto producer = found->producer.take()) producer->close();
  return 0;
}

std::int32_t moq_publish_close(std::uint32_t broadcast) { return moq_publish_finish(broadcast); }

std::int32_t moq_publish_video_properties(std::uint32_t broadcast,
                                          const moq_video_properties* properties) {
  Call call;
  call.handle(broadcast);
  call.pointer("properties", properties);
  if (!call.ok()) return call.status();
  const moq_video_properties wanted = *properties;
  return moq::capi::edit(
      call, broadcast, MOQ_ERROR_HANG, [&](moq::hang::Catalog& catalog) -> Nothing {
        if (wanted.has_rotation && !std::isfinite(wanted.rotation)) {
          return moq::fail(moq::Code::invalid_argument, "the rotation is not a number of degrees");
        }
        moq::hang::Video& video = catalog.video;
        video.display.reset();
        video.rotation.reset();
        video.flip.reset();
        if (wanted.has_display) {
          video.display = moq::hang::Display{wanted.display_width, wanted.display_height};
        }
        if (wanted.has_rotation) video.rotation = moq::capi::quarter_turn(wanted.rotation);
        if (wanted.has_flip) video.flip = wanted.flip;
        return {};
      });
}

std::int32_t moq_publish_video_config(std::uint32_t broadcast, const moq_video_config* config) {
  Call call;
  call.handle(broadcast);
  call.pointer("config", config);
  std::string name;
  moq::hang::VideoRendition rendition;
  if (call.ok()) moq::capi::read_rendition(call, *config, name, rendition);
  return moq::capi::add_rendition(call, broadcast, name, std::move(rendition));
}

std::int32_t moq_publish_audio_config(std::uint32_t broadcast, const moq_audio_config* config) {
  Call call;
  call.handle(broadcast);
  call.pointer("config", config);
  std::string name;
  moq::hang::AudioRendition rendition;
  if (call.ok()) moq::capi::read_rendition(call, *config, name, rendition);
  return moq::capi::add_rendition(call, broadcast, name, std::move(rendition));
}

std::int32_t moq_publish_video_remove(std::uint32_t broadcast, const char* name,
                                      std::uintptr_t name_len) {
  Call call;
  call.handle(broadcast);
  const std::string title(call.text("name", name, name_len));
  const auto found = call.find(tables().broadcasts, broadcast);
  if (!call.ok()) return call.status();
  return call.finish(found->renditions.remove_video(found->catalog, title), MOQ_ERROR_HANG);
}

std::int32_t moq_publish_audio_remove(std::uint32_t broadcast, const char* name,
                                      std::uintptr_t name_len) {
  Call call;
  call.handle(broadcast);
  const std::string title(call.text("name", name, name_len));
  const auto found = call.find(tables().broadcasts, broadcast);
  if (!call.ok()) return call.status();
  return call.finish(found->renditions.remove_audio(found->catalog, title), MOQ_ERROR_HANG);
}

std::int32_t moq_publish_catalog_section(std::uint32_t broadcast, const char* name,
                                         std::uintptr_t name_len, const char* json,
                                         std::uintptr_t json_len) {
  Call call;
  call.handle(broadcast);
  const std::string section(call.text("name", name, name_len));
  const std::string_view text = call.text("json", json, json_len);
  if (!call.ok()) return call.status();
  const auto value = moq::hang::canonical_json(text);
  if (!value) return call.fail(moq::capi::Failure(value.error(), MOQ_ERROR_JSON));
  if (moq::hang::is_reserved_section(section)) {
    return call.fail(MOQ_ERROR_MUX, "the section '" + section + "' is the catalog's own");
  }
  return moq::capi::edit(call, broadcast, MOQ_ERROR_HANG,
                         [&](moq::hang::Catalog& catalog) -> Nothing {
                           catalog.extra[section] = *value;
                           return {};
                         });
}

std::int32_t moq_publish_catalog_section_remove(std::uint32_t broadcast, const char* name,
                                                std::uintptr_t name_len) {
  Call call;
  call.handle(broadcast);
  const std::string section(call.text("name", name, name_len));
  return moq::capi::edit(call, broadcast, MOQ_ERROR_HANG,
                         [&](moq::hang::Catalog& catalog) -> Nothing {
                           catalog.extra.erase(section);
                           return {};
                         });
}
