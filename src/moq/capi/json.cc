#include "moq/capi/internal/consume.h"
#include "moq/capi/internal/data_track.h"
#include "moq/hang/canonical_json.h"

namespace moq::capi {

std::optional<net::track::Producer> make_data_track(Call& call, std::uint32_t broadcast,
                                                    std::string_view name, std::uint8_t priority) {
  const auto found = call.find(tables().broadcasts, broadcast);
  if (!call.ok()) return std::nullopt;
  auto made = found->producer.with([&](net::broadcast::Producer& producer) {
    return producer.create_track(name, {.priority = priority});
  });
  if (!made) {
    call.ended(tables().broadcasts);
    return std::nullopt;
  }
  if (!*made) {
    call.fail(Failure(made->error(), MOQ_ERROR_MOQ));
    return std::nullopt;
  }
  return **std::move(made);
}

namespace {

/// Errors of the JSON layer have a code of their own; the others are the track's.
std::int32_t fallback_for(const Error& error) {
  const bool is_json = error.code == Code::decode || error.code == Code::malformed_track;
  return is_json ? MOQ_ERROR_JSON_TRACK : MOQ_ERROR_MOQ;
}

/// The one JSON value that the application passes, in its canonical form.
std::string read_json(Call& call, const char* value, std::uintptr_t size) {
  const std::string_view text = call.text("value", value, size);
  if (!call.ok()) return {};
  auto canonical = hang::canonical_json(text);
  if (canonical) return *std::move(canonical);
  call.fail(Failure(canonical.error(), MOQ_ERROR_JSON));
  return {};
}

/// Delivers what `values` reads: all, or the newest.
template <typename Consumer>
kio::Task<Result<void>> read_values(std::shared_ptr<Task> task, Consumer values) {
  for (;;) {
    auto next = co_await values.next();
    if (!next) {
      task->fail_with(Failure(next.error(), fallback_for(next.error())));
      break;
    }
    if (!*next) break;
    auto value = std::make_shared<JsonValue>(JsonValue{**std::move(next)});
    if (!task->deliver(tables().json_values, std::move(value))) break;
  }
  co_return Result<void>();
}

/// The functions that start to read.
template <typename Consumer, typename Config>
std::int32_t consume(Call& call, std::uint32_t broadcast, std::string_view name,
                     const Config* config, Callback callback) {
  call.pointer("config", config);
  const auto found = call.find(tables().consumers, broadcast);
  if (!call.ok()) return call.status();
  Consumer values(found->broadcast.subscribe(name), config->compression);
  auto task = std::make_shared<Task>(callback);
  return start_task(call, tables().json_tasks, task, [task, values = std::move(values)]() mutable {
    return read_values(std::move(task), std::move(values));
  });
}

}  // namespace
}  // namespace moq::capi

using moq::capi::Call;
using moq::capi::tables;

std::int32_t moq_publish_json_snapshot(std::uint32_t broadcast, const char* name,
                                       std::uintptr_t name_len,
                                       const moq_json_snapshot_config* config) {
  Call call;
  call.handle(broadcast);
  const std::string_view title = call.text("name", name, name_len);
  call.pointer("config", config);
  auto track = make_data_track(call, broadcast, title, moq::hang::kCatalogPriority);
  if (!call.ok()) return call.status();
  moq::hang::snapshot::Producer producer(
      *std::move(track), {.compressed = config->compression, .ratio = config->delta_ratio});
  return call.add(tables().json_snapshots,
                  std::make_shared<moq::capi::JsonSnapshot>(std::move(producer)));
}

std::int32_t moq_publish_json_snapshot_update(std::uint32_t json, const char* value,
                                              std::uintptr_t value_len) {
  Call call;
  call.handle(json);
  const std::string text = moq::capi::read_json(call, value, value_len);
  const auto found = call.find(tables().json_snapshots, json);
  if (!call.ok()) return call.status();
  return found->write(call, tables().json_snapshots, MOQ_ERROR_MOQ,
                      [&](moq::hang::snapshot::Producer& producer, std::uint64_t timestamp) {
                        return producer.update(timestamp, text);
                      });
}

std::int32_t moq_publish_json_snapshot_finish(std::uint32_t json) {
  return moq::capi::finish(tables().json_snapshots, json);
}

std::int32_t moq_publish_json_stream(std::uint32_t broadcast, const char* name,
                                     std::uintptr_t name_len,
                                     const moq_json_stream_config* config) {
  Call call;
  call.handle(broadcast);
  const std::string_view title = call.text("name", name, name_len);
  call.pointer("config", config);
  auto track = make_data_track(call, broadcast, title, moq::hang::kCatalogPriority);
  if (!call.ok()) return call.status();
  moq::hang::stream::Producer producer(*std::move(track), config->compression);
  return call.add(tables().json_streams,
                  std::make_shared<moq::capi::JsonStream>(std::move(producer)));
}

std::int32_t moq_publish_json_stream_append(std::uint32_t stream, const char* value,
                                            std::uintptr_t value_len) {
  Call call;
  call.handle(stream);
  const std::string text = moq::capi::read_json(call, value, value_len);
  const auto found = call.find(tables().json_streams, stream);
  if (!call.ok()) return call.status();
  return found->write(call, tables().json_streams, MOQ_ERROR_MOQ,
                      [&](moq::hang::stream::Producer& producer, std::uint64_t timestamp) {
                        return producer.append(timestamp, text);
                      });
}

std::int32_t moq_publish_json_stream_finish(std::uint32_t stream) {
  return moq::capi::finish(tables().json_streams, stream);
}

std::int32_t moq_consume_json_snapshot(std::uint32_t broadcast, const char* name,
                                       std::uintptr_t name_len,
                                       const moq_json_snapshot_config* config,
                                       void (*on_value)(void* user_data, std::int32_t value),
                                       void* user_data) {
  Call call;
  call.handle(broadcast);
  const std::string_view title = call.text("name", name, name_len);
  return moq::capi::consume<moq::hang::snapshot::Consumer>(call, broadcast, title, config,
                                                           {on_value, user_data});
}

std::int32_t moq_consume_json_stream(std::uint32_t broadcast, const char* name,
                                     std::uintptr_t name_len, const moq_json_stream_config* config,
                                     void (*on_value)(void* user_data, std::int32_t value),
                                     void* user_data) {
  Call call;
  call.handle(broadcast);
  const std::string_view title = call.text("name", name, name_len);
  return moq::capi::consume<moq::hang::stream::Consumer>(call, broadcast, title, config,
                                                         {on_value, user_data});
}

std::int32_t moq_consume_json_value(std::uint32_t value, moq_json_value* dst) {
  Call call;
  call.handle(value);
  call.pointer("dst", dst);
  const auto found = call.find(tables().json_values, value);
  if (!call.ok()) return call.status();
  *dst = {.json = found->text.data(), .json_len = found->text.size()};
  return 0;
}

std::int32_t moq_consume_json_value_free(std::uint32_t value) {
  return release(tables().json_values, value);
}

std::int32_t moq_consume_json_close(std::uint32_t task) {
  return close_task(tables().json_tasks, task);
}
std::int32_t moq_consume_json_cancel(std::uint32_t task) { return moq_consume_json_close(task); }
