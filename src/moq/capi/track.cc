#include "moq/capi/internal/broadcast.h"
#include "moq/capi/internal/library.h"
#include "moq/capi/internal/track_info.h"
#include "moq/hang/container.h"

namespace moq::capi {
namespace {

/// A timescale is below 2^62, as all numbers on the wire.
constexpr std::uint64_t kTimescaleEnd = std::uint64_t{1} << 62;
/// Larger ones have no name in the protocols; datagrams of a path are much smaller.
constexpr std::size_t kMaxDatagramBytes = 65'535;

net::track::Info default_info() {
  net::track::Info out;
  out.priority = 0;
  out.timescale = kMicroseconds;
  return out;
}

std::optional<net::track::Info> checked(Call& call, const net::track::Info& info) {
  if (info.timescale != 0 && info.timescale < kTimescaleEnd) return info;
  call.fail(MOQ_ERROR_TIMESTAMP_OVERFLOW,
            "the timescale, " + std::to_string(info.timescale) + ", is not from 1 to below 2^62");
  return std::nullopt;
}

/// A frame as the net layer takes it.
struct Frame {
  std::uint64_t timestamp = 0;  ///< In the track's timescale.
  Bytes payload;
};

/// Copies the payload, once and for all.
Result<Frame> make_frame(std::uint64_t timescale, ByteSpan payload, std::uint64_t timestamp_us) {
  const auto timestamp = hang::rescale(timestamp_us, kMicroseconds, timescale);
  if (!timestamp) return fail(Code::invalid_argument, "the timestamp is too large for the track");
  if (payload.size() > net::kMaxFrameBytes) {
    return fail(Code::frame_too_large, std::to_string(payload.size()) + " bytes, at most " +
                                           std::to_string(net::kMaxFrameBytes));
  }
  return Frame{*timestamp, Bytes::copy(payload)};
}

/// Runs `use` with the handle that `object` guards. What was finished by another thread meanwhile
/// is as unknown as if it had been before.
template <typename T, typename Object, typename Use>
std::int32_t use(Call& call, const Table<Object>& table, Object& object, Guarded<T> Object::* guard,
                 Use&& use) {
  const std::optional<Result<void>> done = (object.*guard).with(std::forward<Use>(use));
  if (done) return call.finish(*done);
  return call.ended(table);
}

std::int32_t add_group(Call& call, std::uint32_t track, std::optional<std::uint64_t> sequence) {
  call.handle(track);
  const auto found = call.find(tables().tracks, track);
  if (!call.ok()) return call.status();
  std::shared_ptr<Group> group;
  use(call, tables().tracks, *found, &Track::producer,
      [&](net::track::Producer& producer) -> Result<void> {
        MOQ_TRY(auto made, sequence ? producer.create_group(*sequence) : producer.append_group());
        group = std::make_shared<Group>(std::move(made), found->timescale);
        return {};
      });
  return call.add(tables().groups, std::move(group));
}

/// Takes a handle for a call that ends what it names.
template <typename Object, typename T>
std::optional<T> take(Call& call, Table<Object>& table, std::uint32_t handle,
                      Guarded<T> Object::* guard) {
  call.handle(handle);
  const auto found = call.take(table, handle);
  if (!call.ok()) return std::nullopt;
  return ((*found).*guard).take();
}

}  // namespace

std::optional<net::track::Info> read_info(Call& call, const moq_track_info* info) {
  net::track::Info out = default_info();
  if (info == nullptr) return out;
  out.priority = info->priority;
  if (info->latency_max_valid) out.max_age = from_ms(info->latency_max_ms);
  if (info->timescale_valid) out.timescale = info->timescale;
  return checked(call, out);
}

std::optional<net::track::Info> read_info(Call& call, const moq_track_info_v2* info) {
  net::track::Info out = default_info();
  if (info == nullptr) return out;
  out.priority = info->priority;
  if (info->max_age_present) out.max_age = from_ms(info->max_age_us / 1000);
  if (info->timescale_present) out.timescale = info->timescale;
  return checked(call, out);
}

}  // namespace moq::capi

using moq::capi::Call;
using moq::capi::Group;
using moq::capi::tables;
using moq::capi::Track;
using Nothing = moq::Result<void>;

std::int32_t moq_publish_track(std::uint32_t broadcast, const char* name, std::uintptr_t name_len,
                               const moq_track_info* info) {
  Call call;
  call.handle(broadcast);
  const std::string_view title = call.text("name", name, name_len);
  const auto wanted = moq::capi::read_info(call, info);
  const auto found = call.find(tables().broadcasts, broadcast);
  if (!call.ok()) return call.status();
  std::shared_ptr<Track> track;
  moq::capi::use(call, tables().broadcasts, *found, &moq::capi::Broadcast::producer,
                 [&](moq::net::broadcast::Producer& producer) -> Nothing {
                   MOQ_TRY(auto made, producer.create_track(title, *wanted));
                   track = std::make_shared<Track>(std::move(made), wanted->timescale);
                   return {};
                 });
  return call.add(tables().tracks, std::move(track));
}

std::int32_t moq_publish_track_group(std::uint32_t track) {
  Call call;
  return moq::capi::add_group(call, track, std::nullopt);
}

std::int32_t moq_publish_track_group_at(std::uint32_t track, std::uint64_t sequence) {
  Call call;
  return moq::capi::add_group(call, track, sequence);
}

std::int32_t moq_publish_track_frame(std::uint32_t track, const std::uint8_t* payload,
                                     std::uintptr_t payload_size, std::uint64_t timestamp_us) {
  Call call;
  call.handle(track);
  const moq::ByteSpan data = call.bytes("payload", payload, payload_size);
  call.timestamp(timestamp_us);
  const auto found = call.find(tables().tracks, track);
  if (!call.ok()) return call.status();
  auto frame = moq::capi::make_frame(found->timescale, data, timestamp_us);
  if (!frame) return call.finish(std::unexpected(frame.error()));
  return moq::capi::use(call, tables().tracks, *found, &Track::producer,
                        [&](moq::net::track::Producer& producer) {
                          return producer.write_frame(frame->timestamp, std::move(frame->payload));
                        });
}

std::int32_t moq_publish_track_datagram(std::uint32_t track, const std::uint8_t* payload,
                                        std::uintptr_t payload_size, std::uint64_t timestamp_us,
                                        std::uint64_t* out_sequence) {
  Call call;
  call.handle(track);
  const moq::ByteSpan data = call.bytes("payload", payload, payload_size);
  call.timestamp(timestamp_us);
  const auto found = call.find(tables().tracks, track);
  if (!call.ok()) return call.status();
  if (data.size() > moq::capi::kMaxDatagramBytes) {
    return call.fail(MOQ_ERROR_MOQ, "a datagram of " + std::to_string(data.size()) + " bytes");
  }
  auto frame = moq::capi::make_frame(found->timescale, data, timestamp_us);
  if (!frame) return call.finish(std::unexpected(frame.error()));
  return moq::capi::use(
      call, tables().tracks, *found, &Track::producer,
      [&](moq::net::track::Producer& producer) -> Nothing {
        MOQ_TRY(const std::uint64_t sequence,
                producer.append_datagram(frame->timestamp, std::move(frame->payload)));
        if (out_sequence != nullptr) *out_sequence = sequence;
        return {};
      });
}

std::int32_t moq_publish_track_finish(std::uint32_t track) {
  Call call;
  if (auto producer = moq::capi::take(call, tables().tracks, track, &Track::producer)) {
    std::move(*producer).finish();
  }
  return call.status();
}

std::int32_t moq_publish_track_close(std::uint32_t track) {
  return moq_publish_track_finish(track);
}

std::int32_t moq_publish_track_finish_at(std::uint32_t track, std::uint64_t final_sequence) {
  Call call;
  call.handle(track);
  const auto found = call.find(tables().tracks, track);
  if (!call.ok()) return call.status();
  return moq::capi::use(
      call, tables().tracks, *found, &Track::producer,
      [&](moq::net::track::Producer& producer) { return producer.finish_at(final_sequence); });
}

std::int32_t moq_publish_track_abort(std::uint32_t track, std::uint16_t error_code) {
  Call call;
  if (auto producer = moq::capi::take(call, tables().tracks, track, &Track::producer)) {
    std::move(*producer).abort(moq::capi::application_error(error_code));
  }
  return call.status();
}

std::int32_t moq_publish_group_frame(std::uint32_t group, const std::uint8_t* payload,
                                     std::uintptr_t payload_size, std::uint64_t timestamp_us) {
  Call call;
  call.handle(group);
  const moq::ByteSpan data = call.bytes("payload", payload, payload_size);
  call.timestamp(timestamp_us);
  const auto found = call.find(tables().groups, group);
  if (!call.ok()) return call.status();
  auto frame = moq::capi::make_frame(found->timescale, data, timestamp_us);
  if (!frame) return call.finish(std::unexpected(frame.error()));
  return moq::capi::use(call, tables().groups, *found, &Group::producer,
                        [&](moq::net::group::Producer& producer) {
                          return producer.write_frame(frame->timestamp, std::move(frame->payload));
                        });
}

std::int32_t moq_publish_group_finish(std::uint32_t group) {
  Call call;
  if (auto producer = moq::capi::take(call, tables().groups, group, &Group::producer)) {
    std::move(*producer).finish();
  }
  return call.status();
}

std::int32_t moq_publish_group_close(std::uint32_t group) {
  return moq_publish_group_finish(group);
}

std::int32_t moq_publish_group_abort(std::uint32_t group, std::uint16_t error_code) {
  Call call;
  if (auto producer = moq::capi::take(call, tables().groups, group, &Group::producer)) {
    std::move(*producer).abort(moq::capi::application_error(error_code));
  }
  return call.status();
}
