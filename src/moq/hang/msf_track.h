#pragma once

#include <optional>

#include "moq/hang/msf_catalog.h"
#include "moq/hang/newest_group.h"

namespace moq::hang::msf {

/// Reads an MSF catalog track: always the newest catalog, not each one.
class Consumer {
 public:
  explicit Consumer(net::track::Consumer track) : groups_(std::move(track)) {}

  /// The catalog, once it was published again; none after the end of the track. One that does not
  /// decode is an error, after which the next one counts; an error of the track stays.
  kio::Poll<Result<std::optional<Catalog>>> poll_next(const kio::Waiter& waiter);

 private:
  NewestGroup groups_;
  Decoder decoder_;
};

}  // namespace moq::hang::msf
