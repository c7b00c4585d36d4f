#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

/// Runs the threads of a small program one at a time, switching only where they meet (at locks,
/// atomics and waits), through every order of such switches. For the tests of kio alone, which
/// compile kio with `MOQ_INTERLEAVE`. It sees one order of memory for all threads; what weaker
/// orders break is for ThreadSanitizer to find.
namespace moq::kio::interleave {

/// A program of threads, made anew for each order.
struct Program {
  std::vector<std::function<void()>> threads;
  std::function<void()> check;  ///< Runs after the threads, alone.
};

/// Runs the program through every order with at most `preemptions` switches away from a thread that
/// could go on. Most races need one or two. Stops at the first order in which a GoogleTest
/// expectation fails, and prints it; ends the process if all threads wait for ever. Returns the
/// number of orders.
std::size_t explore(const std::function<Program()>& make, std::size_t preemptions);

/// Another thread may go on here.
void point();

/// As `std::mutex`.
class Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;
  void lock();
  void unlock();

 private:
  bool held_ = false;
};

/// As `std::atomic`, as far as kio uses it; sequentially consistent.
template <typename T>
class Atomic {
 public:
  explicit Atomic(T value) : value_(value) {}
  Atomic(const Atomic&) = delete;
  Atomic& operator=(const Atomic&) = delete;
  T load(std::memory_order) const {
    point();
    return value_;
  }
  void store(T value, std::memory_order) {
    point();
    value_ = value;
  }
  T exchange(T value, std::memory_order) {
    point();
    return std::exchange(value_, value);
  }

 private:
  T value_;
};

/// What a thread with nothing to do waits for.
class Event {
 public:
  void set();
  /// Returns once the event is set, and clears it.
  void wait();

 private:
  bool set_ = false;
};

}  // namespace moq::kio::interleave
