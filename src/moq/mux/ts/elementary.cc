#include "moq/mux/ts/elementary.h"

#include <algorithm>
#include <string_view>

#include "moq/base/log.h"
#include "moq/mux/opus.h"

namespace moq::mux::ts {
namespace {

// `stream_type`, H.222.0 table 2-34.
constexpr std::uint8_t kMpeg1Audio = 0x03;
constexpr std::uint8_t kMpeg2Audio = 0x04;
constexpr std::uint8_t kPrivate = 0x06;
constexpr std::uint8_t kAdts = 0x0f;
constexpr std::uint8_t kH264 = 0x1b;
constexpr std::uint8_t kH265 = 0x24;

constexpr std::uint8_t kRegistration = 0x05;
constexpr std::uint8_t kExtension = 0x7f;
constexpr std::uint8_t kOpusExtension = 0x80;

/// The body of the first descriptor with that tag; empty if there is none.
ByteSpan find_descriptor(ByteSpan in, std::uint8_t tag) {
  while (in.size() >= 2) {
    const std::size_t size = std::min<std::size_t>(in[1], in.size() - 2);
    if (in[0] == tag) return in.subspan(2, size);
    in = in.subspan(2 + size);
  }
  return {};
}

/// Video: what comes from one time to the next is an access unit, in start codes.
class Video : public Elementary {
 public:
  Video(std::uint32_t id, std::string_view format) : id_(id), format_(format) {}

  void begin(std::optional<std::int64_t> pts_us, Found& out) override {
    if (!pts_us) return;
    finish(out);
    pts_us_ = pts_us;
  }

  Result<void> data(ByteSpan payload, Found&) override {
    if (!pts_us_) return {};
    if (unit_.size() + payload.size() > kMaxUnitBytes) {
      return fail(Code::too_many, "ts: an access unit is too large");
    }
    unit_.insert(unit_.end(), payload.begin(), payload.end());
    return {};
  }

  void lose() override {
    unit_.clear();
    pts_us_.reset();
  }

  [[nodiscard]] bool is_awaited() const override { return !found_; }

  void finish(Found& out) override {
    if (pts_us_ && !unit_.empty()) {
      if (!std::exchange(found_, true)) {
        out.emplace_back(FoundTrack{.id = id_, .format = format_, .init = {}});
      }
      out.emplace_back(FoundFrame{id_, *pts_us_, Bytes::copy(unit_)});
    }
    lose();
  }

 private:
  std::uint32_t id_;
  std::string format_;
  bool found_ = false;
  std::optional<std::int64_t> pts_us_;  ///< Of the open unit; none = drop what comes.
  std::vector<std::uint8_t> unit_;
};

/// Audio: frames that say themselves how long they are. PES packets hold several, and may cut them.
class Audio : public Elementary {
 public:
  using Prober = Probe (*)(ByteSpan, AudioFrame&);
  Audio(std::uint32_t id, std::string_view format, Prober probe, Bytes init)
      : id_(id), format_(format), probe_(probe), init_(std::move(init)) {}

  void begin(std::optional<std::int64_t> pts_us, Found&) override {
    lost_ = false;
    // It is of the first frame that begins in this PES packet.
    if (pts_us) next_pts_ = Mark{.at = pending_.size(), .pts_us = *pts_us};
  }

  Result<void> data(ByteSpan payload, Found& out) override {
    if (lost_) return {};
    pending_.insert(pending_.end(), payload.begin(), payload.end());
    std::size_t at = 0;
    while (at < pending_.size()) {
      AudioFrame frame;
      const ByteSpan rest = ByteSpan(pending_).subspan(at);
      const Probe probe = probe_at(at, frame);
      if (probe == Probe::none) {
        note_other_layer(rest);
        synced_ = false;
        ++at;
        continue;
      }
      if (probe == Probe::more || frame.size > rest.size()) break;
      synced_ = true;
      take(at, frame, out);
      at += frame.size;
    }
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(at));
    if (next_pts_) next_pts_->at -= std::min(next_pts_->at, at);
    return {};
  }

  void lose() override {
    lost_ = true;
    synced_ = false;
    pending_.clear();
    next_pts_.reset();
    pts_us_.reset();
  }

  [[nodiscard]] bool is_awaited() const override { return !found_; }
  void finish(Found&) override { lose(); }

 private:
  struct Mark {
    std::size_t at = 0;  ///< In `pending_`.
    std::int64_t pts_us = 0;
  };

  /// What begins at `at` of `pending_`. Where it is not known that a frame begins, another one must
  /// follow: bytes within a frame may look like a header.
  Probe probe_at(std::size_t at, AudioFrame& frame) const {
    const ByteSpan rest = ByteSpan(pending_).subspan(at);
    const Probe probe = probe_(rest, frame);
    const bool known = synced_ || (next_pts_ && next_pts_->at == at);
    if (probe != Probe::frame || known) return probe;
    if (frame.size >= rest.size()) return Probe::more;
    AudioFrame second;
    return probe_(rest.subspan(frame.size), second);
  }

  void take(std::size_t at, const AudioFrame& frame, Found& out) {
    if (next_pts_ && at >= next_pts_->at) {
      pts_us_ = next_pts_->pts_us;
      samples_ = 0;
      next_pts_.reset();
    }
    if (!pts_us_) return;  // Nobody knows when it is to be heard.
    if (!found_ || (!frame.init.empty() && differs(frame.init))) {
      if (!frame.init.empty()) init_ = frame.init;
      found_ = true;
      out.emplace_back(FoundTrack{.id = id_, .format = format_, .init = init_});
    }
    if (sample_rate_ != frame.sample_rate) {
      *pts_us_ += since_us();
      samples_ = 0;
      sample_rate_ = frame.sample_rate;
    }
    const ByteSpan payload =
        ByteSpan(pending_).subspan(at + frame.header_size, frame.size - frame.header_size);
    out.emplace_back(FoundFrame{id_, *pts_us_ + since_us(), Bytes::copy(payload)});
    samples_ += frame.samples;
  }

  /// How much came since `pts_us_`.
  [[nodiscard]] std::int64_t since_us() const {
    if (sample_rate_ == 0) return 0;
    return static_cast<std::int64_t>(samples_ * 1'000'000 / sample_rate_);
  }

  /// Whether another configuration begins. MP3 headers differ with each frame's bit rate and
  /// padding: the version, the layer and the sample rate matter.
  [[nodiscard]] bool differs(const Bytes& init) const {
    if (format_ != "mp3" || init_.size() < 4) return init != init_;
    return (init[1] & 0xfe) != (init_[1] & 0xfe) || (init[2] & 0x0c) != (init_[2] & 0x0c);
  }

  void note_other_layer(ByteSpan rest) {
    if (format_ != "mp3" || found_ || told_ || !is_other_layer(rest)) return;
    told_ = true;
    MOQ_LOG(warn, "mux", "ts: stream {} is MPEG audio of layer 1 or 2, which is left out", id_);
  }

  std::uint32_t id_;
  std::string format_;
  Prober probe_;
  Bytes init_;
  bool found_ = false;
  bool told_ = false;
  bool lost_ = true;     ///< Until a PES packet begins.
  bool synced_ = false;  ///< `pending_` begins where a frame ends.
  std::vector<std::uint8_t> pending_;
  std::optional<Mark> next_pts_;
  std::optional<std::int64_t> pts_us_;  ///< Of the last frame that had one,
  std::uint64_t samples_ = 0;           ///< and how much came since its start,
  std::uint32_t sample_rate_ = 0;       ///< at that rate.
};

/// What private streams may be: Opus, or what ffmpeg 5.1 makes of AAC in m2ts files, without a
/// descriptor that says what it is.
std::unique_ptr<Elementary> make_private(const StreamEntry& entry, std::uint32_t id) {
  if (entry.descriptors.empty()) {
    return std::make_unique<Audio>(id, "aac", probe_adts, Bytes());
  }
  if (as_text(find_descriptor(entry.descriptors, kRegistration)) != "Opus") return nullptr;
  const ByteSpan extension = find_descriptor(entry.descriptors, kExtension);
  if (extension.size() < 2 || extension[0] != kOpusExtension) return nullptr;
  // The code is the number of channels, 0 for two that are no pair; other layouts are rare.
  const std::uint8_t channels = extension[1] == 0 ? 2 : extension[1];
  if (channels > 2) return nullptr;
  return std::make_unique<Audio>(id, "opus", probe_opus, opus::Head{.channels = channels}.encode());
}

}  // namespace

std::unique_ptr<Elementary> make_elementary(const StreamEntry& entry, std::uint32_t id) {
  switch (entry.type) {
    case kH264:
      return std::make_unique<Video>(id, "avc3");
    case kH265:
      return std::make_unique<Video>(id, "hev1");
    case kAdts:
      return std::make_unique<Audio>(id, "aac", probe_adts, Bytes());
    case kMpeg1Audio:
    case kMpeg2Audio:
      return std::make_unique<Audio>(id, "mp3", probe_mp3, Bytes());
    case kPrivate:
      return make_private(entry, id);
    default:
      return nullptr;
  }
}

}  // namespace moq::mux::ts
