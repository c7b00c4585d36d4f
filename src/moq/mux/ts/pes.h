#pragma once

#include <memory>

#include "moq/mux/ts/elementary.h"
#include "moq/mux/ts/packet.h"
#include "moq/mux/unwrap.h"

namespace moq::mux::ts {

/// Time stamps: 33 bits at 90 kHz, which start over each 26.5 hours.
using PtsUnwrapper = Unwrapper<33>;

/// Takes the PES packets of one pid apart (H.222.0 §2.4.3.6).
class PesReader {
 public:
  explicit PesReader(std::unique_ptr<Elementary> elementary) : elementary_(std::move(elementary)) {}

  /// One packet of the pid. `times` is that of the program, which all its streams share.
  Result<void> push(const Packet& packet, PtsUnwrapper& times, Found& out);
  void finish(Found& out) { elementary_->finish(out); }
  [[nodiscard]] bool is_awaited() const { return elementary_->is_awaited(); }

 private:
  /// Whether the packet is a new one. Drops what is open after a gap.
  bool check_counter(const Packet& packet, Found& out);
  void take_header(PtsUnwrapper& times, Found& out);

  std::unique_ptr<Elementary> elementary_;
  std::optional<std::uint8_t> counter_;     ///< Of the last packet,
  std::vector<std::uint8_t> last_payload_;  ///< and what was in it.
  bool in_header_ = false;                  ///< `header_` is not complete,
  std::vector<std::uint8_t> header_;  ///< which has at most 9 + 255 bytes and the rest of a packet.
  bool in_body_ = false;
  std::optional<std::size_t> left_;  ///< Of the body; none = until the next one begins.
};

}  // namespace moq::mux::ts
