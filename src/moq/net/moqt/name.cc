#include "moq/net/moqt/name.h"

#include <string_view>
#include <utility>

#include "moq/net/moqt/limits.h"

namespace moq::net::moqt {
namespace {

void append_escaped(std::string& out, std::string_view field) {
  for (const char c : field) {
    if (c == '/' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
}

/// As the drafts write a field in logs: all but letters, digits and '_' as '.' and two digits.
void append_described(std::string& out, std::string_view field) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (const char c : field) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (plain || c == '_') {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<std::uint8_t>(c);
    out.push_back('.');
    out.push_back(kDigits[byte >> 4]);
    out.push_back(kDigits[byte & 15]);
  }
}

}  // namespace

std::size_t TrackNamespace::size_bytes() const {
  std::size_t size = 0;
  for (const std::string& field : fields) size += field.size();
  return size;
}

TrackNamespace read_namespace(Reader& in, Draft draft) {
  TrackNamespace name;
  std::uint64_t left = kMaxFullNameBytes;
  for (std::uint64_t count = in.count(kMaxNamespaceFields); count > 0 && in.ok(); --count) {
    const ByteSpan field = in.prefixed(left);
    if (field.empty() && draft > Draft::d14) in.fail(DecodeError::out_of_range);
    left -= field.size();
    name.fields.emplace_back(as_text(field));
  }
  if (!in.ok()) return {};
  return name;
}

void write_namespace(Writer& out, const TrackNamespace& name) {
  out.varint(name.fields.size());
  for (const std::string& field : name.fields) out.text(field);
}

FullTrackName read_full_name(Reader& in, Draft draft) {
  FullTrackName name{.track_namespace = read_namespace(in, draft)};
  name.name = as_text(in.prefixed(kMaxFullNameBytes - name.track_namespace.size_bytes()));
  return name;
}

void write_full_name(Writer& out, const FullTrackName& name) {
  write_namespace(out, name.track_namespace);
  out.text(name.name);
}

Result<Path, DecodeError> to_path(const TrackNamespace& name) {
  std::string text;
  for (const std::string& field : name.fields) {
    if (field.empty()) return std::unexpected(DecodeError::out_of_range);
    if (!text.empty()) text.push_back('/');
    append_escaped(text, field);
  }
  auto path = Path::normalise(text);
  // A field with a '/' at one of its ends looks like an empty segment, which paths do not have.
  if (path && path->text() != text) return std::unexpected(DecodeError::out_of_range);
  return path;
}

TrackNamespace from_path(const Path& path) {
  TrackNamespace name;
  if (path.is_root()) return name;
  const std::string_view text = path.text();
  std::string field;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escapes = text[i] == '\\' && i + 1 < text.size();
    if (escapes && (text[i + 1] == '/' || text[i + 1] == '\\')) {
      field.push_back(text[++i]);
    } else if (text[i] == '/') {
      name.fields.push_back(std::exchange(field, {}));
    } else {
      field.push_back(text[i]);
    }
  }
  name.fields.push_back(std::move(field));
  return name;
}

std::string describe(const TrackNamespace& name) {
  std::string out;
  for (const std::string& field : name.fields) {
    if (&field != &name.fields.front()) out.push_back('-');
    append_described(out, field);
  }
  return out;
}

std::string describe(const FullTrackName& name) {
  std::string out = describe(name.track_namespace) + "--";
  append_described(out, name.name);
  return out;
}

}  // namespace moq::net::moqt
