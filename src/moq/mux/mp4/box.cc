#include "moq/mux/mp4/box.h"

namespace moq::mux::mp4 {
namespace {
constexpr std::size_t kHeader = 8;
constexpr std::uint64_t kSizeIs64Bit = 1;
}  // namespace

std::string FourCc::text() const {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) {
    const auto c = static_cast<char>(value >> shift & 0xff);
    out += c >= ' ' && c <= '~' ? c : '?';
  }
  return out;
}

Result<std::optional<BoxHeader>> read_box_header(ByteSpan in) {
  Reader reader(in);
  BoxHeader header{.size = reader.u32(), .header_size = kHeader};
  header.type = FourCc(reader.u32());
  if (header.size == kSizeIs64Bit) {
    header.size = reader.u64();
    header.header_size = kMaxBoxHeader;
    if (reader.ok() && header.size < kMaxBoxHeader) {
      return fail(Code::decode, "mp4: '" + header.type.text() + "' is smaller than its header");
    }
  }
  if (!reader.ok()) return std::nullopt;
  if (header.size != 0 && header.size < header.header_size) {
    return fail(Code::decode, "mp4: '" + header.type.text() + "' is smaller than its header");
  }
  return header;
}

Result<std::optional<Box>> BoxReader::next() {
  if (in_.empty()) return std::nullopt;
  MOQ_TRY(const std::optional<BoxHeader> header, read_box_header(in_));
  if (!header) return fail(Code::decode, "mp4: a box header is cut");
  const std::uint64_t size = header->size == 0 ? in_.size() : header->size;
  if (size > in_.size()) {
    return fail(Code::decode, "mp4: '" + header->type.text() + "' is larger than what holds it");
  }
  Box box{.type = header->type};
  box.whole = in_.first(static_cast<std::size_t>(size));
  box.body = box.whole.subspan(header->header_size);
  in_ = in_.subspan(box.whole.size());
  return box;
}

std::optional<Box> find_box(ByteSpan container, FourCc type) {
  BoxReader reader(container);
  for (;;) {
    const auto box = reader.next();
    if (!box || !*box) return std::nullopt;
    if ((*box)->type == type) return **box;
  }
}

std::size_t BoxWriter::begin(FourCc type) {
  const std::size_t start = out_.size();
  out_.u32(0).u32(type.value);
  return start;
}

std::size_t BoxWriter::begin_full(FourCc type, std::uint8_t version, std::uint32_t flags) {
  const std::size_t start = begin(type);
  out_.u8(version).u24(flags);
  return start;
}

void BoxWriter::end(std::size_t start) {
  out_.patch_u32(start, static_cast<std::uint32_t>(out_.size() - start));
}

void BoxWriter::box(FourCc type, ByteSpan body) {
  const std::size_t start = begin(type);
  out_.bytes(body);
  end(start);
}

}  // namespace moq::mux::mp4
