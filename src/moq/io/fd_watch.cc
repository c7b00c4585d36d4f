#include "moq/io/fd_watch.h"

#include <sys/epoll.h>

#include "moq/io/loop.h"

namespace moq::io {

Result<std::unique_ptr<FdWatch>> FdWatch::create(Loop& loop, Fd fd) {
  std::unique_ptr<FdWatch> watch(new FdWatch(loop, std::move(fd)));
  const Result<void> added = loop.add(*watch);
  if (!added) {
    watch->loop_ = nullptr;
    return std::unexpected(added.error());
  }
  return watch;
}

FdWatch::~FdWatch() {
  if (loop_) loop_->remove(*this);
}

kio::Poll<kio::Unit> FdWatch::poll_readable(const kio::Waiter& waiter) {
  if (readable_) return kio::Unit{};
  on_readable_.add(waiter);
  return kio::kPending;
}

kio::Poll<kio::Unit> FdWatch::poll_writable(const kio::Waiter& waiter) {
  if (writable_) return kio::Unit{};
  on_writable_.add(waiter);
  // Only while somebody waits: a socket tells of every packet that left its buffer.
  if (!std::exchange(write_armed_, true)) loop_->set_write_interest(*this, true);
  return kio::kPending;
}

void FdWatch::force_readable() {
  readable_ = true;
  on_readable_.wake();
}

void FdWatch::on_events(std::uint32_t events, kio::WaiterList& woken) {
  constexpr std::uint32_t kBoth = EPOLLERR | EPOLLHUP;
  if ((events & (EPOLLIN | EPOLLRDHUP | kBoth)) != 0) {
    readable_ = true;
    woken.append(on_readable_.take());
  }
  if ((events & (EPOLLOUT | kBoth)) != 0) {
    writable_ = true;
    woken.append(on_writable_.take());
    if (std::exchange(write_armed_, false)) loop_->set_write_interest(*this, false);
  }
}

}  // namespace moq::io
