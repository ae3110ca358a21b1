#include "tools/bench/work_dir.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace latchkey::bench {

absl::StatusOr<std::unique_ptr<WorkDir>> WorkDir::Create(
    const std::string& parent) {
  std::string path = absl::StrCat(parent, "/latchkey-bench.XXXXXX");
  if (mkdtemp(path.data()) == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("no work directory can be made in ", parent, ": ",
                     strerror(errno), "; name another by --work_dir"));
  }
  return std::unique_ptr<WorkDir>(new WorkDir(std::move(path)));
}

WorkDir::WorkDir(std::string path) : path_(std::move(path)) {}

WorkDir::~WorkDir() {
  std::error_code ignored;  // nothing can be done about it here
  std::filesystem::remove_all(path_, ignored);
}

absl::Status WorkDir::RequireSpace(double bytes) const {
  std::error_code error;
  const auto space = std::filesystem::space(path_, error);
  if (error || static_cast<double>(space.available) >= bytes) {
    return absl::OkStatus();
  }
  constexpr double kGib = 1 << 30;
  return absl::ResourceExhaustedError(absl::StrFormat(
      "%s has %.1f GiB free, and %.1f GiB are needed; name another place by "
      "--work_dir, or ask for fewer --sessions",
      path_, static_cast<double>(space.available) / kGib, bytes / kGib));
}

}  // namespace latchkey::bench
