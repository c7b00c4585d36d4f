// The main of a fuzz target where there is no fuzzer: runs it on the files of its corpus and on
// mutations of them, always the same ones, so that every build and every test run exercises it.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Input = std::vector<std::uint8_t>;

constexpr int kMutations = 3000;
// Enough to find what a change broke; a real search is the fuzz preset's work.
constexpr std::chrono::seconds kBudget{5};
constexpr std::size_t kMaxMutatedBytes = 4096;

std::vector<Input> read_corpus(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());  // A folder has no order of its own.
  std::vector<Input> corpus;
  for (const auto& file : files) {
    std::ifstream in(file, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return corpus;
}

std::size_t below(std::mt19937_64& random, std::size_t limit) {
  return limit == 0 ? 0 : static_cast<std::size_t>(random() % limit);
}

/// One to four edits: a bit, a byte of the kind that decoders trip over, a cut, a repeat, another's
/// tail.
Input mutate(const std::vector<Input>& corpus, std::mt19937_64& random) {
  constexpr std::uint8_t kEdges[] = {0x00, 0x01, 0x3f, 0x40, 0x7f, 0x80, 0xbf, 0xc0, 0xfe, 0xff};
  Input input = corpus[below(random, corpus.size())];
  for (std::size_t edits = 1 + below(random, 4); edits > 0; --edits) {
    const std::size_t at = below(random, input.size());
    const auto place = input.begin() + static_cast<std::ptrdiff_t>(at);
    switch (random() % 6) {
      case 0:
        if (!input.empty())
          input[at] = static_cast<std::uint8_t>(input[at] ^ (1U << (random() % 8)));
        break;
      case 1:
        if (!input.empty()) input[at] = kEdges[below(random, std::size(kEdges))];
        break;
      case 2:
        input.resize(at);
        break;
      case 3:
        input.insert(place, kEdges[below(random, std::size(kEdges))]);
        break;
      case 4: {
        const Input repeated(place,
                             place + static_cast<std::ptrdiff_t>(below(random, input.size() - at)));
        input.insert(input.end(), repeated.begin(), repeated.end());
        break;
      }
      default: {
        const Input& other = corpus[below(random, corpus.size())];
        const auto from = other.begin() + static_cast<std::ptrdiff_t>(below(random, other.size()));
        input.resize(at);
        input.insert(input.end(), from, other.end());
        break;
      }
    }
  }
  input.resize(std::min(input.size(), kMaxMutatedBytes));
  return input;
}

void run(const Input& input) { LLVMFuzzerTestOneInput(input.data(), input.size()); }

}  // namespace

int main(int argc, char** argv) {
  std::vector<Input> corpus{Input{}};
  for (int i = 1; i < argc; ++i) {
    const std::vector<Input> files = read_corpus(argv[i]);
    corpus.insert(corpus.end(), files.begin(), files.end());
  }
  for (const Input& input : corpus) run(input);

  const auto end = std::chrono::steady_clock::now() + kBudget;
  int done = 0;
  for (; done < kMutations && std::chrono::steady_clock::now() < end; ++done) {
    // Each mutation has its own seed, so the number printed by a debugger's `done` finds it again.
    std::mt19937_64 random(static_cast<std::uint64_t>(done));
    run(mutate(corpus, random));
  }
  std::printf("%zu files, %d mutations\n", corpus.size() - 1, done);
  return EXIT_SUCCESS;
}
