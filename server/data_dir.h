#ifndef LATCHKEY_SERVER_DATA_DIR_H_
#define LATCHKEY_SERVER_DATA_DIR_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace latchkey {

// The longest path that a Unix socket's address holds: sun_path has 108 bytes,
// the last one NUL.
constexpr size_t kMaxSocketPathBytes = 107;

// DataDir is the server's directory, held: made 0700 if absent, refused if
// others may enter it, and locked against a second server for as long as this
// object lives.
class DataDir {
 public:
  // Open takes the directory at `path`.
  //   kFailedPrecondition  in use, open to others, not a directory, or the
  //                        system said no; the message says which, in one
  //                        line, and nothing was changed
  static absl::StatusOr<std::unique_ptr<DataDir>> Open(absl::string_view path);
  ~DataDir();
  DataDir(const DataDir&) = delete;
  DataDir& operator=(const DataDir&) = delete;

  // What lies in it.
  std::string database() const { return path_ + "/db"; }
  std::string admin_socket() const { return path_ + "/admin.sock"; }

 private:
  DataDir(std::string path, int lock_fd);

  const std::string path_;
  const int lock_fd_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_DATA_DIR_H_
