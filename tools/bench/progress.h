#ifndef LATCHKEY_TOOLS_BENCH_PROGRESS_H_
#define LATCHKEY_TOOLS_BENCH_PROGRESS_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace latchkey::bench {

// Progress tells whoever waits what is being done, on standard error: on a
// terminal in one line that is written over, else in a line per step.
//
// For one thread.
class Progress {
 public:
  Progress();
  ~Progress();  // leaves a clean line

  // Step says what is done from now on.
  void Step(absl::string_view what);

  // Part says how far the step is, if anybody watches. Cheap enough to be
  // called in a loop: it writes only when the percentage has changed.
  void Part(uint64_t done, uint64_t total);

 private:
  void Rewrite(absl::string_view text);

  const bool terminal_;
  std::string step_;
  int percent_ = -1;
};

}  // namespace latchkey::bench

#endif  // LATCHKEY_TOOLS_BENCH_PROGRESS_H_
