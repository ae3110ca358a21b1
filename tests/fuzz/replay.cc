// Runs a fuzz target over files, without libFuzzer: with any compiler, as an
// ordinary test.
//
// usage: NAME_fuzz FILE|DIRECTORY...   exits 1 if there is no file at all
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz.h"

namespace latchkey {
namespace {

std::vector<std::filesystem::path> FilesOf(const std::filesystem::path& path) {
  if (!std::filesystem::is_directory(path)) return {path};
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  // So that a failure comes at the same file everywhere.
  std::sort(files.begin(), files.end());
  return files;
}

void Run(const std::vector<char>& bytes) {
  // A copy of exactly this size: a sanitizer sees a read behind it. And, as
  // libFuzzer's, never at nullptr, not even an empty one.
  const auto input = std::make_unique<uint8_t[]>(bytes.size());
  std::copy(bytes.begin(), bytes.end(), input.get());
  LLVMFuzzerTestOneInput(input.get(), bytes.size());
}

int Replay(const std::vector<std::string>& paths) {
  Run({});
  int count = 0;
  for (const std::string& path : paths) {
    for (const std::filesystem::path& file : FilesOf(path)) {
      std::ifstream in(file, std::ios::binary);
      if (!in) {
        std::fprintf(stderr, "cannot read %s\n", file.c_str());
        return 1;
      }
      // Before it runs: the last line names the input that failed.
      std::printf("%s\n", file.c_str());
      std::fflush(stdout);
      Run({std::istreambuf_iterator<char>(in), {}});
      ++count;
    }
  }
  std::printf("%d inputs\n", count);
  return count == 0 ? 1 : 0;
}

}  // namespace
}  // namespace latchkey

int main(int argc, char** argv) {
  return latchkey::Replay({argv + 1, argv + argc});
}
