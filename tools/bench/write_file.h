#ifndef LATCHKEY_TOOLS_BENCH_WRITE_FILE_H_
#define LATCHKEY_TOOLS_BENCH_WRITE_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace latchkey::bench {

// WriteFile puts `text` at `path`, whole or not at all: a reader finds the old
// file or the new one, and after a failure the old one and nothing beside it.
//   kFailedPrecondition  the place cannot be written, with the system's reason
//   kResourceExhausted   the disk is full
absl::Status WriteFile(const std::string& path, absl::string_view text);

}  // namespace latchkey::bench

#endif  // LATCHKEY_TOOLS_BENCH_WRITE_FILE_H_
