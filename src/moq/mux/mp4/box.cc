#include "moq/mux/mp4/box.h"

#include <algorithm>
#include <array>

namespace moq::mux::mp4 {
namespace {
constexpr std::size_t kHeader = 8;
constexpr std::uint64_t kSizeIs64Bit = 1;
constexpr std::array<int, 4> kShifts = {24, 16, 8, 0};

char letter(std::uint32_t value, int shift) { return static_cast<char>(value >> shift & 0xff); }
bool is_printable(char c) { return c >= ' ' && c <= '~'; }
}  // namespace

std::string FourCc::text() const {
  std::string out;
  for (const int shift : kShifts) {
    const char c = letter(value, shift);
    out += is_printable(c) ? c : '?';
  }
  return out;
}

bool FourCc::prints() const {
  return std::ranges::all_of(kShifts,
                             [this](int shift) { return is_printable(letter(value, shift)); });
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
