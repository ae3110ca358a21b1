#ifndef LATCHKEY_SERVER_BASE_FILE_DESCRIPTOR_H_
#define LATCHKEY_SERVER_BASE_FILE_DESCRIPTOR_H_

#include <unistd.h>
#include <utility>

namespace latchkey {

// FileDescriptor owns a descriptor and closes it when it goes.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(other.Release()) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    if (this != &other) {
      Close();
      fd_ = other.Release();
    }
    return *this;
  }
  ~FileDescriptor() { Close(); }

  bool valid() const { return fd_ >= 0; }
  int get() const { return fd_; }

  // Release gives the descriptor, which the caller closes, away.
  [[nodiscard]] int Release() { return std::exchange(fd_, -1); }

  void Close() {
    if (fd_ >= 0) close(std::exchange(fd_, -1));
  }

 private:
  int fd_ = -1;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_BASE_FILE_DESCRIPTOR_H_
