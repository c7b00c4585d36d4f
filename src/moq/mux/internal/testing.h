#pragma once

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "moq/base/bytes.h"
#include "moq/base/testing_paths.h"

/// For tests alone.
namespace moq::mux::testing {

/// A file of `testdata/`.
inline Bytes read_testdata(const std::string& name) {
  std::ifstream file(test_source_dir() + "/src/moq/mux/testdata/" + name, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  return Bytes::copy(text);
}

/// The frames of an IVF file of `testdata/`.
inline std::vector<Bytes> read_ivf(const std::string& name) {
  constexpr std::size_t kFileHeader = 32;
  constexpr std::size_t kFrameHeader = 12;  // A size in little endian, and a time.
  Bytes file = read_testdata(name);
  file.take_front(kFileHeader);
  std::vector<Bytes> out;
  while (file.size() > kFrameHeader) {
    const Bytes header = file.take_front(kFrameHeader);
    out.push_back(file.take_front(header[0] | std::size_t{header[1]} << 8));
  }
  return out;
}

/// Bytes written as digits.
inline Bytes bytes_of(const std::vector<int>& values) {
  return Bytes::copy(ByteSpan(std::vector<std::uint8_t>(values.begin(), values.end())));
}

}  // namespace moq::mux::testing
