#include "moq/sim/world.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace moq::sim {

World::World(std::uint64_t seed) : Executor(nullptr), seed_(seed), random_(seed) {
  queue_->bind_to_this_thread();
}

// Before the clock goes: what is dropped here may own timers.
World::~World() {
  queue_->close();
  calls_.clear();
}

bool World::later(const Call& a, const Call& b) {
  return a.when != b.when ? a.when > b.when : a.order > b.order;
}

void World::at(TimePoint when, std::move_only_function<void()> function) {
  calls_.push_back({std::max(when, now_), order_++, std::move(function)});
  std::ranges::push_heap(calls_, later);
}

bool World::quiet() const { return queue_->idle() && !next_instant(); }

void World::note(std::uint64_t value) {
  const auto time = static_cast<std::uint64_t>(elapsed().count());
  trace_ = SeededRandom(trace_ ^ SeededRandom(value ^ SeededRandom(time).next()).next()).next();
}

std::optional<TimePoint> World::next_instant() const {
  std::optional<TimePoint> next = next_deadline();
  if (!calls_.empty() && (!next || calls_.front().when < *next)) next = calls_.front().when;
  return next;
}

// One turn at the present time; false if there was nothing to do.
bool World::run_turn() {
  const std::optional<TimePoint> next = next_instant();
  if (queue_->idle() && (!next || *next > now_)) return false;
  while (!calls_.empty() && calls_.front().when <= now_) {
    std::ranges::pop_heap(calls_, later);
    Call call = std::move(calls_.back());
    calls_.pop_back();
    call.function();
    if (++turns_ > kMaxTurnsPerInstant) hang("calls plan each other for ever");
  }
  fire(now_);
  queue_->run_batch();
  if (++turns_ > kMaxTurnsPerInstant) hang("tasks wake each other for ever");
  return true;
}

bool World::drive(const std::function<bool()>& done, TimePoint limit) {
  queue_->bind_to_this_thread();
  while (!done()) {
    if (run_turn()) continue;
    const std::optional<TimePoint> next = next_instant();
    if (!next || *next > limit) return false;
    now_ = *next;
    turns_ = 0;
  }
  return true;
}

void World::run_to_end(const std::function<bool()>& done) {
  if (drive(done, now_ + kTimeLimit)) return;
  hang(next_instant() ? "the limit of virtual time passed"
                      : "deadlock: the task waits, and nothing is left that could wake it");
}

bool World::run_until(const std::function<bool()>& done, Duration limit) {
  const TimePoint end = now_ + limit;
  if (drive(done, end)) return true;
  now_ = end;
  turns_ = 0;
  return done();
}

void World::run_for(Duration duration) {
  static_cast<void>(run_until([] { return false; }, duration));
}

void World::run_until_idle() {
  drive([] { return false; }, now_);
}

void World::hang(std::string_view cause) const {
  fmt::print(stderr, "sim::World: {} (seed {}, {} ms after the start)\n", cause, seed_,
             to_ms(elapsed()));
  std::fflush(stderr);
  std::abort();
}

}  // namespace moq::sim
