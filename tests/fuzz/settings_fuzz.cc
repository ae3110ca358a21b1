// Settings: a line of the input is an argument, or an environment variable if
// it begins with LATCHKEY_; what follows a line "file" is the settings file.
#include <cstdint>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <variant>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "server/settings.h"
#include "tests/fuzz/fuzz.h"

namespace latchkey {
namespace {

constexpr absl::string_view kFileLine = "\nfile\n";

// A file in memory alone.
class MemoryFile {
 public:
  explicit MemoryFile(absl::string_view content)
      : fd_(memfd_create("settings", MFD_CLOEXEC)) {
    Require(fd_ >= 0 && write(fd_, content.data(), content.size()) ==
                            static_cast<ssize_t>(content.size()));
  }
  ~MemoryFile() { close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::string path() const { return absl::StrCat("/proc/self/fd/", fd_); }

 private:
  const int fd_;
};

// Spells a few settings of each kind as flags that must mean the same.
std::vector<std::string> Spell(const Settings& settings) {
  const auto text = [](absl::Duration duration) {
    return absl::FormatDuration(duration);
  };
  return {absl::StrCat("--data_dir=", settings.data_dir),
          absl::StrCat("--listen=", settings.listen),
          absl::StrCat("--insecure=", settings.insecure ? "true" : "false"),
          absl::StrCat("--issuer=", settings.issuer),
          absl::StrCat("--jwt_life=", text(settings.jwt_life)),
          absl::StrCat("--session_ttl=", text(settings.session.session_ttl)),
          absl::StrCat("--max_session_ttl=",
                       text(settings.session.max_session_ttl)),
          absl::StrCat("--hash_max_wait=", text(settings.hash_max_wait)),
          absl::StrCat("--worker_queue=", settings.worker_queue),
          absl::StrCat("--memory_budget=", settings.memory_budget)};
}

void RequireSame(const Settings& one, const Settings& other) {
  Require(one.data_dir == other.data_dir);
  Require(one.listen == other.listen && one.insecure == other.insecure);
  Require(one.issuer == other.issuer && one.jwt_life == other.jwt_life);
  Require(one.session.session_ttl == other.session.session_ttl);
  Require(one.session.max_session_ttl == other.session.max_session_ttl);
  Require(one.hash_max_wait == other.hash_max_wait);
  Require(one.worker_queue == other.worker_queue);
  Require(one.memory_budget == other.memory_budget);
}

void CheckGood(const Settings& settings) {
  Require(absl::StartsWith(settings.data_dir, "/") && settings.data_dir != "/");
  Require(settings.insecure || IsLoopback(settings.listen));
  Require(settings.session.session_ttl <= settings.session.max_session_ttl);
  Require(settings.session.session_ttl >= absl::Seconds(1));
  Require(settings.key_publish_lead * 2 <= settings.key_signing_life);
  Require(settings.jwt_life >= absl::Seconds(1) &&
          settings.jwt_life <= absl::Hours(24));
  Require(CheckHashCost(settings.hash_cost).ok());
  Require(settings.hash_threads >= 1 && settings.hash_queue >= 1);
  Require(settings.worker_threads >= 1 && settings.reader_threads >= 1);
  Require(settings.memory_budget >= uint64_t{64} << 20);
  const auto again = ReadSettings(Spell(settings), {});
  Require(std::holds_alternative<Settings>(again));
  RequireSame(settings, std::get<Settings>(again));
}

void Check(absl::string_view input) {
  std::string file;
  const size_t file_at = input.find(kFileLine);
  if (file_at != absl::string_view::npos) {
    file = std::string(input.substr(file_at + kFileLine.size()));
    input = input.substr(0, file_at);
  }
  std::vector<std::string> arguments;
  std::vector<std::string> environment;
  for (const absl::string_view line : absl::StrSplit(input, '\n')) {
    // No file but ours is read.
    if (absl::StrContains(absl::AsciiStrToLower(line), "config")) return;
    (absl::StartsWith(line, "LATCHKEY_") ? environment : arguments)
        .emplace_back(line);
  }
  const MemoryFile settings_file(file);
  if (file_at != absl::string_view::npos) {
    arguments.push_back(absl::StrCat("--config=", settings_file.path()));
  }
  const auto read = ReadSettings(arguments, environment);
  if (const auto* instead = std::get_if<Instead>(&read)) {
    Require(instead->exit_status == 0 || instead->exit_status == 2);
    Require(instead->exit_status == 0 ||
            !absl::StrContains(instead->text, "\n"));
    return;
  }
  CheckGood(std::get<Settings>(read));
}

}  // namespace
}  // namespace latchkey

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  latchkey::Check(latchkey::ViewOf(data, size));
  return 0;
}
