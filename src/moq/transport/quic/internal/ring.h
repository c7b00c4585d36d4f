#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace moq::transport::quic::internal {

/// A queue in one block that keeps its memory, so that a steady flow allocates nothing.
template <typename T>
class Ring {
 public:
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t capacity() const { return slots_.size(); }
  T& operator[](std::size_t index) { return slots_[wrap(head_ + index)]; }
  const T& operator[](std::size_t index) const { return slots_[wrap(head_ + index)]; }
  T& front() { return slots_[head_]; }
  T& back() { return (*this)[size_ - 1]; }

  void push_back(T value) {
    if (size_ == slots_.size()) grow();
    slots_[wrap(head_ + size_)] = std::move(value);
    ++size_;
  }
  T pop_front() {
    T value = std::exchange(slots_[head_], T{});
    head_ = wrap(head_ + 1);
    --size_;
    return value;
  }
  void pop_back() {
    slots_[wrap(head_ + size_ - 1)] = T{};
    --size_;
  }
  /// Empties it; keeps the memory unless it is for more than `keep` values.
  void clear(std::size_t keep) {
    while (size_ > 0) pop_back();
    head_ = 0;
    // Not `= {}`, which is an empty list to a vector, and keeps the memory.
    if (slots_.size() > keep) slots_ = std::vector<T>();
  }

 private:
  [[nodiscard]] std::size_t wrap(std::size_t index) const { return index & (slots_.size() - 1); }
  void grow() {
    std::vector<T> bigger(slots_.empty() ? 4 : slots_.size() * 2);
    for (std::size_t i = 0; i < size_; ++i) bigger[i] = std::move((*this)[i]);
    slots_ = std::move(bigger);
    head_ = 0;
  }

  std::vector<T> slots_;  // A power of two.
  std::size_t head_ = 0;
  std::size_t size_ = 0;
};

}  // namespace moq::transport::quic::internal
