#include "moq/transport/quic/internal/stream.h"

#include <algorithm>

#include "moq/base/result.h"

namespace moq::transport::quic::internal {
namespace {

// Memory that a pooled stream keeps: queues of more chunks than this were a burst.
constexpr std::size_t kKeptChunks = 16;

}  // namespace

void SendBuffer::push(Bytes data) {
  if (data.empty()) return;
  end_ += data.size();
  chunks_.push_back(std::move(data));
}

std::size_t SendBuffer::peek(std::span<ngtcp2_vec> out, std::size_t enough,
                             std::size_t& bytes) const {
  bytes = 0;
  std::size_t count = 0;
  std::size_t skip = skip_;
  for (std::size_t i = next_; i < chunks_.size() && count < out.size() && bytes < enough; ++i) {
    const Bytes& chunk = chunks_[i];
    out[count++] = {const_cast<std::uint8_t*>(chunk.data()) + skip, chunk.size() - skip};
    bytes += chunk.size() - skip;
    skip = 0;
  }
  return count;
}

void SendBuffer::mark_sent(std::size_t bytes) {
  sent_ += bytes;
  while (bytes > 0) {
    const std::size_t left = chunks_[next_].size() - skip_;
    if (bytes < left) {
      skip_ += bytes;
      return;
    }
    bytes -= left;
    skip_ = 0;
    ++next_;
  }
}

void SendBuffer::mark_acked(std::uint64_t offset) {
  acked_ = std::max(acked_, offset);
  while (next_ > 0 && base_ + chunks_.front().size() <= acked_) {
    base_ += chunks_.front().size();
    chunks_.pop_front();
    --next_;
  }
}

void SendBuffer::drop_unsent() {
  // A chunk that is sent in part stays: ngtcp2 points into it.
  const std::size_t keep = next_ + (skip_ > 0 ? 1 : 0);
  while (chunks_.size() > keep) chunks_.pop_back();
  end_ = sent_;
}

void SendBuffer::recycle() {
  chunks_.clear(kKeptChunks);
  base_ = acked_ = sent_ = end_ = 0;
  next_ = skip_ = 0;
}

void RecvBuffer::push(ByteSpan data) {
  if (data.empty()) return;
  size_ += data.size();
  if (block_ && block_->size() - used_ < data.size()) block_ = nullptr;
  if (!block_) {
    const std::size_t grown =
        total_ == 0 ? 0 : std::clamp<std::size_t>(total_, kMinBlock, kMaxBlock);
    block_ = Buffer::allocate(std::max(data.size(), grown));
    used_ = 0;
  }
  std::uint8_t* to = block_->data() + used_;
  std::memcpy(to, data.data(), data.size());
  total_ += data.size();
  std::size_t start = used_;
  used_ += data.size();
  if (!ready_.empty() && ready_.back().end() == to && start > 0) {
    start = static_cast<std::size_t>(ready_.back().data() - block_->data());
    ready_.back() = Bytes(block_, start, used_ - start);
  } else {
    ready_.push_back(Bytes(block_, start, used_ - start));
  }
  if (used_ == block_->size()) block_ = nullptr;
}

Bytes RecvBuffer::take(std::size_t max) {
  if (ready_.empty()) return {};
  Bytes out = ready_.front().take_front(max);
  if (ready_.front().empty()) ready_.pop_front();
  size_ -= out.size();
  return out;
}

void RecvBuffer::recycle() {
  ready_.clear(kKeptChunks);
  block_ = nullptr;
  used_ = size_ = 0;
  total_ = 0;
}

void Stream::recycle() {
  SendBuffer kept_out = std::move(out);
  RecvBuffer kept_in = std::move(in);
  kept_out.recycle();
  kept_in.recycle();
  *this = Stream{};
  out = std::move(kept_out);
  in = std::move(kept_in);
}

StreamTable::~StreamTable() {
  for_each([](Stream& stream) { delete &stream; });
}

std::size_t StreamTable::home(std::int64_t id) const {
  // Fibonacci hashing: neighbouring ids spread over the table.
  return static_cast<std::size_t>((static_cast<std::uint64_t>(id) * 0x9e3779b97f4a7c15) >> 32) &
         (slots_.size() - 1);
}

void StreamTable::insert(Stream* stream) {
  std::size_t at = home(stream->id);
  while (slots_[at] != nullptr) at = (at + 1) & (slots_.size() - 1);
  slots_[at] = stream;
}

void StreamTable::grow() {
  std::vector<Stream*> old = std::exchange(slots_, {});
  slots_.resize(old.empty() ? 16 : old.size() * 2);
  for (Stream* stream : old) {
    if (stream != nullptr) insert(stream);
  }
}

Stream* StreamTable::create(std::int64_t id, bool local) {
  std::unique_ptr<Stream> stream;
  if (pool_.empty()) {
    stream = std::make_unique<Stream>();
  } else {
    stream = std::move(pool_.back());
    pool_.pop_back();
  }
  stream->id = id;
  stream->local = local;
  stream->in_transport = true;
  if ((size_ + 1) * 2 > slots_.size()) grow();
  ++size_;
  insert(stream.get());
  return stream.release();
}

Stream* StreamTable::find(std::int64_t id) const {
  if (slots_.empty()) return nullptr;
  for (std::size_t at = home(id); slots_[at] != nullptr; at = (at + 1) & (slots_.size() - 1)) {
    if (slots_[at]->id == id) return slots_[at];
  }
  return nullptr;
}

void StreamTable::remove(Stream* stream) {
  const std::size_t mask = slots_.size() - 1;
  std::size_t hole = home(stream->id);
  while (slots_[hole] != stream) hole = (hole + 1) & mask;
  // Moves back what would not be found across the hole.
  for (std::size_t at = (hole + 1) & mask; slots_[at] != nullptr; at = (at + 1) & mask) {
    const std::size_t wanted = home(slots_[at]->id);
    if (((at - wanted) & mask) >= ((at - hole) & mask)) {
      slots_[hole] = slots_[at];
      hole = at;
    }
  }
  slots_[hole] = nullptr;
  --size_;
  std::unique_ptr<Stream> owned(stream);
  if (pool_.size() < kMaxPooled) {
    owned->recycle();
    pool_.push_back(std::move(owned));
  }
}

}  // namespace moq::transport::quic::internal
