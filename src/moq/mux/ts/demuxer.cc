#include "moq/mux/ts/demuxer.h"

#include <algorithm>

#include "moq/base/log.h"

namespace moq::mux::ts {
namespace {

constexpr std::uint16_t kPatPid = 0;

}  // namespace

Result<void> TsDemuxer::push(const Bytes& data, Found& out) {
  packets_.push(data.span());
  return take_packets(out);
}

Result<void> TsDemuxer::finish(Found& out) {
  packets_.end();
  MOQ_CHECK(take_packets(out));
  for (auto& [pid, stream] : streams_) {
    if (stream.reader) stream.reader->finish(out);
  }
  return {};
}

bool TsDemuxer::found_all() const {
  const auto is_awaited = [](const auto& one) {
    return one.second.reader && one.second.reader->is_awaited();
  };
  return !streams_.empty() && std::ranges::none_of(streams_, is_awaited);
}

Result<void> TsDemuxer::take_packets(Found& out) {
  for (;;) {
    MOQ_TRY(const std::optional<ByteSpan> bytes, packets_.next());
    if (!bytes) return {};
    const std::optional<Packet> packet = parse_packet(*bytes);
    if (!packet) continue;
    if (packet->pid == kPatPid) {
      for (const auto& section : pat_.push(packet->payload, packet->unit_start)) take_pat(section);
    } else if (program_ && packet->pid == program_->map_pid) {
      for (const auto& section : pmt_.push(packet->payload, packet->unit_start)) {
        take_pmt(section, out);
      }
    } else if (const auto stream = streams_.find(packet->pid);
               stream != streams_.end() && stream->second.reader) {
      MOQ_CHECK(stream->second.reader->push(*packet, times_, out));
    }
  }
}

/// Keeps to one program: several would be one broadcast with alternatives that are none.
void TsDemuxer::take_pat(ByteSpan section) {
  const std::optional<std::vector<Program>> programs = parse_pat(section);
  if (!programs || programs->empty()) return;
  if (program_ && std::ranges::find(*programs, *program_) != programs->end()) return;
  program_ = programs->front();
  pmt_ = SectionReader();
  if (programs->size() > 1) {
    MOQ_LOG(warn, "mux", "ts: program {} is read, the first of {}", program_->number,
            programs->size());
  }
}

void TsDemuxer::take_pmt(ByteSpan section, Found& out) {
  const std::optional<std::vector<StreamEntry>> entries = parse_pmt(section, program_->number);
  if (!entries) return;
  const auto is_gone = [&entries](const auto& one) {
    return std::ranges::find(*entries, one.second.entry) == entries->end();
  };
  for (auto& one : streams_) {
    if (is_gone(one) && one.second.reader) one.second.reader->finish(out);
  }
  std::erase_if(streams_, is_gone);
  for (const StreamEntry& entry : *entries) {
    if (streams_.contains(entry.pid)) continue;
    if (streams_.size() == kMaxStreams) {
      if (!std::exchange(told_, true)) {
        MOQ_LOG(warn, "mux", "ts: only {} streams are read", kMaxStreams);
      }
      return;
    }
    Stream stream{.entry = entry, .reader = std::nullopt};
    if (auto elementary = make_elementary(entry, entry.pid)) {
      stream.reader.emplace(std::move(elementary));
    } else {
      MOQ_LOG(warn, "mux", "ts: stream {} has the unknown type {:#04x}", entry.pid, entry.type);
    }
    streams_.emplace(entry.pid, std::move(stream));
  }
}

}  // namespace moq::mux::ts
