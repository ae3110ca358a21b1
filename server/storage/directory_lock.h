#ifndef LATCHKEY_SERVER_STORAGE_DIRECTORY_LOCK_H_
#define LATCHKEY_SERVER_STORAGE_DIRECTORY_LOCK_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"

namespace latchkey {

// DirectoryLock holds a directory for one opener, in this process or any
// other, from before the first look at its files. It is a lock on the
// directory itself, so taking it changes nothing; it ends with the object, or
// the process.
class DirectoryLock {
 public:
  // Take makes the directory, 0700, if there is none, and locks it.
  //   kFailedPrecondition  in use, not a directory, cannot be made, not ours
  //                        to read and write; the message says which
  static absl::StatusOr<DirectoryLock> Take(const std::string& path);

  DirectoryLock(DirectoryLock&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)) {}
  DirectoryLock& operator=(DirectoryLock&&) = delete;
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;
  ~DirectoryLock();

 private:
  explicit DirectoryLock(int fd) : fd_(fd) {}

  int fd_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORAGE_DIRECTORY_LOCK_H_
