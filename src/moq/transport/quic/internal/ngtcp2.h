#pragma once

#include <netinet/in.h>
#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "moq/base/random.h"
#include "moq/base/time.h"
#include "moq/transport/datagram_socket.h"

/// Conversions between our types and ngtcp2's.
namespace moq::transport::quic::internal {

inline ngtcp2_tstamp to_timestamp(TimePoint time) {
  return static_cast<ngtcp2_tstamp>(time.time_since_epoch().count());
}
/// `UINT64_MAX`, never, becomes the latest time point.
inline TimePoint from_timestamp(ngtcp2_tstamp time) {
  return time > static_cast<ngtcp2_tstamp>(INT64_MAX)
             ? TimePoint::max()
             : TimePoint(Duration(static_cast<std::int64_t>(time)));
}
inline ngtcp2_duration to_duration(Duration duration) {
  return static_cast<ngtcp2_duration>(std::max<std::int64_t>(duration.count(), 0));
}

inline ngtcp2_socklen to_sockaddr(const SocketAddress& from, ngtcp2_sockaddr_union& to) {
  std::memset(&to, 0, sizeof to);
  if (from.v6) {
    to.in6.sin6_family = AF_INET6;
    to.in6.sin6_port = htons(from.port);
    to.in6.sin6_scope_id = from.scope;
    std::memcpy(&to.in6.sin6_addr, from.ip.data(), 16);
    return sizeof to.in6;
  }
  to.in.sin_family = AF_INET;
  to.in.sin_port = htons(from.port);
  std::memcpy(&to.in.sin_addr, from.ip.data(), 4);
  return sizeof to.in;
}

inline SocketAddress from_sockaddr(const ngtcp2_addr& from) {
  SocketAddress to;
  if (from.addr->sa_family == AF_INET6) {
    ngtcp2_sockaddr_in6 in6;
    std::memcpy(&in6, from.addr, sizeof in6);
    to.v6 = true;
    to.port = ntohs(in6.sin6_port);
    to.scope = in6.sin6_scope_id;
    std::memcpy(to.ip.data(), &in6.sin6_addr, 16);
  } else {
    ngtcp2_sockaddr_in in;
    std::memcpy(&in, from.addr, sizeof in);
    to.port = ntohs(in.sin_port);
    std::memcpy(to.ip.data(), &in.sin_addr, 4);
  }
  return to;
}

/// A pair of addresses in the form ngtcp2 takes.
class Path {
 public:
  /// Empty, for ngtcp2 to fill in.
  Path() { ngtcp2_path_storage_zero(&storage_); }
  Path(const SocketAddress& local, const SocketAddress& remote) : Path() {
    storage_.path.local.addrlen = to_sockaddr(local, storage_.local_addrbuf);
    storage_.path.remote.addrlen = to_sockaddr(remote, storage_.remote_addrbuf);
  }
  Path(const Path&) = delete;
  Path& operator=(const Path&) = delete;
  ngtcp2_path* get() { return &storage_.path; }

 private:
  ngtcp2_path_storage storage_;
};

inline void fill_random(Random& random, std::uint8_t* out, std::size_t size) {
  for (std::size_t at = 0; at < size; at += 8) {
    const std::uint64_t value = random.next();
    std::memcpy(out + at, &value, std::min<std::size_t>(8, size - at));
  }
}

struct ConnDeleter {
  void operator()(ngtcp2_conn* conn) const { ngtcp2_conn_del(conn); }
};
using ConnPtr = std::unique_ptr<ngtcp2_conn, ConnDeleter>;

/// Length of the connection ids that we choose: room for 2^32 connections without a clash that
/// anybody would see, and still one machine word.
inline constexpr std::size_t kConnectionIdBytes = 8;
using ConnectionId = std::uint64_t;

inline ConnectionId to_connection_id(const std::uint8_t* bytes) {
  ConnectionId id;
  std::memcpy(&id, bytes, sizeof id);
  return id;
}

}  // namespace moq::transport::quic::internal
