#include "moq/base/log.h"
#include "moq/capi/internal/consume.h"
#include "moq/capi/internal/library.h"
#include "moq/capi/internal/renditions.h"
#include "moq/hang/catalog_track.h"

namespace moq::capi {
namespace {

/// Whether the next catalog may be good: this one alone did not decode.
bool is_of_one_catalog(const Error& error) {
  return error.code == Code::decode || error.code == Code::too_many;
}

kio::Task<Result<void>> follow_catalog(std::shared_ptr<Task> task,
                                       std::shared_ptr<const BroadcastConsumer> source,
                                       hang::CatalogConsumer catalogs) {
  for (;;) {
    auto next = co_await catalogs.next();
    if (!next && is_of_one_catalog(next.error())) {
      MOQ_LOG(warn, "capi", "catalog of '{}': {}", source->path.text(), next.error().describe());
      continue;
    }
    if (!next) co_return std::unexpected(next.error());
    if (!*next) co_return Result<void>();
    auto snapshot = std::make_shared<CatalogSnapshot>(CatalogSnapshot{source, **std::move(next)});
    if (!task->deliver(tables().catalogs, std::move(snapshot))) co_return Result<void>();
  }
}

}  // namespace
}  // namespace moq::capi

using moq::capi::Call;
using moq::capi::tables;

std::int32_t moq_consume_catalog(std::uint32_t broadcast,
                                 void (*on_catalog)(void* user_data, std::int32_t catalog),
                                 void* user_data) {
  Call call;
  call.handle(broadcast);
  const auto found = call.find(tables().consumers, broadcast);
  if (!call.ok()) return call.status();
  auto task = std::make_shared<moq::capi::Task>(moq::capi::Callback{on_catalog, user_data});
  return start_task(
      call, tables().catalog_tasks, task,
      [task, found, catalogs = moq::hang::CatalogConsumer(found->broadcast)]() mutable {
        return moq::capi::follow_catalog(std::move(task), std::move(found), std::move(catalogs));
      });
}

std::int32_t moq_consume_catalog_close(std::uint32_t catalog) {
  return close_task(tables().catalog_tasks, catalog);
}
std::int32_t moq_consume_catalog_cancel(std::uint32_t catalog) {
  return moq_consume_catalog_close(catalog);
}

std::int32_t moq_consume_catalog_free(std::uint32_t catalog) {
  return release(tables().catalogs, catalog);
}

std::int32_t moq_consume_video_config(std::uint32_t catalog, std::uint32_t index,
                                      moq_video_config* dst) {
  Call call;
  call.handle(catalog);
  call.pointer("dst", dst);
  const auto found = call.find(tables().catalogs, catalog);
  if (!call.ok()) return call.status();
  const auto* entry = moq::capi::entry_at(call, found->catalog.video.renditions, index);
  if (entry == nullptr) return call.status();
  *dst = moq::capi::describe(entry->first, entry->second);
  return 0;
}

std::int32_t moq_consume_audio_config(std::uint32_t catalog, std::uint32_t index,
                                      moq_audio_config* dst) {
  Call call;
  call.handle(catalog);
  call.pointer("dst", dst);
  const auto found = call.find(tables().catalogs, catalog);
  if (!call.ok()) return call.status();
  const auto* entry = moq::capi::entry_at(call, found->catalog.audio.renditions, index);
  if (entry == nullptr) return call.status();
  *dst = moq::capi::describe(entry->first, entry->second);
  return 0;
}

std::int32_t moq_consume_video_stalled(std::uint32_t catalog, std::uint32_t index, bool* dst) {
  Call call;
  call.handle(catalog);
  call.pointer("dst", dst);
  const auto found = call.find(tables().catalogs, catalog);
  if (!call.ok()) return call.status();
  const auto* entry = moq::capi::entry_at(call, found->catalog.video.renditions, index);
  if (entry == nullptr) return call.status();
  *dst = entry->second.stalled;
  return 0;
}

std::int32_t moq_consume_video_properties(std::uint32_t catalog, moq_video_properties* dst) {
  Call call;
  call.handle(catalog);
  call.pointer("dst", dst);
  const auto found = call.find(tables().catalogs, catalog);
  if (!call.ok()) return call.status();
  const moq::hang::Video& video = found->catalog.video;
  const moq::hang::Display display = video.display.value_or(moq::hang::Display{});
  *dst = {.display_width = display.width,
          .display_height = display.height,
          .has_display = video.display.has_value(),
          .rotation = video.rotation.value_or(0),
          .has_rotation = video.rotation.has_value(),
          .flip = video.flip.value_or(false),
          .has_flip = video.flip.has_value()};
  return 0;
}

std::int32_t moq_consume_catalog_section_count(std::uint32_t catalog) {
  Call call;
  call.handle(catalog);
  const auto found = call.find(tables().catalogs, catalog);
  if (!call.ok()) return call.status();
  return static_cast<std::int32_t>(found->catalog.extra.size());
}

std::int32_t moq_consume_catalog_section_at(std::uint32_t catalog, std::uint32_t index,
                                            moq_section* dst) {
  Call call;
  call.handle(catalog);
  call.pointer("dst", dst);
  const auto found = call.find(tables().catalogs, catalog);
  if (!call.ok()) return call.status();
  const auto* entry = moq::capi::entry_at(call, found->catalog.extra, index);
  if (entry == nullptr) return call.status();
  const auto& [name, json] = *entry;
  *dst = {
      .name = name.data(), .name_len = name.size(), .json = json.data(), .json_len = json.size()};
  return 0;
}

std::int32_t moq_consume_catalog_section(std::uint32_t catalog, const char* name,
                                         std::uintptr_t name_len, moq_string* dst) {
  Call call;
  call.handle(catalog);
  const std::string section(call.text("name", name, name_len));
  call.pointer("dst", dst);
  const auto found = call.find(tables().catalogs, catalog);
  if (!call.ok()) return call.status();
  const auto& sections = found->catalog.extra;
  const auto entry = sections.find(section);
  if (entry == sections.end()) {
    return call.fail(MOQ_ERROR_NOT_FOUND, "the catalog has no section '" + section + "'");
  }
  *dst = moq::capi::borrow(entry->second);
  return 0;
}
