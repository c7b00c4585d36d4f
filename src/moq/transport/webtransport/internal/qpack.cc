#include "moq/transport/webtransport/internal/qpack.h"

#include <fmt/format.h>
#include <nghttp3/nghttp3.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>

#include "moq/base/wire.h"

namespace moq::transport::webtransport {
namespace {

/// What a field line costs beyond its text. RFC 9114 §4.2.2.
constexpr std::size_t kLineOverhead = 32;

struct StaticEntry {
  std::uint8_t index;
  std::string_view name;
  std::string_view value;
};
/// The entries of the static table that we write. RFC 9204, appendix A.
constexpr std::array kStaticTable = {
    StaticEntry{0, ":authority", ""},      StaticEntry{1, ":path", "/"},
    StaticEntry{15, ":method", "CONNECT"}, StaticEntry{17, ":method", "GET"},
    StaticEntry{23, ":scheme", "https"},   StaticEntry{24, ":status", "103"},
    StaticEntry{25, ":status", "200"},     StaticEntry{27, ":status", "404"},
    StaticEntry{28, ":status", "503"},     StaticEntry{67, ":status", "400"},
    StaticEntry{68, ":status", "403"},     StaticEntry{71, ":status", "500"},
    StaticEntry{90, "origin", ""},         StaticEntry{95, "user-agent", ""},
};

/// An integer whose first byte has `flags` above `prefix_bits` bits of value. RFC 7541 §5.1.
void write_integer(Writer& out, std::uint8_t flags, unsigned prefix_bits, std::size_t value) {
  const std::size_t most = (1U << prefix_bits) - 1;
  if (value < most) {
    out.u8(static_cast<std::uint8_t>(flags | value));
    return;
  }
  out.u8(static_cast<std::uint8_t>(flags | most));
  for (value -= most; value >= 0x80; value >>= 7) {
    out.u8(static_cast<std::uint8_t>(0x80 | (value & 0x7f)));
  }
  out.u8(static_cast<std::uint8_t>(value));
}

void write_header(Writer& out, const Header& header) {
  const auto whole = std::ranges::find_if(kStaticTable, [&header](const StaticEntry& entry) {
    return entry.name == header.name && entry.value == header.value;
  });
  if (whole != kStaticTable.end()) {
    write_integer(out, 0xc0, 6, whole->index);  // Indexed, static.
    return;
  }
  const auto named = std::ranges::find(kStaticTable, header.name, &StaticEntry::name);
  if (named != kStaticTable.end()) {
    write_integer(out, 0x50, 4, named->index);  // Literal with a static name.
  } else {
    write_integer(out, 0x20, 3, header.name.size());  // Literal with a literal name.
    out.bytes(as_bytes(header.name));
  }
  write_integer(out, 0x00, 7, header.value.size());
  out.bytes(as_bytes(header.value));
}

/// A decoder without a dynamic table, for one field section.
class Decoder {
 public:
  Decoder() {
    const nghttp3_mem* memory = nghttp3_mem_default();
    // Both fail only for want of memory, which ends the process.
    MOQ_ASSERT(nghttp3_qpack_decoder_new(&decoder_, 0, 0, memory) == 0);
    MOQ_ASSERT(nghttp3_qpack_stream_context_new(&context_, 0, memory) == 0);
  }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder() {
    nghttp3_qpack_stream_context_del(context_);
    nghttp3_qpack_decoder_del(decoder_);
  }

  struct Step {
    std::size_t used = 0;
    std::optional<Header> header;
    bool final = false;
  };
  /// Reads up to one header; the library's error code if that fails.
  Result<Step, int> step(ByteSpan in) {
    nghttp3_qpack_nv line{};
    std::uint8_t flags = 0;
    const nghttp3_ssize used = nghttp3_qpack_decoder_read_request(decoder_, context_, &line, &flags,
                                                                  in.data(), in.size(), 1);
    if (used < 0) return std::unexpected(static_cast<int>(used));
    Step step;
    step.used = static_cast<std::size_t>(used);
    step.final = (flags & NGHTTP3_QPACK_DECODE_FLAG_FINAL) != 0;
    if ((flags & NGHTTP3_QPACK_DECODE_FLAG_EMIT) != 0) {
      step.header = Header{take(line.name), take(line.value)};
    }
    // Without a table nothing may wait for one.
    if ((flags & NGHTTP3_QPACK_DECODE_FLAG_BLOCKED) != 0) {
      return std::unexpected(NGHTTP3_ERR_QPACK_DECOMPRESSION_FAILED);
    }
    return step;
  }

 private:
  static std::string take(nghttp3_rcbuf* buffer) {
    const nghttp3_vec text = nghttp3_rcbuf_get_buf(buffer);
    std::string copy(reinterpret_cast<const char*>(text.base), text.len);
    nghttp3_rcbuf_decref(buffer);
    return copy;
  }
  nghttp3_qpack_decoder* decoder_ = nullptr;
  nghttp3_qpack_stream_context* context_ = nullptr;
};

std::unexpected<H3Error> too_large(std::string_view what) {
  return std::unexpected(H3Error{H3Code::excessive_load,
                                 fmt::format("{} exceed {} bytes", what, kMaxFieldSectionBytes)});
}

}  // namespace

std::vector<std::uint8_t> encode_headers(std::span<const Header> headers) {
  Writer out;
  out.u8(0).u8(0);  // No entry of a dynamic table is needed.
  for (const Header& header : headers) write_header(out, header);
  return out.take_vector();
}

Result<std::vector<Header>, H3Error> decode_headers(ByteSpan section) {
  if (section.size() > kMaxFieldSectionBytes) return too_large("encoded headers");
  Decoder decoder;
  std::vector<Header> headers;
  std::size_t decoded_bytes = 0;
  for (;;) {
    auto step = decoder.step(section);
    if (!step) {
      if (step.error() == NGHTTP3_ERR_QPACK_HEADER_TOO_LARGE) return too_large("headers");
      return std::unexpected(H3Error{H3Code::qpack_decompression_failed,
                                     fmt::format("headers: {}", nghttp3_strerror(step.error()))});
    }
    section = section.subspan(step->used);
    if (step->header) {
      decoded_bytes += step->header->name.size() + step->header->value.size() + kLineOverhead;
      if (decoded_bytes > kMaxFieldSectionBytes) return too_large("decoded headers");
      headers.push_back(*std::move(step->header));
    }
    if (step->final) return headers;
    if (step->used == 0 && !step->header) {
      return std::unexpected(
          H3Error{H3Code::qpack_decompression_failed, "headers: they are cut off"});
    }
  }
}

}  // namespace moq::transport::webtransport
