// What a session can send, shared among tracks.
#include "moq/net/bandwidth.h"

#include "moq/capi/internal/broadcast.h"
#include "moq/capi/internal/encoders.h"
#include "moq/capi/internal/library.h"
#include "moq/capi/internal/session.h"

namespace moq::capi {

net::Bandwidth SessionTask::bandwidth(const std::shared_ptr<SessionTask>& session) {
  const std::lock_guard lock(session->mutex_);
  if (!session->bandwidth_) {
    // An allocator may outlive its session, and then knows nothing.
    session->bandwidth_.emplace([weak = std::weak_ptr(session)]() -> std::optional<std::uint64_t> {
      const auto alive = weak.lock();
      const auto stats = alive ? alive->stats() : std::nullopt;
      return stats ? stats->transport.send_rate_bps : std::nullopt;
    });
  }
  return *session->bandwidth_;
}

std::shared_ptr<net::Reservation> reserve(const net::Bandwidth* bandwidth,
                                          const net::track::Producer& track,
                                          std::uint64_t bitrate) {
  if (bandwidth == nullptr) return nullptr;
  return std::make_shared<net::Reservation>(bandwidth->reserve(track, bitrate));
}

std::int32_t add_view(Call& call, const std::shared_ptr<net::Reservation>& reservation) {
  if (!call.ok() || !reservation) return call.status();
  return call.add(tables().reservations, reservation);
}

}  // namespace moq::capi

using moq::capi::Call;
using moq::capi::tables;

std::int32_t moq_session_bandwidth(std::uint32_t session) {
  Call call;
  call.handle(session);
  const auto task = call.find(tables().sessions, session);
  if (!call.ok()) return call.status();
  return call.add(tables().bandwidths,
                  std::make_shared<moq::net::Bandwidth>(moq::capi::SessionTask::bandwidth(task)));
}

std::int32_t moq_bandwidth_close(std::uint32_t bandwidth) {
  return release(tables().bandwidths, bandwidth);
}

std::int32_t moq_bandwidth_reserve(std::uint32_t bandwidth, std::uint32_t track,
                                   std::uint64_t max_bps) {
  Call call;
  call.handle(bandwidth);
  call.handle(track);
  const auto sender = call.find(tables().tracks, track);
  const auto allocator = call.find(tables().bandwidths, bandwidth);
  if (!call.ok()) return call.status();
  auto reserved = sender->producer.with([&](moq::net::track::Producer& producer) {
    return std::make_shared<moq::net::Reservation>(allocator->reserve(producer, max_bps));
  });
  if (!reserved) return call.ended(tables().tracks);
  return call.add(tables().reservations, *std::move(reserved));
}

std::int32_t moq_reservation_grant(std::uint32_t reservation, std::uint64_t* bps, bool* present) {
  Call call;
  call.handle(reservation);
  call.pointer("bps", bps);
  call.pointer("present", present);
  const auto found = call.find(tables().reservations, reservation);
  if (!call.ok()) return call.status();
  const auto grant = found->grant();
  *bps = grant.value_or(0);
  *present = grant.has_value();
  return 0;
}

std::int32_t moq_reservation_update(std::uint32_t reservation, std::uint64_t max_bps) {
  Call call;
  call.handle(reservation);
  const auto found = call.find(tables().reservations, reservation);
  if (!call.ok()) return call.status();
  found->set_max(max_bps);
  return 0;
}

std::int32_t moq_reservation_close(std::uint32_t reservation) {
  return release(tables().reservations, reservation);
}
