#pragma once

#include <map>

#include "moq/mux/demuxer.h"
#include "moq/mux/ts/pes.h"

namespace moq::mux::ts {

/// Streams of a program that are read, each with an access unit in memory.
inline constexpr std::size_t kMaxStreams = 16;

/// Takes the first program of an MPEG-2 transport stream apart: H.264, H.265, AAC (ADTS), MP3,
/// Opus. Tracks are found with their first frame, under their pid. Lost packets cost the frames
/// that they were of.
class TsDemuxer : public Demuxer {
 public:
  Result<void> push(const Bytes& data, Found& out) override;
  Result<void> finish(Found& out) override;
  [[nodiscard]] bool found_all() const override;

 private:
  Result<void> take_packets(Found& out);
  void take_pat(ByteSpan section);
  void take_pmt(ByteSpan section, Found& out);

  struct Stream {
    StreamEntry entry;
    std::optional<PesReader> reader;  ///< None: of a codec that we do not know.
  };

  PacketReader packets_;
  SectionReader pat_;
  SectionReader pmt_;
  std::optional<Program> program_;
  std::map<std::uint16_t, Stream> streams_;  ///< By pid.
  PtsUnwrapper times_;
  bool told_ = false;  ///< That there are too many streams.
};

}  // namespace moq::mux::ts
