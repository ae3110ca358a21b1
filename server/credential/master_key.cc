#include "server/credential/master_key.h"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fcntl.h>
#include <sodium.h>
#include <string>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

#include "client/base/status_macros.h"
#include "server/base/error.h"
#include "server/base/random.h"

namespace latchkey {
namespace {

constexpr absl::string_view kFileComment =
    "# Latchkey master key: opens the signing keys in the data directory.\n"
    "# Keep it secret, and keep a copy of it apart from the data.\n";
// Comments and a key take less; anything longer is another file.
constexpr size_t kMaxFileBytes = 4096;
constexpr size_t kHexSize = 2 * Sealer::kKeyBytes;

// Sealed and stored at the first start. On disk: never change either.
constexpr absl::string_view kCheckText = "latchkey master key";
constexpr absl::string_view kCheckData = "latchkey/master-key-check/1";

absl::Status Refuse(absl::string_view path, absl::string_view what) {
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   Reason::kMasterKeyWrong,
                   absl::StrCat("master key file ", path, ": ", what));
}

// REQUIRES: errno is that of a call which just failed.
absl::Status RefuseByErrno(absl::string_view path, absl::string_view doing) {
  const int error = errno;
  return Refuse(
      path, absl::StrCat(doing, ": ", std::generic_category().message(error)));
}

// FileDescriptor closes what it holds.
class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;

  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }

 private:
  const int fd_;
};

// Reads the whole file, at most kMaxFileBytes.
absl::StatusOr<SecretBytes> ReadAll(absl::string_view path, int fd) {
  SecretBytes buffer(kMaxFileBytes + 1);
  size_t size = 0;
  while (size < buffer.size()) {
    const ssize_t got = read(fd, buffer.data() + size, buffer.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return RefuseByErrno(path, "cannot be read");
    if (got == 0) return SecretBytes(buffer.Reveal().substr(0, size));
    size += static_cast<size_t>(got);
  }
  return Refuse(path, "is too long to be a master key file");
}

absl::StatusOr<Sealer> ParseFile(absl::string_view path,
                                 absl::string_view text) {
  const absl::Status malformed = Refuse(
      path, "is not a master key file; put back the one that the server made");
  absl::ConsumeSuffix(&text, "\n");
  absl::string_view hex;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::StartsWith(line, "#")) continue;
    if (!hex.empty()) return malformed;
    hex = line;
    if (hex.size() != kHexSize ||
        hex.find_first_not_of("0123456789abcdef") != absl::string_view::npos) {
      return malformed;
    }
  }
  if (hex.empty()) return malformed;
  SecretBytes key(Sealer::kKeyBytes);
  if (sodium_hex2bin(key.data(), key.size(), hex.data(), hex.size(), nullptr,
                     nullptr, nullptr) != 0) {
    return malformed;
  }
  return Sealer::FromKey(std::move(key));
}

SecretBytes FormatFile(const SecretBytes& key) {
  // One more for the terminator that libsodium writes, then made a line end.
  SecretBytes text(kFileComment.size() + kHexSize + 1);
  kFileComment.copy(reinterpret_cast<char*>(text.data()), kFileComment.size());
  sodium_bin2hex(reinterpret_cast<char*>(text.data()) + kFileComment.size(),
                 kHexSize + 1, key.data(), key.size());
  text.data()[text.size() - 1] = '\n';
  return text;
}

absl::Status WriteAll(absl::string_view path, int fd, absl::string_view text) {
  while (!text.empty()) {
    const ssize_t put = write(fd, text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return RefuseByErrno(path, "cannot be written");
    text.remove_prefix(static_cast<size_t>(put));
  }
  if (fsync(fd) != 0) return RefuseByErrno(path, "cannot be synced");
  return absl::OkStatus();
}

absl::Status SyncFolderOf(absl::string_view path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == absl::string_view::npos ? "."
                             : slash == 0                     ? "/"
                                          : std::string(path.substr(0, slash));
  const FileDescriptor fd(
      open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.ok() || fsync(fd.get()) != 0) {
    return RefuseByErrno(path, "its folder cannot be synced");
  }
  return absl::OkStatus();
}

absl::Status WriteNewFile(const std::string& path, absl::string_view text) {
  // Written aside and linked when whole: unlike a rename, a link never
  // replaces what came to be at `path` meanwhile.
  std::string aside = path + ".XXXXXX";
  const FileDescriptor fd(mkostemp(aside.data(), O_CLOEXEC));  // 0600
  if (!fd.ok()) return RefuseByErrno(path, "cannot be made");
  absl::Status written = WriteAll(path, fd.get(), text);
  if (written.ok() && link(aside.c_str(), path.c_str()) != 0) {
    written = errno == EEXIST
                  ? absl::AlreadyExistsError(absl::StrCat(path, " exists"))
                  : RefuseByErrno(path, "cannot be made");
  }
  unlink(aside.c_str());
  LATCHKEY_RETURN_IF_ERROR(written);
  return SyncFolderOf(path);
}

absl::Status Check(const Sealer& sealer, absl::string_view path,
                   absl::string_view sealed) {
  const absl::StatusOr<SecretBytes> text = sealer.Open(sealed, kCheckData);
  if (!text.ok() && text.status().code() == absl::StatusCode::kDataLoss) {
    return text.status();
  }
  if (!text.ok() || text->Reveal() != kCheckText) {
    return Refuse(path,
                  "is not the master key of this data directory; put back the "
                  "right file, or name it (--master_key_file)");
  }
  return absl::OkStatus();
}

// Takes the file at `path` as the master key of a store never used before.
absl::StatusOr<Sealer> Adopt(absl::string_view path, KeyStore& store) {
  LATCHKEY_ASSIGN_OR_RETURN(const auto keys, store.List());
  if (!keys.empty()) {
    return MakeError(absl::StatusCode::kDataLoss, Reason::kCorruptRecord,
                     "the store holds signing keys and no master key check");
  }
  absl::StatusOr<Sealer> sealer = ReadMasterKey(path);
  if (absl::IsNotFound(sealer.status())) sealer = CreateMasterKey(path);
  LATCHKEY_RETURN_IF_ERROR(sealer.status());
  LATCHKEY_ASSIGN_OR_RETURN(const std::string sealed,
                            sealer->Seal(kCheckText, kCheckData));
  LATCHKEY_RETURN_IF_ERROR(store.SetMasterKeyCheck(sealed));
  return sealer;
}

}  // namespace

absl::Status CheckMasterKeyFile(absl::string_view path,
                                const struct stat& about, uid_t self) {
  if (!S_ISREG(about.st_mode)) return Refuse(path, "is not a file");
  if (about.st_uid != self && about.st_uid != 0) {
    return Refuse(path,
                  "belongs to another user; give it to the server's "
                  "user (chown)");
  }
  if ((about.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return Refuse(path, "is open to others; close it (chmod 600)");
  }
  return absl::OkStatus();
}

absl::StatusOr<Sealer> ReadMasterKey(absl::string_view path) {
  // Not blocking, for a pipe at `path` would let the open wait for ever.
  const FileDescriptor fd(
      open(std::string(path).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.ok() && errno == ENOENT) {
    return absl::NotFoundError(absl::StrCat("no master key file at ", path));
  }
  if (!fd.ok()) return RefuseByErrno(path, "cannot be opened");
  struct stat about;
  if (fstat(fd.get(), &about) != 0) {
    return RefuseByErrno(path, "cannot be looked at");
  }
  LATCHKEY_RETURN_IF_ERROR(CheckMasterKeyFile(path, about, geteuid()));
  LATCHKEY_ASSIGN_OR_RETURN(const SecretBytes text, ReadAll(path, fd.get()));
  return ParseFile(path, text.Reveal());
}

absl::StatusOr<Sealer> CreateMasterKey(absl::string_view path) {
  SecretBytes key(Sealer::kKeyBytes);
  FillRandom(key.data(), key.size());
  const SecretBytes text = FormatFile(key);
  LATCHKEY_RETURN_IF_ERROR(WriteNewFile(std::string(path), text.Reveal()));
  return Sealer::FromKey(std::move(key));
}

absl::StatusOr<Sealer> OpenMasterKey(absl::string_view path, KeyStore& store) {
  const absl::StatusOr<std::string> check = store.MasterKeyCheck();
  if (absl::IsNotFound(check.status())) return Adopt(path, store);
  LATCHKEY_RETURN_IF_ERROR(check.status());
  absl::StatusOr<Sealer> sealer = ReadMasterKey(path);
  if (absl::IsNotFound(sealer.status())) {
    return Refuse(path,
                  "is missing; put it back from your copy, or name where it is "
                  "(--master_key_file): without it the signing keys in the "
                  "data directory cannot be read");
  }
  LATCHKEY_RETURN_IF_ERROR(sealer.status());
  LATCHKEY_RETURN_IF_ERROR(Check(*sealer, path, *check));
  return sealer;
}

}  // namespace latchkey
