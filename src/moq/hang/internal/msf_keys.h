#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace moq::hang::msf {

/// Whether `key` has a meaning at the root of an MSF catalog; others are sections of applications.
inline bool is_root_key(std::string_view key) {
  constexpr std::array<std::string_view, 7> kKeys = {"version",     "generatedAt",   "isComplete",
                                                     "tracks",      "publishTracks", "deltaUpdate",
                                                     "initDataList"};
  return std::ranges::find(kKeys, key) != kKeys.end();
}

}  // namespace moq::hang::msf
