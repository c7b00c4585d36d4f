#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "moq/base/bytes.h"
#include "moq/net/lite/fuzz_support.h"
#include "moq/net/moqt/draft.h"
#include "moq/net/moqt/stream_reader.h"

/// For the fuzz targets of the codec alone. Each takes the draft from its input's first byte.
namespace moq::net::moqt {

using lite::take_byte;

inline Draft take_draft(ByteSpan& input) { return kDrafts.at(take_byte(input) % kDrafts.size()); }

inline StreamReader fuzz_reader(ByteSpan input, std::size_t chunk, Draft draft) {
  return {std::make_unique<lite::FuzzRecvStream>(input, chunk), draft};
}

}  // namespace moq::net::moqt
