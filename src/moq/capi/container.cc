#include "moq/capi/internal/library.h"
#include "moq/capi/internal/media.h"

namespace moq::capi {
namespace {

using Format = mux::Importer::Format;

std::optional<Format> to_container(std::uint32_t format) {
  switch (format) {
    case MOQ_CONTAINER_FORMAT_FMP4:
      return Format::fmp4;
    case MOQ_CONTAINER_FORMAT_MKV:
      return Format::mkv;
    case MOQ_CONTAINER_FORMAT_TS:
      return Format::ts;
    case MOQ_CONTAINER_FORMAT_FLV:
      return Format::flv;
    default:
      return std::nullopt;
  }
}

/// Runs `use(mux::Importer&)`, which returns a result, with what is behind a handle.
template <typename Use>
std::int32_t use_container(Call& call, std::uint32_t container, Use&& use) {
  const auto found = call.find(tables().containers, container);
  if (!call.ok()) return call.status();
  const std::optional<Result<void>> done = found->importer.with(std::forward<Use>(use));
  return done ? call.finish(*done, MOQ_ERROR_MUX) : call.ended(tables().containers);
}

}  // namespace
}  // namespace moq::capi

using moq::capi::Call;
using moq::capi::tables;
using moq::mux::Importer;
using Nothing = moq::Result<void>;

std::int32_t moq_publish_container(std::uint32_t broadcast, const moq_container_init* config) {
  Call call;
  call.handle(broadcast);
  call.pointer("config", config);
  if (!call.ok()) return call.status();
  const auto format = moq::capi::to_container(config->format);
  if (!format) {
    return call.fail(MOQ_ERROR_INVALID_CODE,
                     "unknown container format " + std::to_string(config->format));
  }
  const moq::ByteSpan head = call.bytes("init", config->init, config->init_len);
  auto found = call.find(tables().broadcasts, broadcast);
  if (!call.ok()) return call.status();
  auto opened = moq::capi::open_container(*found, {.format = *format}, head);
  if (!opened) return call.fail(moq::capi::Failure(opened.error(), MOQ_ERROR_MUX));
  return call.add(tables().containers, std::make_shared<moq::capi::ContainerImport>(
                                           std::move(found), *std::move(opened)));
}

std::int32_t moq_publish_container_write(std::uint32_t container, const std::uint8_t* payload,
                                         std::uintptr_t payload_size) {
  Call call;
  call.handle(container);
  const moq::ByteSpan data = call.bytes("payload", payload, payload_size);
  return moq::capi::use_container(
      call, container, [&](Importer& importer) { return importer.push(moq::Bytes::copy(data)); });
}

std::int32_t moq_publish_container_cut(std::uint32_t container) {
  Call call;
  call.handle(container);
  return moq::capi::use_container(call, container, [](Importer& importer) {
    importer.cut();
    return Nothing();
  });
}

std::int32_t moq_publish_container_seek(std::uint32_t container, std::uint64_t sequence) {
  Call call;
  call.handle(container);
  return moq::capi::use_container(call, container,
                                  [&](Importer& importer) { return importer.seek(sequence); });
}

std::int32_t moq_publish_container_finish(std::uint32_t container) {
  Call call;
  call.handle(container);
  const auto found = call.take(tables().containers, container);
  if (!call.ok()) return call.status();
  auto importer = found->importer.take();
  return importer ? call.finish(std::move(*importer).finish(), MOQ_ERROR_MUX)
                  : call.ended(tables().containers);
}
