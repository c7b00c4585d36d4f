#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "moq/capi/internal/broadcast.h"
#include "moq/capi/internal/library.h"
#include "moq/hang/binary_track.h"
#include "moq/hang/snapshot_track.h"
#include "moq/hang/stream_track.h"

namespace moq::capi {

/// What writes a track of JSON values or binary payloads. Its frames are stamped with the
/// milliseconds since it began.
template <typename Producer>
class DataTrack {
 public:
  explicit DataTrack(Producer made)
      : producer_(std::move(made)), start_(Library::get().clock().now()) {}

  /// Runs `write(Producer&, timestamp)`, the end of a call. `family` is where the handle is from;
  /// an error that has no code of its own is `fallback`.
  template <typename Object, typename Write>
  std::int32_t write(Call& call, const Table<Object>& family, std::int32_t fallback,
                     Write&& write) {
    const std::optional<Result<void>> done = producer_.with([&](Producer& producer) {
      const Duration age = Library::get().clock().now() - start_;
      return write(producer, static_cast<std::uint64_t>(to_ms(age)));
    });
    if (!done) return call.ended(family);
    return call.finish(*done, fallback);
  }
  void finish() {
    if (auto producer = producer_.take()) std::move(*producer).finish();
  }

 private:
  Guarded<Producer> producer_;
  const TimePoint start_;
};

/// The objects of the handles of producers, a family each.
class JsonSnapshot : public DataTrack<hang::snapshot::Producer> {
 public:
  using DataTrack::DataTrack;
};
class JsonStream : public DataTrack<hang::stream::Producer> {
 public:
  using DataTrack::DataTrack;
};
/// Is in the catalog until `finish()`.
class BinaryTrack : public DataTrack<hang::binary::Producer> {
 public:
  BinaryTrack(hang::binary::Producer made, hang::SharedCatalog catalog, std::string name)
      : DataTrack(std::move(made)), catalog_(std::move(catalog)), name_(std::move(name)) {}
  void finish();

 private:
  hang::SharedCatalog catalog_;
  const std::string name_;
};

/// The functions that end a producer.
template <typename Object>
std::int32_t finish(Table<Object>& family, std::uint32_t handle) {
  Call call;
  call.handle(handle);
  if (const auto found = call.take(family, handle)) found->finish();
  return call.status();
}

/// A value that was read.
struct JsonValue {
  std::string text;
};

/// A new track of `broadcast`; none, and a failure, if there is one of that name.
std::optional<net::track::Producer> make_data_track(Call& call, std::uint32_t broadcast,
                                                    std::string_view name, std::uint8_t priority);

}  // namespace moq::capi
