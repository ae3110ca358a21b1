#include "server/credential/certificate_files.h"

#include <cstddef>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

#include "client/base/secret_bytes.h"
#include "client/base/status_macros.h"

namespace latchkey {
namespace {

absl::Status Refuse(absl::string_view path, absl::string_view why) {
  return absl::FailedPreconditionError(absl::StrCat(path, ": ", why));
}

// REQUIRES: errno is that of a call which just failed.
absl::Status RefuseByErrno(absl::string_view path, absl::string_view doing) {
  const int error = errno;
  const std::string why =
      absl::StrCat(doing, ": ", std::generic_category().message(error));
  // Says nothing about the file.
  if (error == EMFILE || error == ENFILE) {
    return absl::ResourceExhaustedError(absl::StrCat(path, ": ", why));
  }
  return Refuse(path, why);
}

enum class ReadableBy { kAnyone, kOwnerAndGroup };

absl::StatusOr<SecretBytes> ReadFile(const std::string& path, size_t limit,
                                     ReadableBy readers) {
  // Not blocking, for a pipe at `path` would let the open wait for ever.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return RefuseByErrno(path, "cannot be opened");
  const absl::Cleanup closer = [fd] { close(fd); };
  struct stat about;
  if (fstat(fd, &about) != 0) return RefuseByErrno(path, "cannot be looked at");
  if (!S_ISREG(about.st_mode)) return Refuse(path, "is not a file");
  if (readers == ReadableBy::kOwnerAndGroup && (about.st_mode & S_IRWXO) != 0) {
    return Refuse(path, "is open to everyone; close it (chmod 600 or 640)");
  }
  SecretBytes buffer(limit + 1);
  size_t size = 0;
  while (size < buffer.size()) {
    const ssize_t got = read(fd, buffer.data() + size, buffer.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return RefuseByErrno(path, "cannot be read");
    if (got == 0) return SecretBytes(buffer.Reveal().substr(0, size));
    size += static_cast<size_t>(got);
  }
  return Refuse(path, absl::StrCat("has over ", limit, " bytes"));
}

}  // namespace

absl::StatusOr<CertificatePem> ReadCertificateFiles(
    const CertificateFiles& files) {
  CertificatePem pem;
  LATCHKEY_ASSIGN_OR_RETURN(
      const SecretBytes chain,
      ReadFile(files.chain, kMaxChainBytes, ReadableBy::kAnyone));
  pem.chain = std::string(chain.Reveal());
  LATCHKEY_ASSIGN_OR_RETURN(
      pem.key, ReadFile(files.key, kMaxKeyBytes, ReadableBy::kOwnerAndGroup));
  if (files.client_ca.empty()) return pem;
  LATCHKEY_ASSIGN_OR_RETURN(
      const SecretBytes client_ca,
      ReadFile(files.client_ca, kMaxClientCaBytes, ReadableBy::kAnyone));
  // Empty would mean that there is none.
  if (client_ca.empty()) return Refuse(files.client_ca, "is empty");
  pem.client_ca = std::string(client_ca.Reveal());
  return pem;
}

}  // namespace latchkey
