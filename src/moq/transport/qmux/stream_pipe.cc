#include "moq/transport/qmux/stream_pipe.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "moq/base/wire.h"
#include "moq/transport/qmux/framing.h"

namespace moq::transport::qmux {
namespace {

/// Asked of the stream at once: about one full record.
constexpr std::size_t kReadBytes = 16 * 1024;

class StreamPipe final : public RecordPipe {
 public:
  explicit StreamPipe(std::unique_ptr<ByteStream> stream) : stream_(std::move(stream)) {}

  kio::Poll<Result<std::optional<Bytes>>> poll_read(const kio::Waiter& waiter) override {
    using Read = Result<std::optional<Bytes>>;
    for (;;) {
      if (size_ && filled_ == *size_) {
        size_.reset();
        return Read(Bytes(std::move(record_), 0, filled_));
      }
      if (arrived_.empty()) {
        auto more = stream_->poll_read(waiter, kReadBytes);
        if (more.pending()) return kio::kPending;
        if (!*more) return Read(std::unexpected((*more).error()));
        arrived_ = **std::move(more);
        if (arrived_.empty()) {
          if (!size_ && header_bytes_ == 0) return Read(std::nullopt);
          return Read(fail(Code::transport, "a record is cut off"));
        }
      }
      if (size_) {
        take_payload();
      } else if (const Result<void> taken = take_header(); !taken) {
        return Read(std::unexpected(taken.error()));
      }
    }
  }

  kio::Poll<Result<void>> poll_write(const kio::Waiter& waiter, Bytes& record) override {
    if (out_.empty()) {
      Writer framed;
      framed.prefixed(record.span());
      out_ = framed.take();
    }
    auto written = stream_->poll_write(waiter, out_);
    if (written.pending()) return kio::kPending;
    out_ = {};
    if (*written) record = {};
    return written;
  }

  kio::Poll<Result<void>> poll_close(const kio::Waiter&) override {
    stream_->finish();
    return Result<void>();
  }

  std::string peer() const override { return stream_->peer(); }

 private:
  /// Takes one byte of a record's size; after the last, makes room for the record.
  Result<void> take_header() {
    header_[header_bytes_++] = arrived_.take_front(1)[0];
    if (header_bytes_ < std::size_t{1} << (header_[0] >> 6)) return {};
    Reader in(ByteSpan(header_).first(std::exchange(header_bytes_, 0)));
    const std::uint64_t size = in.varint();
    if (size > kMaxRecordBytes) {
      return fail(Code::protocol_violation, fmt::format("a record of {} bytes", size));
    }
    size_ = static_cast<std::size_t>(size);
    filled_ = 0;
    record_ = Buffer::allocate(*size_);
    return {};
  }

  /// Each record has a block of its own, so that what is kept of one does not keep others.
  void take_payload() {
    const Bytes part = arrived_.take_front(*size_ - filled_);
    std::ranges::copy(part, record_->data() + filled_);
    filled_ += part.size();
  }

  std::unique_ptr<ByteStream> stream_;
  Bytes arrived_;  ///< Read, and not yet taken.
  std::array<std::uint8_t, 8> header_{};
  std::size_t header_bytes_ = 0;
  std::optional<std::size_t> size_;  ///< Of `record_`, once its header is there.
  Ref<Buffer> record_;
  std::size_t filled_ = 0;
  Bytes out_;  ///< The record on its way, with its size.
};

}  // namespace

std::unique_ptr<RecordPipe> make_stream_pipe(std::unique_ptr<ByteStream> stream) {
  return std::make_unique<StreamPipe>(std::move(stream));
}

}  // namespace moq::transport::qmux
