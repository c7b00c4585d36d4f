#include "moq/io/signals.h"

#include <sys/signalfd.h>

#include <cerrno>

#include "moq/io/internal/os.h"

namespace moq::io {

Result<std::unique_ptr<Signals>> Signals::create(Loop& loop, std::span<const int> numbers) {
  sigset_t wanted;
  sigset_t before;
  ::sigemptyset(&wanted);
  for (const int number : numbers) ::sigaddset(&wanted, number);
  Fd fd(::signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!fd.valid()) return std::unexpected(internal::os_error(errno, "signalfd"));
  MOQ_TRY(std::unique_ptr<FdWatch> watch, FdWatch::create(loop, std::move(fd)));
  ::pthread_sigmask(SIG_BLOCK, &wanted, &before);
  return std::unique_ptr<Signals>(new Signals(std::move(watch), before));
}

Signals::~Signals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

kio::Poll<Result<int>> Signals::poll_next(const kio::Waiter& waiter) {
  for (;;) {
    if (!watch_->poll_readable(waiter)) return kio::kPending;
    signalfd_siginfo info{};
    const ssize_t got = ::read(watch_->fd(), &info, sizeof info);
    if (got == sizeof info) return Result<int>(static_cast<int>(info.ssi_signo));
    if (got < 0 && errno == EAGAIN) {
      watch_->clear_readable();
    } else if (got >= 0 || errno != EINTR) {
      return Result<int>(std::unexpected(internal::os_error(errno, "reading a signal")));
    }
  }
}

}  // namespace moq::io
