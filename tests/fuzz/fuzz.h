#ifndef LATCHKEY_TESTS_FUZZ_FUZZ_H_
#define LATCHKEY_TESTS_FUZZ_FUZZ_H_

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/string_view.h"

// What each fuzz target defines: it is called with any bytes, again and again,
// and must return 0. libFuzzer's name for it, in the fuzz preset; elsewhere
// replay.cc calls it over the files of a corpus.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace latchkey {

// Require ends the process, naming the line, if a property does not hold.
inline void Require(bool holds, const char* file = __builtin_FILE(),
                    int line = __builtin_LINE()) {
  if (holds) return;
  std::fprintf(stderr, "%s:%d: a property does not hold\n", file, line);
  std::abort();
}

inline absl::string_view ViewOf(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_FUZZ_FUZZ_H_
