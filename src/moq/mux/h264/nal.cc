#include "moq/mux/h264/nal.h"

#include <algorithm>
#include <cstring>

#include "moq/base/wire.h"

namespace moq::mux::h264 {
namespace {

/// Where the next `00 00 01` at or after `from` begins; `in.size()` if there is none.
std::size_t find_start_code(ByteSpan in, std::size_t from) {
  const std::uint8_t* const end = in.data() + in.size();
  for (std::size_t at = from + 2; at < in.size(); ++at) {
    const void* one =
        std::memchr(in.data() + at, 1, static_cast<std::size_t>(end - in.data()) - at);
    if (!one) break;
    at = static_cast<std::size_t>(static_cast<const std::uint8_t*>(one) - in.data());
    if (in[at - 1] == 0 && in[at - 2] == 0) return at - 2;
  }
  return in.size();
}

/// `nal` without the zeros behind it, which belong to the next start code or pad the stream.
ByteSpan trim(ByteSpan nal) {
  while (!nal.empty() && nal.back() == 0) nal = nal.first(nal.size() - 1);
  return nal;
}

template <typename WriteMark>
Bytes join_nals(std::span<const ByteSpan> nals, WriteMark&& write_mark) {
  Writer out;
  for (const ByteSpan nal : nals) {
    write_mark(out, nal);
    out.bytes(nal);
  }
  return out.take();
}

}  // namespace

Result<std::vector<Bytes>> AnnexBReader::push(ByteSpan data) {
  std::vector<Bytes> out;
  pending_.insert(pending_.end(), data.begin(), data.end());
  const ByteSpan all = pending_;
  std::size_t begin = 0;
  for (;;) {
    const std::size_t at = find_start_code(all, scanned_);
    if (at == all.size()) break;
    if (const ByteSpan nal = trim(all.subspan(begin, at - begin)); started_ && !nal.empty()) {
      out.push_back(Bytes::copy(nal));
    }
    started_ = true;
    scanned_ = begin = at + 3;
  }
  // The last two bytes may begin a start code; before the first one nothing else matters.
  const std::size_t keep = std::max(begin, all.size() < 2 ? 0 : all.size() - 2);
  if (!started_) begin = keep;
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(begin));
  scanned_ = keep - begin;
  if (pending_.size() > kMaxNalBytes) return fail(Code::too_many, "h264: a NAL unit is too large");
  return out;
}

std::optional<Bytes> AnnexBReader::finish() {
  const ByteSpan nal = trim(pending_);
  std::optional<Bytes> out;
  if (started_ && !nal.empty()) out = Bytes::copy(nal);
  pending_.clear();
  scanned_ = 0;
  return out;
}

std::vector<ByteSpan> split_annex_b(ByteSpan payload) {
  std::vector<ByteSpan> out;
  std::size_t at = find_start_code(payload, 0);
  while (at < payload.size()) {
    const std::size_t begin = at + 3;
    at = find_start_code(payload, begin);
    const ByteSpan nal = trim(payload.subspan(begin, at - begin));
    if (!nal.empty()) out.push_back(nal);
  }
  return out;
}

Result<std::vector<ByteSpan>> split_length_prefixed(ByteSpan payload, std::size_t length_size) {
  std::vector<ByteSpan> out;
  Reader in(payload);
  while (in.ok() && in.remaining() > 0) {
    std::uint64_t size = 0;
    for (const std::uint8_t byte : in.bytes(length_size)) size = size << 8 | byte;
    const ByteSpan nal = in.bytes(size);
    if (!nal.empty()) out.push_back(nal);
  }
  if (!in.ok()) return fail(Code::decode, "h264: a NAL unit longer than its frame");
  return out;
}

Bytes join_annex_b(std::span<const ByteSpan> nals) {
  return join_nals(nals, [](Writer& out, ByteSpan) { out.bytes(kStartCode); });
}

Bytes join_length_prefixed(std::span<const ByteSpan> nals) {
  return join_nals(
      nals, [](Writer& out, ByteSpan nal) { out.u32(static_cast<std::uint32_t>(nal.size())); });
}

std::vector<std::uint8_t> unescape(ByteSpan nal) {
  std::vector<std::uint8_t> out;
  out.reserve(nal.size());
  std::size_t zeros = 0;
  for (const std::uint8_t byte : nal) {
    if (zeros >= 2 && byte == 3) {
      zeros = 0;
      continue;
    }
    zeros = byte == 0 ? zeros + 1 : 0;
    out.push_back(byte);
  }
  return out;
}

}  // namespace moq::mux::h264
