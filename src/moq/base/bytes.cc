#include "moq/base/bytes.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <new>

#include "moq/base/result.h"

namespace moq {

Ref<Buffer> Buffer::allocate(std::size_t size) {
  MOQ_ASSERT(size <= SIZE_MAX - sizeof(Buffer));
  void* memory = ::operator new(sizeof(Buffer) + size);
  return Ref<Buffer>::adopt(new (memory) Buffer(size));
}

void Buffer::destroy(const Buffer* self) {
  self->~Buffer();
  ::operator delete(const_cast<Buffer*>(self));
}

Bytes::Bytes(Ref<Buffer> buffer, std::size_t offset, std::size_t size)
    : buffer_(std::move(buffer)), size_(size) {
  const std::size_t there = buffer_ ? buffer_->size() : 0;
  MOQ_ASSERT(offset <= there && size <= there - offset);
  if (buffer_) data_ = buffer_->data() + offset;
}

Bytes Bytes::copy(ByteSpan bytes) {
  if (bytes.empty()) return {};
  Ref<Buffer> buffer = Buffer::allocate(bytes.size());
  std::memcpy(buffer->data(), bytes.data(), bytes.size());
  return {std::move(buffer), 0, bytes.size()};
}

Bytes Bytes::slice(std::size_t offset, std::size_t size) const {
  offset = std::min(offset, size_);
  size = std::min(size, size_ - offset);
  if (size == 0) return {};
  Bytes out = *this;
  out.data_ += offset;
  out.size_ = size;
  return out;
}

Bytes Bytes::take_front(std::size_t size) {
  Bytes front = slice(0, size);
  *this = slice(front.size());
  return front;
}

bool Bytes::operator==(const Bytes& other) const {
  return std::ranges::equal(span(), other.span());
}

Bytes join(std::span<const Bytes> parts) {
  if (parts.size() == 1) return parts.front();
  std::size_t size = 0;
  for (const Bytes& part : parts) size += part.size();
  if (size == 0) return {};
  Ref<Buffer> buffer = Buffer::allocate(size);
  std::uint8_t* out = buffer->data();
  for (const Bytes& part : parts) {
    if (!part.empty()) std::memcpy(out, part.data(), part.size());
    out += part.size();
  }
  return {std::move(buffer), 0, size};
}

}  // namespace moq
