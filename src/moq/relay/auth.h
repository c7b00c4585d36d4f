#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "moq/base/result.h"
#include "moq/net/path.h"

namespace moq::relay {

/// A pattern of paths, by segment: `*` stands for one segment, `**`, only at the end, for any
/// number.
class Pattern {
 public:
  /// Fails with `bad_config` for one without wildcard: it would name exactly one broadcast.
  static Result<Pattern> parse(std::string_view text);
  [[nodiscard]] bool matches(const net::Path& path) const;
  /// Could it match `root`, or a path below it?
  [[nodiscard]] bool reaches(const net::Path& root) const;

 private:
  std::vector<std::string> segments_;
  bool open_ended_ = false;
};

/// What anyone may do. A relay without grants serves nobody.
struct Grants {
  std::vector<Pattern> publish;
  std::vector<Pattern> subscribe;

  [[nodiscard]] static bool covers(const std::vector<Pattern>& patterns, const net::Path& path);
  [[nodiscard]] static bool reach(const std::vector<Pattern>& patterns, const net::Path& root);
};

/// What a client asked for: where its session is rooted.
struct Admission {
  net::Path root;
};
/// Judges the request path of a client ("/room?jwt=x"). A public relay knows no tokens, so it
/// refuses any; the error is `unauthorized`.
Result<Admission> admit(std::string_view request);
/// The refusal of who may do nothing below `root`.
Error nobody_may(const net::Path& root);

}  // namespace moq::relay
