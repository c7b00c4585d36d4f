#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "moq/base/result.h"
#include "moq/base/wire.h"

namespace moq::net {

/// The name of a broadcast, or a prefix of names: segments joined by '/', without a slash at either
/// end and without empty segments. The empty path is the root. All matching is by segment: `foo`
/// covers `foo` and `foo/bar`, not `foobar`.
class Path {
 public:
  /// As all peers have it: more is a decode error on receipt, refused on sending.
  static constexpr std::size_t kMaxSegments = 32;
  /// Ours: as long as moq-transport allows a full track name. Keeps what an announcement costs
  /// bounded.
  static constexpr std::size_t kMaxBytes = 4096;

  /// The root.
  Path() = default;

  /// Normalises: drops slashes at both ends and collapses runs of them. Fails with `bad_utf8`,
  /// `too_many` segments or `too_long`.
  static Result<Path, DecodeError> normalise(std::string_view text);
  /// The same for names that a user gave; fails with `invalid_argument`.
  static Result<Path> parse(std::string_view text);
  /// A path known to be valid, as in our own constants and tests; anything else is a bug.
  static Path of(std::string_view text);

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] bool is_root() const { return text_.empty(); }
  [[nodiscard]] std::size_t segment_count() const;
  /// The first `count` segments (all, if there are fewer).
  [[nodiscard]] Path first(std::size_t count) const;
  /// How many leading segments this and `other` have in common.
  [[nodiscard]] std::size_t common_segments(const Path& other) const;

  /// Whether `prefix` is this path or an ancestor of it.
  [[nodiscard]] bool has_prefix(const Path& prefix) const;
  /// What follows `prefix`; none if it is not a prefix.
  [[nodiscard]] std::optional<Path> strip_prefix(const Path& prefix) const;
  /// This path followed by `suffix`. Fails with `too_many` segments or `too_long`.
  [[nodiscard]] Result<Path, DecodeError> join(const Path& suffix) const;

  /// Whether a segment starts with '.': a route with such a suffix below the prefix that was asked
  /// for is listed only to those who ask for hidden ones.
  [[nodiscard]] bool is_hidden() const;
  /// Whether a segment is `*` or `**`: those are patterns in grants, and cannot be announced.
  [[nodiscard]] bool has_wildcard() const;

  bool operator==(const Path&) const = default;
  /// By bytes; a path sorts before what lies below it.
  std::strong_ordering operator<=>(const Path&) const = default;

 private:
  explicit Path(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

}  // namespace moq::net

template <>
struct std::hash<moq::net::Path> {
  std::size_t operator()(const moq::net::Path& path) const noexcept {
    return std::hash<std::string>()(path.text());
  }
};
