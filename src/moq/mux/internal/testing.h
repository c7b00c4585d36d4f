#pragma once

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "moq/base/bytes.h"

/// For tests alone.
namespace moq::mux::testing {

/// A file of `testdata/`.
inline Bytes read_testdata(const std::string& name) {
  std::ifstream file(std::string(MOQ_TESTDATA) + "/" + name, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  return Bytes::copy(text);
}

/// Bytes written as digits.
inline Bytes bytes_of(const std::vector<int>& values) {
  return Bytes::copy(ByteSpan(std::vector<std::uint8_t>(values.begin(), values.end())));
}

}  // namespace moq::mux::testing
