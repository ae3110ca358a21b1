#include "tools/latchkey/secret_input.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"

namespace latchkey {
namespace {

// Signals that would leave the terminal without echo.
constexpr std::array<int, 5> kSignals = {SIGINT, SIGTERM, SIGHUP, SIGQUIT,
                                         SIGTSTP};

// Written by the handler alone; a handler has no other way to tell.
volatile sig_atomic_t caught_signal = 0;

void NoteSignal(int number) { caught_signal = number; }

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

absl::Status SystemError(absl::string_view what) {
  return absl::FailedPreconditionError(
      absl::StrCat(what, ": ", std::strerror(errno)));
}

// QuietTerminal turns echo off, and back on when it dies. Signals are noted
// meanwhile and raised again after that, so that they act as ever.
class QuietTerminal {
 public:
  explicit QuietTerminal(int fd) : fd_(fd) {
    caught_signal = 0;
    struct sigaction note = {};
    note.sa_handler = NoteSignal;
    sigset_t blocked;
    sigemptyset(&blocked);
    for (size_t i = 0; i < kSignals.size(); ++i) {
      sigaddset(&blocked, kSignals[i]);
      sigaction(kSignals[i], &note, &old_actions_[i]);
    }
    pthread_sigmask(SIG_BLOCK, &blocked, &old_mask_);
    tcgetattr(fd_, &old_);
    termios quiet = old_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(fd_, TCSAFLUSH, &quiet);
  }
  ~QuietTerminal() {
    tcsetattr(fd_, TCSAFLUSH, &old_);
    pthread_sigmask(SIG_SETMASK, &old_mask_, nullptr);
    for (size_t i = 0; i < kSignals.size(); ++i) {
      sigaction(kSignals[i], &old_actions_[i], nullptr);
    }
    if (caught_signal != 0) raise(caught_signal);
  }
  QuietTerminal(const QuietTerminal&) = delete;
  QuietTerminal& operator=(const QuietTerminal&) = delete;

  // Returns what was typed, or -1 if a signal came first. Signals are let in
  // while it waits and at no other time: one that comes between the prompt
  // and the wait would else be noted and not end it.
  ssize_t ReadLine(uint8_t* data, size_t size) {
    pollfd typed = {.fd = fd_, .events = POLLIN, .revents = 0};
    if (ppoll(&typed, 1, nullptr, &old_mask_) < 0) return -1;
    return read(fd_, data, size);
  }

 private:
  const int fd_;
  termios old_ = {};
  sigset_t old_mask_;
  std::array<struct sigaction, kSignals.size()> old_actions_ = {};
};

SecretBytes WithoutLineEnd(const SecretBytes& buffer, size_t size) {
  absl::string_view text = buffer.Reveal().substr(0, size);
  if (!text.empty() && text.back() == '\n') {
    text.remove_suffix(1);
    if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
  }
  return SecretBytes(text);
}

}  // namespace

absl::StatusOr<SecretBytes> ReadSecret(int fd) {
  // One byte more than allowed, and room for a line end.
  SecretBytes buffer(kMaxSecretInputBytes + 3);
  size_t size = 0;
  while (size < buffer.size()) {
    const ssize_t got = read(fd, buffer.data() + size, buffer.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError("cannot read the secret");
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  SecretBytes secret = WithoutLineEnd(buffer, size);
  if (secret.size() > kMaxSecretInputBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the secret is longer than ", kMaxSecretInputBytes, " bytes"));
  }
  return secret;
}

absl::StatusOr<SecretBytes> PromptSecret(absl::string_view prompt) {
  const FileDescriptor terminal(open("/dev/tty", O_RDWR | O_CLOEXEC));
  if (terminal.get() < 0) {
    return absl::FailedPreconditionError("there is no terminal to ask on");
  }
  // A terminal hands over one line of at most 4,095 bytes and its end.
  SecretBytes buffer(size_t{4096});
  size_t size = 0;
  bool interrupted = false;
  {
    QuietTerminal quiet(terminal.get());
    dprintf(terminal.get(), "%.*s", static_cast<int>(prompt.size()),
            prompt.data());
    const ssize_t got = quiet.ReadLine(buffer.data(), buffer.size());
    interrupted = got < 0;
    if (got > 0) size = static_cast<size_t>(got);
    dprintf(terminal.get(), "\n");
  }
  if (interrupted) return absl::FailedPreconditionError("interrupted");
  if (size == 0 || buffer.data()[size - 1] != '\n') {
    return absl::InvalidArgumentError("the line was not ended or is too long");
  }
  return WithoutLineEnd(buffer, size);
}

absl::StatusOr<SecretBytes> ReadSecretFile(const std::string& path) {
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return SystemError(path);
  struct stat about;
  if (fstat(file.get(), &about) != 0) return SystemError(path);
  if (S_ISREG(about.st_mode) && (about.st_mode & 077) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " may be read by others; use: chmod 600 ", path));
  }
  return ReadSecret(file.get());
}

absl::Status WriteSecretFile(const std::string& path,
                             absl::string_view secret) {
  // Beside it, then renamed over it: a full disk costs nothing, and a file
  // that others have open never holds the new secret.
  const std::string next = absl::StrCat(path, ".", getpid());
  SecretBytes line(absl::StrCat(secret, "\n"));
  {
    const FileDescriptor file(
        open(next.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
             0600));
    if (file.get() < 0) return SystemError(path);
    const ssize_t written = write(file.get(), line.data(), line.size());
    if (written != static_cast<ssize_t>(line.size())) {
      const absl::Status failed = SystemError(path);
      unlink(next.c_str());
      return failed;
    }
  }
  if (rename(next.c_str(), path.c_str()) != 0) {
    const absl::Status failed = SystemError(path);
    unlink(next.c_str());
    return failed;
  }
  return absl::OkStatus();
}

}  // namespace latchkey
