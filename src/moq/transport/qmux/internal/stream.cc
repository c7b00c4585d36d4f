#include "moq/transport/qmux/internal/stream.h"

#include <algorithm>
#include <utility>

namespace moq::transport::qmux {
namespace {

/// A piece that is at least this part of its record, and this large, is not copied.
constexpr std::size_t kShareToKeep = 2;
constexpr std::size_t kLeastToKeep = 1024;

}  // namespace

void Pieces::pop_front() {
  pieces_[first_++] = {};
  if (first_ * 2 < pieces_.size()) return;
  // Each piece moves once for each that went before it, at most.
  pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(first_));
  first_ = 0;
}

void Pieces::clear() {
  pieces_ = {};
  first_ = 0;
}

void SendBuffer::push(Bytes data) {
  if (data.empty()) return;
  size_ += data.size();
  parts_.push_back(std::move(data));
}

Bytes SendBuffer::take(std::size_t max) {
  if (parts_.empty()) return {};
  Bytes piece = parts_.front().take_front(max);
  if (parts_.front().empty()) parts_.pop_front();
  size_ -= piece.size();
  return piece;
}

void SendBuffer::clear() {
  parts_.clear();
  size_ = 0;
}

void RecvBuffer::push(Bytes data, std::size_t record_bytes) {
  if (data.empty()) return;
  size_ += data.size();
  if (data.size() >= std::max(record_bytes / kShareToKeep, kLeastToKeep)) {
    parts_.push_back(std::move(data));
    open_ = false;
    return;
  }
  copy(data.span());
}

// Blocks double in size with the stream, so that a small stream costs one small block, and many
// small pieces cost few.
void RecvBuffer::copy(ByteSpan data) {
  while (!data.empty()) {
    if (!block_ || used_ == block_->size()) {
      const std::size_t doubled = block_ ? block_->size() * 2 : 0;
      block_ = Buffer::allocate(std::max(data.size(), std::min(doubled, kMaxBlock)));
      used_ = 0;
      open_ = false;
    }
    const std::size_t size = std::min(data.size(), block_->size() - used_);
    std::copy_n(data.begin(), size, block_->data() + used_);
    const std::size_t before = open_ ? parts_.back().size() : 0;
    Bytes part(block_, used_ - before, before + size);
    if (open_) {
      parts_.back() = std::move(part);
    } else {
      parts_.push_back(std::move(part));
    }
    open_ = true;
    used_ += size;
    data = data.subspan(size);
  }
}

Bytes RecvBuffer::take(std::size_t max) {
  if (parts_.empty()) return {};
  Bytes piece = parts_.front().take_front(max);
  if (parts_.front().empty()) {
    parts_.pop_front();
    if (parts_.empty()) open_ = false;
  }
  size_ -= piece.size();
  return piece;
}

void RecvBuffer::clear() {
  parts_.clear();
  block_ = nullptr;
  open_ = false;
  size_ = 0;
}

bool Window::use(std::uint64_t amount) {
  if (amount > max_ - used_) return false;
  used_ += amount;
  return true;
}

std::optional<std::uint64_t> Window::raise() {
  if (!wants_raise()) return std::nullopt;
  max_ += std::exchange(released_, 0);
  return max_;
}

void SendQueue::push(Stream& stream) {
  if (stream.turn != 0) return;
  stream.turn = ++turn_;
  streams_.insert(&stream);
}

void SendQueue::remove(Stream& stream) {
  if (stream.turn == 0) return;
  streams_.erase(&stream);
  stream.turn = 0;
}

void SendQueue::clear() {
  for (Stream* stream : streams_) stream->turn = 0;
  streams_.clear();
}

void SendQueue::set_priority(Stream& stream, Priority priority) {
  if (stream.priority == priority) return;
  if (stream.turn == 0) {
    stream.priority = priority;
    return;
  }
  streams_.erase(&stream);
  stream.priority = priority;
  streams_.insert(&stream);
}

}  // namespace moq::transport::qmux
