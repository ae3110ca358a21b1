#include "tools/bench/progress.h"

#include <cstdio>
#include <unistd.h>

#include "absl/strings/str_cat.h"

namespace latchkey::bench {

Progress::Progress() : terminal_(isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (terminal_) Rewrite("");
}

void Progress::Step(absl::string_view what) {
  step_ = std::string(what);
  percent_ = -1;
  if (terminal_) {
    Rewrite(step_);
  } else {
    std::fprintf(stderr, "%s\n", step_.c_str());
  }
}

void Progress::Part(uint64_t done, uint64_t total) {
  if (!terminal_ || total == 0) return;
  const int percent = static_cast<int>(done * 100 / total);
  if (percent == percent_) return;
  percent_ = percent;
  Rewrite(absl::StrCat(step_, "  ", percent, " %"));
}

// Back to the first column, and the rest of the old line cleared.
void Progress::Rewrite(absl::string_view text) {
  std::fprintf(stderr, "\r%.*s\033[K", static_cast<int>(text.size()),
               text.data());
  std::fflush(stderr);
}

}  // namespace latchkey::bench
