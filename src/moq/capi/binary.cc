#include "moq/capi/internal/data_track.h"

namespace moq::capi {

void BinaryTrack::finish() {
  // Fails only if the catalog has ended before.
  (void)catalog_.edit([this](hang::Catalog& catalog) -> Result<void> {
    catalog.binary.erase(name_);
    return {};
  });
  DataTrack::finish();
}

namespace {

using hang::binary::Mode;

std::int32_t publish(Table<BinaryTrack>& family, std::uint32_t broadcast, const char* name,
                     std::uintptr_t name_len, const moq_binary_config* config, Mode mode) {
  Call call;
  call.handle(broadcast);
  const std::string title(call.text("name", name, name_len));
  call.pointer("config", config);
  std::string mime;
  if (call.ok()) mime = call.text("mime", config->mime, config->mime_len);
  const auto found = call.find(tables().broadcasts, broadcast);
  auto track = make_data_track(call, broadcast, title, hang::kVideoPriority);
  if (!call.ok()) return call.status();

  const hang::binary::Options options{.mode = mode, .compressed = config->compression};
  hang::DataTrack entry = hang::binary::describe(options);
  if (!mime.empty()) entry.mime = std::move(mime);
  const auto listed = found->catalog.edit([&](hang::Catalog& catalog) -> Result<void> {
    if (catalog.binary.try_emplace(title, std::move(entry)).second) return {};
    return fail(Code::duplicate, "the catalog lists '" + title + "' already");
  });
  if (!listed) return call.finish(listed, MOQ_ERROR_MUX);
  auto made = std::make_shared<BinaryTrack>(hang::binary::Producer(*std::move(track), options),
                                            found->catalog.clone(), title);
  const std::int32_t handle = call.add(family, made);
  if (!call.ok()) made->finish();
  return handle;
}

std::int32_t write(const Table<BinaryTrack>& family, std::uint32_t handle,
                   const std::uint8_t* payload, std::uintptr_t payload_len) {
  Call call;
  call.handle(handle);
  const ByteSpan data = call.bytes("payload", payload, payload_len);
  const auto found = call.find(family, handle);
  if (!call.ok()) return call.status();
  return found->write(call, family, MOQ_ERROR_MUX,
                      [&](hang::binary::Producer& producer, std::uint64_t timestamp) {
                        return producer.write(timestamp, Bytes::copy(data));
                      });
}

}  // namespace
}  // namespace moq::capi

using moq::capi::tables;
using moq::hang::binary::Mode;

std::int32_t moq_publish_binary_snapshot(std::uint32_t broadcast, const char* name,
                                         std::uintptr_t name_len, const moq_binary_config* config) {
  return moq::capi::publish(tables().binary_snapshots, broadcast, name, name_len, config,
                            Mode::snapshot);
}

std::int32_t moq_publish_binary_snapshot_update(std::uint32_t binary, const std::uint8_t* payload,
                                                std::uintptr_t payload_len) {
  return moq::capi::write(tables().binary_snapshots, binary, payload, payload_len);
}

std::int32_t moq_publish_binary_snapshot_finish(std::uint32_t binary) {
  return moq::capi::finish(tables().binary_snapshots, binary);
}

std::int32_t moq_publish_binary_stream(std::uint32_t broadcast, const char* name,
                                       std::uintptr_t name_len, const moq_binary_config* config) {
  return moq::capi::publish(tables().binary_streams, broadcast, name, name_len, config,
                            Mode::stream);
}

std::int32_t moq_publish_binary_stream_append(std::uint32_t stream, const std::uint8_t* payload,
                                              std::uintptr_t payload_len) {
  return moq::capi::write(tables().binary_streams, stream, payload, payload_len);
}

std::int32_t moq_publish_binary_stream_finish(std::uint32_t stream) {
  return moq::capi::finish(tables().binary_streams, stream);
}
