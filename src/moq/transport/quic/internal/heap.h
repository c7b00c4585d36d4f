#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace moq::transport::quic::internal {

inline constexpr std::size_t kNotInHeap = SIZE_MAX;

/// A binary heap of objects that know their place (`T::*place`, `kNotInHeap` outside), ordered by
/// `before(const T*, const T*)`.
template <typename T, std::size_t T::* place, auto before>
class Heap {
 public:
  [[nodiscard]] bool empty() const { return items_.empty(); }
  [[nodiscard]] std::size_t size() const { return items_.size(); }
  [[nodiscard]] T* front() const { return items_.front(); }

  static bool contains(const T* item) { return item->*place != kNotInHeap; }
  void push(T* item) {
    items_.push_back(item);
    sift_up(items_.size() - 1);
  }
  void remove(T* item) {
    const std::size_t at = item->*place;
    if (at == kNotInHeap) return;
    item->*place = kNotInHeap;
    T* last = items_.back();
    items_.pop_back();
    if (last == item) return;
    put(at, last);
    update(last);
  }
  /// To be called after the order of `item` has changed.
  void update(T* item) {
    sift_down(item->*place);
    sift_up(item->*place);
  }
  void clear() {
    for (T* item : items_) item->*place = kNotInHeap;
    items_.clear();
  }

 private:
  void put(std::size_t at, T* item) {
    items_[at] = item;
    item->*place = at;
  }
  void sift_up(std::size_t at) {
    T* item = items_[at];
    while (at > 0 && before(item, items_[(at - 1) / 2])) {
      put(at, items_[(at - 1) / 2]);
      at = (at - 1) / 2;
    }
    put(at, item);
  }
  void sift_down(std::size_t at) {
    T* item = items_[at];
    for (;;) {
      std::size_t child = 2 * at + 1;
      if (child >= items_.size()) break;
      if (child + 1 < items_.size() && before(items_[child + 1], items_[child])) ++child;
      if (!before(items_[child], item)) break;
      put(at, items_[child]);
      at = child;
    }
    put(at, item);
  }

  std::vector<T*> items_;
};

}  // namespace moq::transport::quic::internal
