#ifndef LATCHKEY_TOOLS_BENCH_CHILD_PROCESS_H_
#define LATCHKEY_TOOLS_BENCH_CHILD_PROCESS_H_

#include <memory>
#include <string>
#include <sys/types.h>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace latchkey::bench {

// ChildProcess is a program that we run: it dies with this process, whatever
// ends that, and hears no Ctrl-C of the terminal but only what we tell it.
//
// For one thread, which must be the one that lives as long as the process.
class ChildProcess {
 public:
  // Spawn runs `command`, whose first word is the path of a program. Its
  // standard error goes to the file `err_path`.
  //   kFailedPrecondition  it cannot be run; one line says why
  static absl::StatusOr<std::unique_ptr<ChildProcess>> Spawn(
      const std::vector<std::string>& command, const std::string& err_path);
  // Stops it.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }
  // When it was begun, for what is measured from there.
  absl::Time exec_time() const { return exec_time_; }

  // ReadLine returns the next line of its standard output without its end, or
  // what there is of it when the program ends or `patience` is over.
  //   kCancelled  interrupted meanwhile
  absl::StatusOr<std::string> ReadLine(absl::Duration patience);

  // Wait waits for the program to end by itself, and returns all the rest of
  // its standard output.
  //   kCancelled  interrupted meanwhile
  //   kInternal   it ended in another way than with 0
  absl::StatusOr<std::string> Wait();

  // Stop ends it by TERM, and by KILL if that does not do.
  //   kInternal  it had to be killed, or ended otherwise than with 0
  absl::Status Stop();

 private:
  ChildProcess() = default;
  // Reads more output into pending_; false at its end.
  absl::StatusOr<bool> ReadSome(absl::Time deadline);

  pid_t pid_ = -1;
  int out_fd_ = -1;
  absl::Time exec_time_;
  std::string pending_;  // read and not yet asked for
};

// FindProgram returns the path of `name` on the search path; empty if it is
// not installed.
std::string FindProgram(const std::string& name);

}  // namespace latchkey::bench

#endif  // LATCHKEY_TOOLS_BENCH_CHILD_PROCESS_H_
