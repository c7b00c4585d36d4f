#pragma once

#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "moq/capi/internal/origin.h"
#include "moq/capi/internal/task.h"
#include "moq/hang/catalog.h"

namespace moq::capi {

/// One state of a broadcast's catalog, with where it came from.
struct CatalogSnapshot {
  std::shared_ptr<const BroadcastConsumer> source;
  hang::Catalog catalog;
};

struct MediaFrame {
  Bytes payload;
  std::uint64_t timestamp_us = 0;
  bool keyframe = false;
};

struct RawFrame {
  Bytes payload;
  std::optional<std::uint64_t> timestamp_us;  ///< None if it passes 64 bits.
};

struct Datagram {
  std::uint64_t sequence = 0;
  RawFrame frame;
};

/// The task that reads a raw track; what it wants can be changed meanwhile.
class TrackTask : public Task {
 public:
  using Task::Task;

  /// From any thread.
  void update(const net::track::Subscription& wanted);
  /// The next change. On the library's thread.
  kio::Poll<net::track::Subscription> poll_update(const kio::Waiter& waiter);

 private:
  struct Wanted {
    std::uint64_t version = 0;
    net::track::Subscription subscription;
  };
  kio::Shared<Wanted> wanted_{Wanted{}};
  std::uint64_t seen_ = 0;
};

/// The `index`-th entry of a map; null, and a failure, if there are fewer.
template <typename Map>
const typename Map::value_type* entry_at(Call& call, const Map& map, std::uint32_t index) {
  if (!call.ok()) return nullptr;
  if (index < map.size()) return &*std::next(map.begin(), index);
  call.fail(MOQ_ERROR_NO_INDEX, "there are " + std::to_string(map.size()) + ", no number " +
                                    std::to_string(index) + " from 0 on");
  return nullptr;
}

}  // namespace moq::capi
