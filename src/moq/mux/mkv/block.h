#pragma once

#include <vector>

#include "moq/mux/mkv/ebml.h"

namespace moq::mux::mkv {

/// A SimpleBlock or Block, RFC 9559 §10.
struct Block {
  std::uint64_t track = 0;
  std::int16_t time = 0;      ///< From the cluster's, in ticks.
  std::vector<Bytes> frames;  ///< Several if the block is laced; they share it.
  bool operator==(const Block&) const = default;
};

/// Reads the body of either. `Code::decode` if it is cut or its lacing does not fit.
Result<Block> parse_block(const Bytes& body);

}  // namespace moq::mux::mkv
