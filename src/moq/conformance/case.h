#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "moq/conformance/peer.h"

namespace moq::conformance {

/// What one run of a case works with.
struct Script {
  Script(Bench& where, std::string version_name, std::string path)
      : bench(&where), version(std::move(version_name)), base(std::move(path)) {}

  Bench* bench;
  std::string version;  ///< The protocol's name, "moq-lite-06".
  std::string base;     ///< A path that is this case's alone.

  [[nodiscard]] End end() const { return bench->end; }
};

using Verdict = Result<void>;

/// Which ends a case says something about: bits of `End`.
using Ends = std::uint8_t;
inline constexpr Ends kRelays = static_cast<Ends>(End::relay);
inline constexpr Ends kPublishers = static_cast<Ends>(End::publisher);
inline constexpr Ends kSubscribers = static_cast<Ends>(End::subscriber);
inline constexpr Ends kClients = kPublishers | kSubscribers;
inline constexpr Ends kAll = kRelays | kClients;

/// One script. It fails with what was expected and what came; `kSkip` if it does not apply.
struct Case {
  std::string_view name;     ///< "announce/ok-comes-first".
  std::string_view section;  ///< Of the specification.
  kio::Task<Verdict> (*run)(Script& script);
  /// A relay must serve others afterwards, which is tried.
  bool hostile = false;
  Ends ends = kRelays;
};

/// A protocol version and what there is to check of it.
struct Protocol {
  std::string name;
  std::vector<Case> cases;
  /// Whether the endpoint still serves: a broadcast from one new session to another.
  kio::Task<Verdict> (*still_serves)(Script& script);
};

/// All versions that there are cases for, newest first.
std::vector<Protocol> protocols();

}  // namespace moq::conformance
