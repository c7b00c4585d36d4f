#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "moq/base/bytes.h"

namespace moq::mux::ts {

/// A section of PAT or PMT, from its table id to its CRC. H.222.0 §2.4.4.
inline constexpr std::size_t kMaxSectionBytes = 1024;

/// Puts the sections of one pid together.
class SectionReader {
 public:
  /// The sections that a payload completes, each with a CRC that is right.
  std::vector<std::vector<std::uint8_t>> push(ByteSpan payload, bool unit_start);

 private:
  void take(std::vector<std::vector<std::uint8_t>>& out);

  std::vector<std::uint8_t> pending_;
  bool collecting_ = false;
};

/// One program of a PAT.
struct Program {
  std::uint16_t number = 0;
  std::uint16_t map_pid = 0;
  bool operator==(const Program&) const = default;
};

/// One elementary stream of a PMT.
struct StreamEntry {
  std::uint16_t pid = 0;
  std::uint8_t type = 0;  ///< `stream_type`, H.222.0 table 2-34.
  std::vector<std::uint8_t> descriptors;
  bool operator==(const StreamEntry&) const = default;
};

/// The programs of a program association section, without the network's; none if it is another one.
std::optional<std::vector<Program>> parse_pat(ByteSpan section);
/// The streams of the program map section of `program`; none if it is another one.
std::optional<std::vector<StreamEntry>> parse_pmt(ByteSpan section, std::uint16_t program);

/// The CRC at the end of sections; 0 over a whole one. H.222.0 annex A.
std::uint32_t section_crc(ByteSpan bytes);

}  // namespace moq::mux::ts
