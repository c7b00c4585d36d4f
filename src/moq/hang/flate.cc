#include "moq/hang/flate.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <vector>

namespace moq::hang::flate {
namespace {

constexpr int kRawWindow = -15;  // 32 KiB, neither zlib nor gzip wrapper.
constexpr std::array<std::uint8_t, 4> kFlushMark = {0x00, 0x00, 0xff, 0xff};
constexpr std::size_t kChunkBytes = std::size_t{16} << 10;

/// Points the stream at `in`. zlib does not write through `next_in`.
void set_input(z_stream& zlib, ByteSpan in) {
  zlib.next_in = const_cast<Bytef*>(in.data());
  zlib.avail_in = static_cast<uInt>(in.size());
}

/// Makes room for one more chunk at the end of `out` and points the stream at it.
void grow_output(z_stream& zlib, std::vector<std::uint8_t>& out, std::size_t chunk) {
  const std::size_t used = out.size();
  out.resize(used + chunk);
  zlib.next_out = out.data() + used;
  zlib.avail_out = static_cast<uInt>(chunk);
}

}  // namespace

struct Encoder::Stream {
  z_stream zlib{};
  Stream() {
    // Fails only without memory.
    MOQ_ASSERT(deflateInit2(&zlib, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kRawWindow, 8,
                            Z_DEFAULT_STRATEGY) == Z_OK);
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { deflateEnd(&zlib); }
};

Encoder::Encoder() : stream_(std::make_unique<Stream>()) {}
Encoder::Encoder(Encoder&&) noexcept = default;
Encoder& Encoder::operator=(Encoder&&) noexcept = default;
Encoder::~Encoder() = default;

Result<Bytes> Encoder::encode(ByteSpan payload) {
  if (payload.empty()) return Bytes();
  if (payload.size() > kMaxPayloadBytes) {
    return fail(Code::frame_too_large, "flate: a payload above the limit");
  }
  z_stream& zlib = stream_->zlib;
  std::vector<std::uint8_t> out;
  set_input(zlib, payload);
  do {
    grow_output(zlib, out, std::max(kChunkBytes, payload.size() / 4));
    const int status = deflate(&zlib, Z_SYNC_FLUSH);
    MOQ_ASSERT(status == Z_OK || status == Z_BUF_ERROR);
  } while (zlib.avail_out == 0);
  out.resize(out.size() - zlib.avail_out);
  MOQ_ASSERT(out.size() >= kFlushMark.size() &&
             std::equal(kFlushMark.begin(), kFlushMark.end(), out.end() - kFlushMark.size()));
  return Bytes::copy(ByteSpan(out).first(out.size() - kFlushMark.size()));
}

struct Decoder::Stream {
  z_stream zlib{};
  Stream() { MOQ_ASSERT(inflateInit2(&zlib, kRawWindow) == Z_OK); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { inflateEnd(&zlib); }

  /// Appends what `in` yields to `out`, at most up to `limit` bytes in all.
  Result<void> inflate_all(ByteSpan in, std::vector<std::uint8_t>& out, std::size_t limit) {
    set_input(zlib, in);
    do {
      // One byte beyond the limit tells "just full" from "too much".
      const std::size_t room = limit + 1 - out.size();
      grow_output(zlib, out, std::min(std::max(kChunkBytes, out.size()), room));
      const int status = inflate(&zlib, Z_SYNC_FLUSH);
      out.resize(out.size() - zlib.avail_out);
      if (status != Z_OK && status != Z_BUF_ERROR) {
        return fail(Code::decode, status == Z_STREAM_END ? "flate: the stream ends within its group"
                                                         : "flate: not a DEFLATE stream");
      }
      if (out.size() > limit)
        return fail(Code::frame_too_large, "flate: a payload above the limit");
    } while (zlib.avail_out == 0);
    if (zlib.avail_in != 0) return fail(Code::decode, "flate: bytes are left over");
    return {};
  }
};

Decoder::Decoder(std::size_t limit) : stream_(std::make_unique<Stream>()), limit_(limit) {}
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;
Decoder::~Decoder() = default;

Result<Bytes> Decoder::decode(ByteSpan frame) {
  if (frame.empty()) return Bytes();
  std::vector<std::uint8_t> out;
  MOQ_CHECK(stream_->inflate_all(frame, out, limit_));
  MOQ_CHECK(stream_->inflate_all(kFlushMark, out, limit_));
  return Bytes::copy(out);
}

}  // namespace moq::hang::flate
