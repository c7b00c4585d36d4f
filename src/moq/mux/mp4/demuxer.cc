#include "moq/mux/mp4/demuxer.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace moq::mux::mp4 {
namespace {

bool is_ours(FourCc type) {
  return type == FourCc("moov") || type == FourCc("moof") || type == FourCc("mdat");
}

/// Whether a file may begin with such a box: tells MP4 from anything else that is piped in.
bool may_be_first(FourCc type) {
  constexpr std::array<FourCc, 13> kFirst = {"ftyp", "styp", "moov", "moof", "mdat", "free", "skip",
                                             "wide", "uuid", "prft", "emsg", "pdin", "sidx"};
  return std::ranges::find(kFirst, type) != kFirst.end();
}

/// Whether this may stand between fragments: not what bytes that are no MP4 at all look like, which
/// would have us skip up to 2^64 of them in silence.
bool may_be_skipped(const BoxHeader& header) {
  if (may_be_first(header.type) || header.size <= kMaxFragmentBytes) return header.type.prints();
  return false;
}

}  // namespace

void Demuxer::push(const Bytes& data) {
  const std::array<Bytes, 2> parts = {input_, data};
  input_ = input_.empty() ? data : join(parts);
}

Result<std::optional<Demuxer::Event>> Demuxer::next() {
  while (events_.empty()) {
    if (error_) return std::unexpected(*error_);
    const Result<Step> step = advance();
    if (!step) {
      error_ = step.error();
      error_->text += ", at byte " + std::to_string(box_start_);
    } else if (*step == Step::starved) {
      return std::nullopt;
    }
  }
  Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

Result<void> Demuxer::finish() const {
  if (error_) return std::unexpected(*error_);
  const std::string at = ", at byte " + std::to_string(box_start_);
  if (partial_ || skip_ > 0) {
    return fail(Code::decode,
                "mp4: the input ends after " + std::to_string(position_ - box_start_) + " of " +
                    std::to_string(box_.size) + " bytes of '" + box_.type.text() + "'" + at);
  }
  if (!input_.empty()) return fail(Code::decode, "mp4: the input ends within a box header" + at);
  if (!pending_.empty()) return fail(Code::decode, "mp4: the input ends before the mdat" + at);
  return {};
}

Bytes Demuxer::consume(std::size_t size) {
  Bytes taken = input_.take_front(size);
  position_ += taken.size();
  return taken;
}

Result<Demuxer::Step> Demuxer::advance() {
  if (input_.empty()) return Step::starved;
  if (skip_ > 0) {
    skip_ -=
        consume(static_cast<std::size_t>(std::min<std::uint64_t>(skip_, input_.size()))).size();
    return Step::again;
  }
  if (!partial_) return begin_box();
  const Bytes part = consume(partial_->buffer->size() - partial_->filled);
  std::memcpy(partial_->buffer->data() + partial_->filled, part.data(), part.size());
  partial_->filled += part.size();
  if (partial_->filled < partial_->buffer->size()) return Step::starved;
  Partial done = *std::exchange(partial_, std::nullopt);
  const std::size_t size = done.filled;
  MOQ_CHECK(take_box(box_.type, Bytes(std::move(done.buffer), 0, size), box_.header_size));
  return Step::again;
}

Result<Demuxer::Step> Demuxer::begin_box() {
  box_start_ = position_;
  MOQ_TRY(const std::optional<BoxHeader> header, read_box_header(input_.span()));
  if (!header) return Step::starved;
  box_ = *header;
  MOQ_CHECK(check_header(*header));
  if (!is_ours(header->type)) {
    skip_ = header->size;
    return Step::again;
  }
  const auto size = static_cast<std::size_t>(header->size);
  if (input_.size() >= size) {
    MOQ_CHECK(take_box(header->type, consume(size), header->header_size));
  } else {
    partial_ = Partial{.buffer = Buffer::allocate(size)};
  }
  return Step::again;
}

Result<void> Demuxer::check_header(const BoxHeader& header) const {
  const std::string name = "mp4: '" + header.type.text() + "'";
  if (position_ == 0 && !may_be_first(header.type)) {
    return fail(Code::decode, "mp4: the input is no MP4 file");
  }
  if (!is_ours(header.type) && !may_be_skipped(header)) {
    return fail(Code::decode, "mp4: neither media nor a box");
  }
  if (header.size == 0) return fail(Code::unsupported, name + " has no end");
  if (!movie_ && (header.type == FourCc("mdat") || header.type == FourCc("moof"))) {
    return fail(Code::unsupported, name + " comes before 'moov': not a fragmented file");
  }
  const std::size_t most = header.type == FourCc("moov") ? kMaxMovieBytes : kMaxFragmentBytes;
  if (is_ours(header.type) && header.size > most) {
    return fail(Code::too_many, name + " has " + std::to_string(header.size) +
                                    " bytes, more than " + std::to_string(most));
  }
  return {};
}

Result<void> Demuxer::take_box(FourCc type, const Bytes& box, std::size_t header_size) {
  const Bytes body = box.slice(header_size);
  if (type == FourCc("mdat")) return take_media(body, position_ - body.size());
  if (type == FourCc("moov")) {
    MOQ_TRY(movie_, parse_movie(body));
    if (!movie_->fragmented) {
      return fail(Code::unsupported, "mp4: not fragmented (ffmpeg: -movflags cmaf)");
    }
    lift_edits(*movie_);
    events_.emplace_back(*movie_);
    return {};
  }
  if (!pending_.empty()) return fail(Code::decode, "mp4: a fragment without its mdat");
  MOQ_TRY(pending_, parse_fragment(*movie_, body.span(), position_ - box.size()));
  return {};
}

Result<void> Demuxer::take_media(const Bytes& data, std::uint64_t position) {
  std::vector<PlacedFragment> later;
  for (PlacedFragment& placed : pending_) {
    const std::uint64_t first = placed.placements.front().offset;
    if (first > position + data.size()) {
      later.push_back(std::move(placed));
      continue;
    }
    MOQ_TRY(Fragment fragment, resolve(std::move(placed), data, position));
    events_.emplace_back(std::move(fragment));
  }
  pending_ = std::move(later);
  return {};
}

}  // namespace moq::mux::mp4
