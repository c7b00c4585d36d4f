#include "moq/io/loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>

#include "moq/io/fd_watch.h"
#include "moq/io/internal/os.h"
#include "moq/io/udp_socket.h"

namespace moq::io {
namespace {

/// Events taken per system call.
constexpr int kEventsPerWait = 64;
constexpr std::uint32_t kReadEvents = EPOLLIN | EPOLLRDHUP | EPOLLET;

// Each write makes a new edge, so nobody has to read the counter.
void notify(int wake_fd) {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(wake_fd, &one, sizeof one));
}

// The timeout has the clock's own resolution, and the kernel never ends it early: a timer costs one
// wake-up. Kernels before 5.11 count milliseconds, which are rounded up for the same reason.
int wait(int epoll, std::array<epoll_event, kEventsPerWait>& events,
         std::optional<Duration> timeout) {
  timespec time{};
  if (timeout) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*timeout);
    time = {.tv_sec = seconds.count(), .tv_nsec = (*timeout - seconds).count()};
  }
  const int count =
      ::epoll_pwait2(epoll, events.data(), kEventsPerWait, timeout ? &time : nullptr, nullptr);
  if (count >= 0 || errno != ENOSYS) return count;
  int ms = -1;
  if (timeout) {
    const auto rounded = std::chrono::ceil<std::chrono::milliseconds>(*timeout).count();
    ms = static_cast<int>(std::min<std::int64_t>(rounded, INT32_MAX));
  }
  return ::epoll_wait(epoll, events.data(), kEventsPerWait, ms);
}

}  // namespace

Result<std::unique_ptr<Loop>> Loop::create() {
  Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid()) return std::unexpected(internal::os_error(errno, "epoll_create1"));
  Fd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.valid()) return std::unexpected(internal::os_error(errno, "eventfd"));
  epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.ptr = nullptr}};
  if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wake.get(), &event) != 0) {
    return std::unexpected(internal::os_error(errno, "epoll_ctl"));
  }
  return std::unique_ptr<Loop>(new Loop(std::move(epoll), std::move(wake)));
}

Loop::Loop(Fd epoll, Fd wake)
    : Executor([fd = wake.get()] { notify(fd); }),
      epoll_(std::move(epoll)),
      wake_(std::move(wake)) {}

// Before the clock and the descriptors go: what is dropped here may own timers and sockets.
Loop::~Loop() {
  queue_->close();
  MOQ_ASSERT(watches_ == 0);
}

// Not before: the thread that made the loop may post while another one begins to run it.
void Loop::begin() { queue_->bind_to_this_thread(); }

void Loop::run() {
  begin();
  bool more = run_ready();
  while (!stop_.exchange(false, std::memory_order_acquire)) {
    wait_for_events(!more);
    more = run_ready();
  }
}

// The write makes the next wait return at once, wherever the loop is.
void Loop::stop() {
  stop_.store(true, std::memory_order_release);
  notify(wake_.get());
}

// Runs what is ready now; returns whether more is.
bool Loop::run_ready() {
  clock_.fire(clock_.refresh());
  return queue_->run_batch();
}

void Loop::wait_for_events(bool may_block) {
  std::optional<Duration> timeout;
  if (!may_block) {
    timeout = Duration{};
  } else if (const std::optional<TimePoint> deadline = clock_.next_deadline()) {
    timeout = std::max(*deadline - clock_.refresh(), Duration{});
  }
  std::array<epoll_event, kEventsPerWait> events;
  ++waits_;
  const int count = wait(epoll_.get(), events, timeout);
  // Woken after the loop: what a wake drops may be one of the watches.
  kio::WaiterList woken;
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    if (event.data.ptr) static_cast<FdWatch*>(event.data.ptr)->on_events(event.events, woken);
  }
  woken.wake();
}

Result<void> Loop::add(FdWatch& watch) {
  epoll_event event{.events = kReadEvents, .data = {.ptr = &watch}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, watch.fd(), &event) != 0) {
    if (errno == EPERM) return fail(Code::unsupported, "not a descriptor that can be waited for");
    return std::unexpected(internal::os_error(errno, "epoll_ctl"));
  }
  ++watches_;
  return {};
}

// Changing the interest looks at the descriptor anew, so no edge is lost.
void Loop::set_write_interest(FdWatch& watch, bool wanted) {
  epoll_event event{.events = kReadEvents | (wanted ? EPOLLOUT : 0U), .data = {.ptr = &watch}};
  MOQ_ASSERT(::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, watch.fd(), &event) == 0);
}

void Loop::remove(FdWatch& watch) {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, watch.fd(), nullptr);
  --watches_;
}

Result<std::unique_ptr<transport::DatagramSocket>> Loop::bind(
    const transport::SocketAddress& local) {
  return UdpSocket::bind(*this, local);
}

Result<std::unique_ptr<transport::DatagramSocket>> Loop::connect(
    const transport::SocketAddress& remote) {
  return UdpSocket::connect(*this, remote, local_);
}

Result<std::unique_ptr<transport::DatagramSocket>> Loop::split(
    transport::DatagramSocket& bound, const transport::SocketAddress& local,
    const transport::SocketAddress& remote) {
  auto* of_loop = dynamic_cast<UdpSocket*>(&bound);
  if (!of_loop) return fail(Code::unsupported, "not a socket of a loop");
  return UdpSocket::split(*this, *of_loop, local, remote);
}

}  // namespace moq::io
