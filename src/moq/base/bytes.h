#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "moq/base/ref.h"

namespace moq {

using ByteSpan = std::span<const std::uint8_t>;

/// The bytes of `text`, borrowed.
inline ByteSpan as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
/// `bytes` as text, borrowed; not checked for UTF-8.
inline std::string_view as_text(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// A heap block of fixed size with its count and its bytes in one allocation. Written by its one
/// owner before it becomes `Bytes`; immutable after.
class Buffer : public RefCounted<Buffer> {
 public:
  /// An uninitialised block of `size` bytes.
  static Ref<Buffer> allocate(std::size_t size);

  [[nodiscard]] std::uint8_t* data() { return reinterpret_cast<std::uint8_t*>(this + 1); }
  [[nodiscard]] const std::uint8_t* data() const {
    return reinterpret_cast<const std::uint8_t*>(this + 1);
  }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  friend class RefCounted<Buffer>;
  explicit Buffer(std::size_t size) : size_(size) {}
  ~Buffer() = default;
  static void destroy(const Buffer* self);

  std::size_t size_;
};

/// An immutable, atomically counted slice: O(1) to copy and to cut. Threads may share the block.
/// Each slice keeps its whole block in memory: what stays for long is not cut from what is large.
class Bytes {
 public:
  Bytes() = default;
  /// `size` bytes of `buffer` from `offset`, which must be there, and not be written any more.
  Bytes(Ref<Buffer> buffer, std::size_t offset, std::size_t size);
  Bytes(const Bytes&) = default;
  Bytes& operator=(const Bytes&) = default;
  /// Leaves `other` empty.
  Bytes(Bytes&& other) noexcept
      : buffer_(std::move(other.buffer_)),
        data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  Bytes& operator=(Bytes&& other) noexcept {
    Bytes moved(std::move(other));
    std::swap(buffer_, moved.buffer_);
    std::swap(data_, moved.data_);
    std::swap(size_, moved.size_);
    return *this;
  }
  ~Bytes() = default;

  /// A copy of `bytes`.
  static Bytes copy(ByteSpan bytes);
  static Bytes copy(std::string_view text) { return copy(as_bytes(text)); }

  [[nodiscard]] const std::uint8_t* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] ByteSpan span() const { return {data_, size_}; }
  [[nodiscard]] std::string_view text() const { return as_text(span()); }
  operator ByteSpan() const { return span(); }
  [[nodiscard]] const std::uint8_t* begin() const { return data_; }
  [[nodiscard]] const std::uint8_t* end() const { return data_ + size_; }
  /// `index` must be below `size()`.
  std::uint8_t operator[](std::size_t index) const { return data_[index]; }

  /// The `size` bytes from `offset`; both are cut to what is there.
  [[nodiscard]] Bytes slice(std::size_t offset, std::size_t size = SIZE_MAX) const;
  /// Splits off and returns the first `size` bytes (all, if there are fewer).
  Bytes take_front(std::size_t size);

  /// Compares contents.
  bool operator==(const Bytes& other) const;

 private:
  Ref<Buffer> buffer_;
  const std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

/// The concatenation of `parts`.
Bytes join(std::span<const Bytes> parts);

}  // namespace moq
