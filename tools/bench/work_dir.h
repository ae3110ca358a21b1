#ifndef LATCHKEY_TOOLS_BENCH_WORK_DIR_H_
#define LATCHKEY_TOOLS_BENCH_WORK_DIR_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace latchkey::bench {

// WorkDir is a new directory of its own, 0700, removed with all that is in it
// when the object dies.
class WorkDir {
 public:
  // Create makes it below `parent`.
  //   kFailedPrecondition  it cannot be made; one line says why
  static absl::StatusOr<std::unique_ptr<WorkDir>> Create(
      const std::string& parent);
  ~WorkDir();
  WorkDir(const WorkDir&) = delete;
  WorkDir& operator=(const WorkDir&) = delete;

  const std::string& path() const { return path_; }

  // RequireSpace tells whether `bytes` more would fit.
  //   kResourceExhausted  they would not; one line says how much there is
  [[nodiscard]] absl::Status RequireSpace(double bytes) const;

 private:
  explicit WorkDir(std::string path);

  const std::string path_;
};

}  // namespace latchkey::bench

#endif  // LATCHKEY_TOOLS_BENCH_WORK_DIR_H_
