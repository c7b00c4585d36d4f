#include "moq/io/udp_socket.h"

#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "moq/io/internal/control_message.h"
#include "moq/io/internal/os.h"

namespace moq::io {

using kio::kPending;
using kio::Poll;
using kio::Unit;
using kio::Waiter;
using transport::ReceivedBatch;
using transport::SendBatch;
using transport::SocketAddress;

namespace {

/// Messages per sendmmsg: a turn's output of a relay with many peers, in a few kilobytes.
constexpr std::size_t kSendMessages = 32;
/// Messages per recvmmsg. Each may be a full GRO batch, so this is half a megabyte per socket, of
/// which only the pages that are used exist.
constexpr std::size_t kReceiveMessages = 8;
constexpr std::size_t kReceiveBytes = 65536;
/// Asked of the kernel for each direction: 100 ms at 300 Mbit/s. It may grant less.
constexpr int kKernelBufferBytes = 4 * 1024 * 1024;
/// A refusal of an earlier packet fails the next send; one retry sends that one after all.
constexpr int kRefusalRetries = 3;

}  // namespace

struct UdpSocket::SendBuffers {
  std::array<mmsghdr, kSendMessages> messages;
  std::array<iovec, kSendMessages> pieces;
  std::array<internal::OsAddress, kSendMessages> names;
  std::array<internal::ControlBuffer, kSendMessages> control;
  std::array<Cursor, kSendMessages> ends;  ///< Where the next message begins.
};

struct UdpSocket::ReceiveBuffers {
  std::array<mmsghdr, kReceiveMessages> messages;
  std::array<iovec, kReceiveMessages> pieces;
  std::array<sockaddr_storage, kReceiveMessages> names;
  std::array<internal::ControlBuffer, kReceiveMessages> control;
  std::array<ReceivedBatch, kReceiveMessages> batches;
  // Left uninitialised, so that pages which are never used never exist.
  std::unique_ptr<std::uint8_t[]> data =
      std::make_unique_for_overwrite<std::uint8_t[]>(kReceiveMessages * kReceiveBytes);
};

UdpSocket::UdpSocket(std::unique_ptr<FdWatch> watch, bool v6, bool connected)
    : watch_(std::move(watch)),
      v6_(v6),
      connected_(connected),
      local_(internal::local_address_of(watch_->fd())),
      out_(std::make_unique<SendBuffers>()),
      in_(std::make_unique<ReceiveBuffers>()) {}

UdpSocket::~UdpSocket() = default;

namespace {

/// May another socket be bound to the same address?
enum class Sharing : std::uint8_t {
  none,
  when_bound,  ///< Only with those that share always, which were there before.
  always,
  group,  ///< As `when_bound`, and with the rest of a group of ours.
};

/// Bound to `local`, connected to `remote`, or both.
Result<Fd> open(const std::optional<SocketAddress>& local,
                const std::optional<SocketAddress>& remote, Sharing sharing) {
  const SocketAddress& address = local ? *local : *remote;
  MOQ_TRY(const int number, internal::open_socket(address, SOCK_DGRAM));
  Fd fd(number);
  if (address.v6) internal::set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (local) {
    const internal::OsAddress os = internal::to_os(*local, false);
    // Linux lets two UDP sockets have one address if both say so at that time; a connected one gets
    // what its peer sends.
    if (sharing != Sharing::none) internal::set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    if (sharing == Sharing::group) internal::set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1);
    if (::bind(fd.get(), os.get(), os.size) != 0) {
      return std::unexpected(internal::os_error(errno, "bind to " + local->to_string()));
    }
  }
  if (sharing == Sharing::when_bound || sharing == Sharing::group) {
    internal::set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 0);
  }
  if (remote) {
    const internal::OsAddress os = internal::to_os(*remote, false);
    if (::connect(fd.get(), os.get(), os.size) != 0) {
      return std::unexpected(internal::os_error(errno, "connect to " + remote->to_string()));
    }
  }
  return fd;
}

/// Has the system give packets with a short header to the socket that the first byte of their
/// connection id names, of a group of `count`, and the others to one by a hash of both addresses.
bool steer_by_connection_id(int fd, std::size_t count) {
  constexpr std::uint32_t kLongHeader = 0x80;
  // No socket has this index, so the system falls back on its hash.
  constexpr std::uint32_t kByHash = UINT32_MAX;
  // The packet begins behind the UDP header. What is too short to be loaded from gets index 0.
  std::array<sock_filter, 6> program = {{
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, kLongHeader, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, kByHash),
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 1),
      BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, static_cast<std::uint32_t>(count)),
      BPF_STMT(BPF_RET | BPF_A, 0),
  }};
  const sock_fprog filter{.len = program.size(), .filter = program.data()};
  return ::setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &filter, sizeof filter) == 0;
}

}  // namespace

Result<BoundUdp> BoundUdp::bind(const SocketAddress& local) {
  MOQ_TRY(Fd fd, open(local, std::nullopt, Sharing::when_bound));
  return BoundUdp(std::move(fd), local.v6);
}

Result<std::vector<BoundUdp>> BoundUdp::bind_group(const SocketAddress& local, std::size_t count) {
  if (count == 0 || count > kMaxGroupSockets) {
    return fail(Code::bad_config,
                "a group of sockets has 1 to " + std::to_string(kMaxGroupSockets) + " members");
  }
  std::vector<BoundUdp> group;
  // The first is bound alone, so that an address in use, by another group too, is told as such.
  MOQ_TRY(BoundUdp first, bind(local));
  SocketAddress address = local;
  address.port = first.local_address().port;
  internal::set_option(first.fd_.get(), SOL_SOCKET, SO_REUSEPORT, 1);
  group.push_back(std::move(first));
  while (group.size() < count) {
    MOQ_TRY(Fd fd, open(address, std::nullopt, Sharing::group));
    group.push_back(BoundUdp(std::move(fd), local.v6));
  }
  if (count > 1 && !steer_by_connection_id(group.front().fd_.get(), count)) {
    return std::unexpected(internal::os_error(errno, "steering packets by connection id"));
  }
  return group;
}

SocketAddress BoundUdp::local_address() const { return internal::local_address_of(fd_.get()); }

Result<std::unique_ptr<UdpSocket>> UdpSocket::bind(Loop& loop, const SocketAddress& local) {
  MOQ_TRY(BoundUdp bound, BoundUdp::bind(local));
  return adopt(loop, std::move(bound));
}

Result<std::unique_ptr<UdpSocket>> UdpSocket::adopt(Loop& loop, BoundUdp bound) {
  return watch(loop, std::move(bound.fd_), bound.v6_, false);
}

Result<std::unique_ptr<UdpSocket>> UdpSocket::connect(Loop& loop, const SocketAddress& remote,
                                                      const std::optional<SocketAddress>& local) {
  std::optional<SocketAddress> from = local;
  if (local && local->v6 != remote.v6) {
    // Any address has its like in the other family; a certain one has not.
    if (!local->is_unspecified()) {
      return fail(Code::unreachable,
                  remote.to_string() + " is not to be reached from " + local->to_string());
    }
    from = SocketAddress{.v6 = remote.v6, .port = local->port};
  }
  MOQ_TRY(Fd fd, open(from, remote, Sharing::none));
  return watch(loop, std::move(fd), remote.v6, true);
}

Result<std::unique_ptr<UdpSocket>> UdpSocket::split(Loop& loop, UdpSocket& bound,
                                                    const SocketAddress& local,
                                                    const SocketAddress& remote) {
  // Only for the moment: nobody else is to take the address while it is in use.
  internal::set_option(bound.watch_->fd(), SOL_SOCKET, SO_REUSEADDR, 1);
  auto fd = open(local, remote, Sharing::always);
  internal::set_option(bound.watch_->fd(), SOL_SOCKET, SO_REUSEADDR, 0);
  if (!fd) return std::unexpected(fd.error());
  return watch(loop, *std::move(fd), remote.v6, true);
}

Result<std::unique_ptr<UdpSocket>> UdpSocket::watch(Loop& loop, Fd fd, bool v6, bool connected) {
  MOQ_TRY(std::unique_ptr<FdWatch> watch, FdWatch::create(loop, std::move(fd)));
  std::unique_ptr<UdpSocket> socket(new UdpSocket(std::move(watch), v6, connected));
  socket->set_options();
  if (!loop.uses_segmentation()) socket->disable_segmentation();
  return socket;
}

// None of these is essential: without one the socket is slower or tells less.
void UdpSocket::set_options() {
  const int fd = watch_->fd();
  using internal::set_option;
  set_option(fd, SOL_SOCKET, SO_RCVBUF, kKernelBufferBytes);
  set_option(fd, SOL_SOCKET, SO_SNDBUF, kKernelBufferBytes);
  set_option(fd, SOL_UDP, UDP_GRO, 1);
  if (v6_) {
    set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    set_option(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
    set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
  } else {
    set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
  }
  // Those of IPv4 matter to a dual-stack socket too. PROBE: packets leave with "don't fragment" and
  // whatever size QUIC chose, which finds the path's limit by itself (RFC 8899).
  set_option(fd, IPPROTO_IP, IP_RECVTOS, 1);
  set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
}

std::size_t UdpSocket::send(std::span<const SendBatch> batches) {
  Cursor at;
  int refusals = 0;
  while (at.batch < batches.size()) {
    const std::size_t count = fill_messages(batches, at);
    ++counts_.send_calls;
    const int sent =
        ::sendmmsg(watch_->fd(), out_->messages.data(), static_cast<unsigned>(count), 0);
    if (sent > 0) {
      at = out_->ends[static_cast<std::size_t>(sent) - 1];
      continue;
    }
    const Outcome outcome = send_failed(errno, batches[at.batch], 0);
    if (outcome == Outcome::full) {
      watch_->clear_writable();
      return at.batch + (at.offset > 0 ? 1 : 0);
    }
    if (outcome == Outcome::sent || ++refusals > kRefusalRetries) at = out_->ends[0];
  }
  return batches.size();
}

// Fills the message slots from `from` on; returns how many.
std::size_t UdpSocket::fill_messages(std::span<const SendBatch> batches, Cursor from) {
  std::size_t slot = 0;
  for (; slot < kSendMessages && from.batch < batches.size(); ++slot) {
    const SendBatch& batch = batches[from.batch];
    const std::size_t segment = batch.segment_size == 0 ? batch.data.size() : batch.segment_size;
    std::size_t limit = segment;
    if (segmentation_ && segment > 0) {
      limit = segment * std::clamp<std::size_t>(kMaxBatchBytes / segment, 1, kMaxSegments);
    }
    const std::size_t size = std::min(limit, batch.data.size() - from.offset);
    fill_message(batch, from.offset, size, slot);
    from.offset += size;
    if (from.offset == batch.data.size()) from = {.batch = from.batch + 1, .offset = 0};
    out_->ends[slot] = from;
  }
  return slot;
}

void UdpSocket::fill_message(const SendBatch& batch, std::size_t offset, std::size_t size,
                             std::size_t slot) {
  // sendmsg only reads; its interface knows no const.
  out_->pieces[slot] = {.iov_base = const_cast<std::uint8_t*>(batch.data.data()) + offset,
                        .iov_len = size};
  msghdr& header = out_->messages[slot].msg_hdr;
  header = {};
  header.msg_iov = &out_->pieces[slot];
  header.msg_iovlen = 1;
  if (!connected_) {
    internal::OsAddress& name = out_->names[slot] = internal::to_os(batch.to, v6_);
    header.msg_name = &name.storage;
    header.msg_namelen = name.size;
  }
  const bool to_ip4 = connected_ ? !local_.v6 : !batch.to.v6;
  internal::ControlWriter control(out_->control[slot]);
  if (batch.segment_size > 0 && size > batch.segment_size) control.segment_size(batch.segment_size);
  if (batch.ecn != 0) control.ecn(batch.ecn, to_ip4);
  if (!connected_ && !batch.from.is_unspecified()) control.source(batch.from, v6_);
  control.finish(header);
}

// What to do with the first message after the system refused it.
UdpSocket::Outcome UdpSocket::send_failed(int error, const SendBatch& batch, std::size_t slot) {
  const bool segmented = out_->pieces[slot].iov_len > batch.segment_size && batch.segment_size > 0;
  switch (error) {
    case EINTR:
      return Outcome::retry;
    case EAGAIN:
      return Outcome::full;
    case ECONNREFUSED:
      // The answer to an earlier packet; the reader is told.
      refused_ = true;
      watch_->force_readable();
      return Outcome::retry;
    case EIO:
    case EINVAL:
      if (segmented) {
        const Outcome outcome = send_one_by_one(batch, slot);
        if (error == EIO) segmentation_ = false;
        return outcome;
      }
      break;
    default:
      break;
  }
  ++counts_.refused_by_system;
  return Outcome::sent;
}

// EINVAL may mean that the kernel or device lacks GSO, or that a segment exceeds the MTU: only if
// the segments pass one by one, GSO was the matter, and is not tried again.
UdpSocket::Outcome UdpSocket::send_one_by_one(const SendBatch& batch, std::size_t slot) {
  const auto* start = static_cast<const std::uint8_t*>(out_->pieces[slot].iov_base);
  const std::size_t first = static_cast<std::size_t>(start - batch.data.data());
  const std::size_t size = out_->pieces[slot].iov_len;
  bool all = true;
  for (std::size_t at = 0; at < size; at += batch.segment_size) {
    fill_message(batch, first + at, std::min(batch.segment_size, size - at), slot);
    ++counts_.send_calls;
    if (::sendmsg(watch_->fd(), &out_->messages[slot].msg_hdr, 0) >= 0) continue;
    if (errno == EAGAIN && at == 0) return Outcome::full;
    all = false;
  }
  if (all) {
    segmentation_ = false;
  } else {
    ++counts_.refused_by_system;
  }
  return Outcome::sent;
}

Poll<Unit> UdpSocket::poll_writable(const Waiter& waiter) { return watch_->poll_writable(waiter); }

Poll<Result<std::span<const ReceivedBatch>>> UdpSocket::poll_receive(const Waiter& waiter) {
  using Batches = Result<std::span<const ReceivedBatch>>;
  for (;;) {
    if (std::exchange(refused_, false)) return Batches(fail(Code::refused, "port unreachable"));
    if (!watch_->poll_readable(waiter)) return kPending;
    const int count = receive();
    if (count > 0) {
      const auto received = static_cast<std::size_t>(count);
      if (received < kReceiveMessages) watch_->clear_readable();
      describe_received(count);
      return Batches(std::span(in_->batches).first(received));
    }
    switch (errno) {
      case EAGAIN:
        watch_->clear_readable();
        break;
      case ECONNREFUSED:
        refused_ = true;
        break;
      // ICMP errors that may pass: the next receive goes on.
      case EINTR:
      case EHOSTUNREACH:
      case ENETUNREACH:
      case ENETDOWN:
      case EPROTO:
      case ENOPROTOOPT:
      case EMSGSIZE:
        break;
      default:
        return Batches(std::unexpected(internal::os_error(errno, "recvmmsg")));
    }
  }
}

int UdpSocket::receive() {
  for (std::size_t i = 0; i < kReceiveMessages; ++i) {
    in_->pieces[i] = {.iov_base = in_->data.get() + i * kReceiveBytes, .iov_len = kReceiveBytes};
    msghdr& header = in_->messages[i].msg_hdr;
    header = {};
    header.msg_name = &in_->names[i];
    header.msg_namelen = sizeof in_->names[i];
    header.msg_iov = &in_->pieces[i];
    header.msg_iovlen = 1;
    header.msg_control = in_->control[i].bytes.data();
    header.msg_controllen = in_->control[i].bytes.size();
  }
  ++counts_.receive_calls;
  return ::recvmmsg(watch_->fd(), in_->messages.data(), kReceiveMessages, MSG_DONTWAIT, nullptr);
}

void UdpSocket::describe_received(int count) {
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    const std::size_t size = in_->messages[i].msg_len;
    ReceivedBatch& batch = in_->batches[i];
    batch = {.from = internal::from_os(in_->names[i]),
             .to = local_,
             .data = {in_->data.get() + i * kReceiveBytes, size},
             .segment_size = size};
    internal::read_control(in_->messages[i].msg_hdr, batch);
    batch.to.port = local_.port;
  }
}

}  // namespace moq::io
