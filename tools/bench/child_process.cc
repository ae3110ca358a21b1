#include "tools/bench/child_process.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"

#include "client/base/status_macros.h"
#include "tools/bench/interrupt.h"

namespace latchkey::bench {
namespace {

// A cache of ten million sessions takes its time to be given back.
constexpr absl::Duration kStopPatience = absl::Seconds(30);
constexpr absl::Duration kTurn = absl::Milliseconds(20);

// The child, between fork and exec: only what is safe there.
[[noreturn]] void Become(char* const* command, int out_fd, int err_fd,
                         pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
  // In a group of its own: a Ctrl-C is for the bench, which then stops it.
  setpgid(0, 0);
  dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
  dup2(out_fd, STDOUT_FILENO);
  if (err_fd >= 0) dup2(err_fd, STDERR_FILENO);
  for (const int number : {SIGPIPE, SIGXFSZ}) signal(number, SIG_DFL);
  execv(command[0], command);
  const char* const why = strerror(errno);
  if (write(STDERR_FILENO, why, strlen(why)) < 0) _exit(126);
  _exit(127);
}

absl::Status FromExit(int status) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return absl::OkStatus();
  return absl::InternalError(
      WIFSIGNALED(status)
          ? absl::StrCat("it was ended by signal ", WTERMSIG(status))
          : absl::StrCat("it ended with ", WEXITSTATUS(status)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChildProcess>> ChildProcess::Spawn(
    const std::vector<std::string>& command, const std::string& err_path) {
  if (access(command[0].c_str(), X_OK) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(command[0], ": ", strerror(errno)));
  }
  std::vector<char*> arguments;
  for (const std::string& part : command) {
    arguments.push_back(const_cast<char*>(part.c_str()));
  }
  arguments.push_back(nullptr);
  int pipe_fds[2];
  if (pipe2(pipe_fds, O_CLOEXEC) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("no pipe: ", strerror(errno)));
  }
  const int err_fd =
      open(err_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  std::unique_ptr<ChildProcess> child(new ChildProcess());
  child->out_fd_ = pipe_fds[0];
  child->exec_time_ = absl::Now();
  const pid_t parent = getpid();
  child->pid_ = fork();
  if (child->pid_ == 0) Become(arguments.data(), pipe_fds[1], err_fd, parent);
  const int fork_errno = errno;
  close(pipe_fds[1]);
  if (err_fd >= 0) close(err_fd);
  if (child->pid_ > 0) return child;
  return absl::FailedPreconditionError(
      absl::StrCat("no process: ", strerror(fork_errno)));
}

ChildProcess::~ChildProcess() { Stop().IgnoreError(); }

absl::StatusOr<bool> ChildProcess::ReadSome(absl::Time deadline) {
  while (absl::Now() < deadline) {
    if (Interrupted()) return absl::CancelledError("interrupted");
    pollfd readable = {out_fd_, POLLIN, 0};
    const int turn_ms = static_cast<int>(absl::ToInt64Milliseconds(kTurn));
    if (poll(&readable, 1, turn_ms) <= 0) continue;
    char bytes[4096];
    const ssize_t got = read(out_fd_, bytes, sizeof(bytes));
    if (got <= 0) return false;
    pending_.append(bytes, static_cast<size_t>(got));
    return true;
  }
  return false;
}

absl::StatusOr<std::string> ChildProcess::ReadLine(absl::Duration patience) {
  const absl::Time deadline = absl::Now() + patience;
  size_t end = pending_.find('\n');
  while (end == pending_.npos) {
    LATCHKEY_ASSIGN_OR_RETURN(const bool more, ReadSome(deadline));
    if (!more) return std::exchange(pending_, "");
    end = pending_.find('\n');
  }
  std::string line = pending_.substr(0, end);
  pending_.erase(0, end + 1);
  return line;
}

absl::StatusOr<std::string> ChildProcess::Wait() {
  bool more = true;
  while (more) {
    LATCHKEY_ASSIGN_OR_RETURN(more, ReadSome(absl::InfiniteFuture()));
  }
  int status = 0;
  waitpid(std::exchange(pid_, -1), &status, 0);
  LATCHKEY_RETURN_IF_ERROR(FromExit(status));
  return std::exchange(pending_, "");
}

absl::Status ChildProcess::Stop() {
  if (out_fd_ >= 0) close(std::exchange(out_fd_, -1));
  const pid_t pid = std::exchange(pid_, -1);
  if (pid <= 0) return absl::OkStatus();
  kill(pid, SIGTERM);
  int status = 0;
  const absl::Time deadline = absl::Now() + kStopPatience;
  while (waitpid(pid, &status, WNOHANG) == 0) {
    if (absl::Now() >= deadline) {
      kill(pid, SIGKILL);
      waitpid(pid, &status, 0);
      return absl::InternalError("it did not stop when told to");
    }
    absl::SleepFor(kTurn);
  }
  return FromExit(status);
}

std::string FindProgram(const std::string& name) {
  const char* const path = std::getenv("PATH");
  if (path == nullptr) return "";
  for (const absl::string_view folder :
       absl::StrSplit(path, ':', absl::SkipEmpty())) {
    const std::string candidate = absl::StrCat(folder, "/", name);
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return "";
}

}  // namespace latchkey::bench
