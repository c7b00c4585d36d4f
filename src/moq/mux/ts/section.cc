#include "moq/mux/ts/section.h"

#include <array>

#include "moq/base/wire.h"

namespace moq::mux::ts {
namespace {

constexpr std::uint8_t kPatTable = 0;
constexpr std::uint8_t kPmtTable = 2;
constexpr std::uint8_t kStuffing = 0xff;
constexpr std::size_t kCrcBytes = 4;

constexpr std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t crc = i << 24;
    for (int bit = 0; bit < 8; ++bit) crc = crc << 1 ^ ((crc >> 31) != 0 ? 0x04c11db7U : 0U);
    table[i] = crc;
  }
  return table;
}
constexpr std::array<std::uint32_t, 256> kCrcTable = make_crc_table();

/// What all tables begin with: where the reader goes on is their own. Fails if it is another table,
/// or one that is not valid yet. `number`: of the stream or program.
bool read_header(Reader& in, std::uint8_t table, std::uint16_t& number) {
  const bool same = in.u8() == table;
  in.u16();  // The length, which the section was cut by.
  number = in.u16();
  const bool current = (in.u8() & 1) != 0;
  in.u16();  // Numbers of this section and of the last.
  return same && current && in.ok();
}

std::uint16_t pid_of(std::uint16_t field) { return field & 0x1fff; }
std::uint16_t length_of(std::uint16_t field) { return field & 0x0fff; }

}  // namespace

std::uint32_t section_crc(ByteSpan bytes) {
  std::uint32_t crc = UINT32_MAX;
  for (const std::uint8_t byte : bytes) crc = crc << 8 ^ kCrcTable[(crc >> 24) ^ byte];
  return crc;
}

std::vector<std::vector<std::uint8_t>> SectionReader::push(ByteSpan payload, bool unit_start) {
  std::vector<std::vector<std::uint8_t>> out;
  if (unit_start && !payload.empty()) {
    const std::size_t pointer = payload[0];
    payload = payload.subspan(1);
    if (pointer > payload.size()) {
      collecting_ = false;
      return out;
    }
    if (collecting_) {
      pending_.insert(pending_.end(), payload.begin(),
                      payload.begin() + static_cast<std::ptrdiff_t>(pointer));
      take(out);
    }
    payload = payload.subspan(pointer);
    pending_.clear();
    collecting_ = true;
  }
  if (!collecting_) return out;
  pending_.insert(pending_.end(), payload.begin(), payload.end());
  take(out);
  return out;
}

/// Cuts whole sections off the front of what is pending.
void SectionReader::take(std::vector<std::vector<std::uint8_t>>& out) {
  while (collecting_ && pending_.size() >= 3) {
    const std::size_t size = 3 + (std::size_t{pending_[1]} << 8 & 0x0f00) + pending_[2];
    if (pending_[0] == kStuffing || size > kMaxSectionBytes) {
      collecting_ = false;
      pending_.clear();
    } else if (pending_.size() < size) {
      return;
    } else {
      const auto end = pending_.begin() + static_cast<std::ptrdiff_t>(size);
      std::vector<std::uint8_t> section(pending_.begin(), end);
      pending_.erase(pending_.begin(), end);
      if (section_crc(section) == 0) out.push_back(std::move(section));
    }
  }
}

std::optional<std::vector<Program>> parse_pat(ByteSpan section) {
  if (section.size() < kCrcBytes) return std::nullopt;
  Reader in(section.first(section.size() - kCrcBytes));
  std::uint16_t stream = 0;
  if (!read_header(in, kPatTable, stream)) return std::nullopt;
  std::vector<Program> out;
  while (in.remaining() >= 4) {
    const Program program{.number = in.u16(), .map_pid = pid_of(in.u16())};
    if (program.number != 0) out.push_back(program);
  }
  return out;
}

std::optional<std::vector<StreamEntry>> parse_pmt(ByteSpan section, std::uint16_t program) {
  if (section.size() < kCrcBytes) return std::nullopt;
  Reader in(section.first(section.size() - kCrcBytes));
  std::uint16_t number = 0;
  if (!read_header(in, kPmtTable, number) || number != program) return std::nullopt;
  in.u16();  // Which pid carries the clock.
  in.skip(length_of(in.u16()));
  std::vector<StreamEntry> out;
  while (in.remaining() >= 5) {
    StreamEntry entry{.pid = 0, .type = in.u8()};
    entry.pid = pid_of(in.u16());
    const ByteSpan descriptors = in.bytes(length_of(in.u16()));
    if (!in.ok()) return std::nullopt;
    entry.descriptors.assign(descriptors.begin(), descriptors.end());
    out.push_back(std::move(entry));
  }
  return out;
}

}  // namespace moq::mux::ts
