#include "moq/conformance/lite.h"

namespace moq::conformance::lite {
namespace {

Bytes with_type(std::uint64_t type, const Bytes& rest) {
  Writer out;
  out.varint(type).bytes(rest);
  return out.take();
}

}  // namespace

Bytes message(const Writer& body) {
  Writer out;
  out.prefixed(body.span());
  return out.take();
}

Bytes message(std::uint64_t type, const Writer& body) { return with_type(type, message(body)); }

Bytes Wire::announce_request(std::string_view prefix, std::uint64_t exclude) const {
  Writer body;
  body.text(prefix);
  if (version_ == Version::v04 || version_ == Version::v05) body.varint(exclude);
  return with_type(kAnnounce, message(body));
}

void Wire::write_range(Writer& out, const Subscription& what) const {
  out.u8(128);
  if (!from(Version::v06)) out.u8(0);
  out.varint(what.max_age_ms);
  if (from(Version::v06)) {
    out.varint(what.range.first.value_or(0)).optional_varint(what.range.last);
    out.varint(what.range.first_frame).optional_varint(what.range.last_frame);
  } else {
    out.optional_varint(what.range.first).optional_varint(what.range.last);
  }
}

Bytes Wire::subscribe(const Subscription& what) const {
  Writer body;
  body.varint(what.id).text(what.broadcast).text(what.track);
  write_range(body, what);
  return with_type(kSubscribe, message(body));
}

Bytes Wire::subscribe_update(const Subscription& what) const {
  Writer body;
  write_range(body, what);
  return message(body);
}

Bytes Wire::track(std::string_view broadcast, std::string_view name) const {
  Writer body;
  body.text(broadcast).text(name);
  return with_type(kTrack, message(body));
}

Bytes Wire::fetch(std::string_view broadcast, std::string_view name, std::uint64_t group,
                  Range range) const {
  Writer body;
  body.text(broadcast).text(name).u8(128).varint(group);
  if (from(Version::v06)) body.varint(range.first_frame).optional_varint(range.last_frame);
  return with_type(kFetch, message(body));
}

Bytes Wire::group_header(std::uint64_t subscription, std::uint64_t sequence) const {
  Writer body;
  body.varint(subscription).varint(sequence);
  if (from(Version::v06)) body.varint(0);
  return with_type(kGroup, message(body));
}

Bytes Wire::announce_ok(std::uint64_t hop, std::uint64_t active) const {
  Writer body;
  body.varint(hop).varint(active);
  return message(body);
}

Bytes Wire::active(std::string_view suffix) const {
  if (version_ == Version::v04) return active(suffix, {kPublisherHop});
  return active(suffix, {});
}

Bytes Wire::active(std::string_view suffix, const std::vector<std::uint64_t>& hops) const {
  Writer body;
  if (!from(Version::v06)) body.u8(1);
  body.text(suffix);
  if (version_ == Version::v03) {
    body.varint(hops.size() + 1);
    return message(body);
  }
  body.varint(hops.size());
  for (const std::uint64_t hop : hops) body.varint(hop);
  if (!from(Version::v06)) return message(body);
  body.varint(0).varint(0);
  return message(0, body);
}

Bytes Wire::ended(std::string_view suffix, std::uint64_t id) const {
  Writer body;
  if (from(Version::v06)) return message(1, body.varint(id));
  body.u8(0).text(suffix).varint(0);
  return message(body);
}

Bytes Wire::track_info(std::uint64_t timescale) const {
  Writer body;
  body.u8(128);
  if (version_ == Version::v05) body.u8(0);
  body.varint(60'000).varint(timescale);
  return message(body);
}

Bytes Wire::subscribe_ok(std::uint64_t sequence) const {
  Writer body;
  if (from(Version::v05)) return message(0, body.varint(sequence));
  body.u8(128).u8(0).varint(0).varint(0).varint(0);
  return message(0, body);
}

Bytes Wire::subscribe_end(std::uint64_t sequence) const {
  Writer body;
  return from(Version::v05) ? message(1, body.varint(sequence)) : Bytes();
}

Bytes Wire::subscribe_drop(std::uint64_t first, std::uint64_t last) const {
  Writer body;
  body.varint(first).varint(last).varint(0);
  return message(from(Version::v05) ? 2 : 1, body);
}

Bytes Wire::frames(const std::vector<Frame>& frames) const {
  Writer out;
  std::int64_t previous = 0;
  for (const Frame& frame : frames) {
    if (from(Version::v05)) out.zigzag(frame.timestamp - previous);
    previous = frame.timestamp;
    out.text(frame.payload);
  }
  return out.take();
}

std::optional<std::size_t> Wire::count_frames(const Bytes& bytes) const {
  Reader in(bytes);
  std::size_t count = 0;
  for (std::int64_t time = 0; in.ok() && in.remaining() > 0; ++count) {
    if (from(Version::v05)) time += in.zigzag();
    in.prefixed();
    if (time < 0) return std::nullopt;
  }
  if (!in.ok()) return std::nullopt;
  return count;
}

std::string Wire::first_payload(const Bytes& bytes) const {
  Reader in(bytes);
  if (from(Version::v05)) in.zigzag();
  const ByteSpan payload = in.prefixed();
  return in.ok() ? std::string(as_text(payload)) : std::string();
}

std::string Request::track() const {
  Reader in(body);
  in.varint();
  in.text();
  return std::string(in.text());
}

std::vector<Frame> sample_frames() { return {{1000, "hello"}, {1033, "hi"}, {1000, ""}}; }

Version version_of(const Script& script) {
  return static_cast<Version>(script.version.back() - '0');
}

Codes refusals(const Script& script) {
  return script.end() == End::subscriber ? Codes::any() : Codes(kNotFound, kUnroutable);
}

Verdict require(const Script& script, Version version) {
  if (version_of(script) >= version) return {};
  return fail(kSkip, "not in this version");
}

}  // namespace moq::conformance::lite
