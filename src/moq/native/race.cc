#include "moq/native/internal/race.h"

#include <algorithm>

#include "moq/base/result.h"

namespace moq::native {

Race::Race(kio::Executor& executor, std::vector<transport::SocketAddress> addresses,
           const RaceOptions& options, Dial dial)
    : executor_(executor),
      addresses_(std::move(addresses)),
      options_(options),
      dial_(std::move(dial)),
      errors_(addresses_.size()),
      timer_(executor.clock()) {
  start(next_++);
}

void Race::start(std::size_t address) {
  attempts_.push_back({address, executor_.spawn(dial_(addresses_[address]))});
  if (next_ < addresses_.size()) {
    timer_.set_after(options_.stagger);
  } else if (options_.beside_after && beside_ < kMaxBeside) {
    timer_.set_after(*options_.beside_after);
  } else {
    timer_.clear();
  }
}

void Race::start_beside() {
  // In turn, those that have not failed.
  for (std::size_t i = 0; i < addresses_.size(); ++i) {
    const std::size_t address = (beside_ + i) % addresses_.size();
    if (errors_[address]) continue;
    ++beside_;
    start(address);
    return;
  }
}

void Race::on_failed(std::size_t address, const Error& error) {
  if (error.code == Code::refused) refused_ = addresses_[address];
  errors_[address] = error;
  failed_.push_back(address);
  // Its other attempts would fare the same.
  std::erase_if(attempts_, [address](const Attempt& one) { return one.address == address; });
}

kio::Poll<Race::Dialed> Race::poll(const kio::Waiter& waiter) {
  for (;;) {
    bool changed = false;
    for (Attempt& attempt : attempts_) {
      auto joined = attempt.dialing.poll_join(waiter);
      if (joined.pending()) continue;
      if (*joined) return *std::move(joined);
      on_failed(attempt.address, joined->error());
      if (failed_.size() == addresses_.size()) return Dialed(std::unexpected(all_failed()));
      if (next_ < addresses_.size()) start(next_++);
      changed = true;
      break;  // The attempts have moved.
    }
    if (!changed && timer_.poll(waiter)) {
      if (next_ < addresses_.size()) {
        start(next_++);
      } else {
        start_beside();
      }
      changed = true;
    }
    if (!changed) return kio::kPending;
  }
}

Error Race::all_failed() const {
  Error error = *errors_[failed_.front()];
  if (failed_.size() == 1) return error;
  error.text = "every address failed";
  for (const std::size_t address : failed_) error.text += "; " + errors_[address]->describe();
  return error;
}

}  // namespace moq::native
