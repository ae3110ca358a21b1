#include "client/pem_file.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

#include "client/base/status_macros.h"

namespace latchkey {
namespace {

constexpr char kCertificateMark[] = "-----BEGIN CERTIFICATE-----";
constexpr char kKeyMark[] = "PRIVATE KEY-----";

absl::Status SystemError(absl::string_view path) {
  return absl::FailedPreconditionError(
      absl::StrCat(path, " cannot be read: ", std::strerror(errno)));
}

// Whom a file may be readable by.
enum class Readers { kAnybody, kOwner };

absl::StatusOr<SecretBytes> ReadFile(const std::string& path, Readers readers) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return SystemError(path);
  const absl::Cleanup closer = [fd] { close(fd); };
  struct stat about;
  if (fstat(fd, &about) != 0) return SystemError(path);
  if (readers == Readers::kOwner && S_ISREG(about.st_mode) &&
      (about.st_mode & 077) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " may be read by others; use: chmod 600 ", path));
  }
  // One byte more than allowed tells what is too long.
  SecretBytes buffer(kMaxPemBytes + 1);
  size_t size = 0;
  while (size < buffer.size()) {
    const ssize_t got = read(fd, buffer.data() + size, buffer.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError(path);
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  if (size > kMaxPemBytes) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " is longer than ", kMaxPemBytes, " bytes"));
  }
  return SecretBytes(buffer.Reveal().substr(0, size));
}

}  // namespace

absl::StatusOr<std::string> ReadCertificates(const std::string& path) {
  LATCHKEY_ASSIGN_OR_RETURN(const SecretBytes text,
                            ReadFile(path, Readers::kAnybody));
  if (!absl::StrContains(text.Reveal(), kCertificateMark)) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " holds no PEM certificate"));
  }
  return std::string(text.Reveal());
}

absl::StatusOr<SecretBytes> ReadPrivateKey(const std::string& path) {
  LATCHKEY_ASSIGN_OR_RETURN(SecretBytes key, ReadFile(path, Readers::kOwner));
  if (!absl::StrContains(key.Reveal(), kKeyMark)) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " holds no PEM private key"));
  }
  return key;
}

absl::StatusOr<SecretBytes> ReadSecretLine(const std::string& path) {
  LATCHKEY_ASSIGN_OR_RETURN(const SecretBytes text,
                            ReadFile(path, Readers::kOwner));
  absl::string_view line = text.Reveal();
  if (absl::ConsumeSuffix(&line, "\n")) absl::ConsumeSuffix(&line, "\r");
  return SecretBytes(line);
}

}  // namespace latchkey
