#ifndef LATCHKEY_TOOLS_LATCHKEY_SECRET_INPUT_H_
#define LATCHKEY_TOOLS_LATCHKEY_SECRET_INPUT_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "client/base/secret_bytes.h"

namespace latchkey {

// The most bytes of a secret that is read: above every limit of the server,
// which then says what its limit is.
constexpr size_t kMaxSecretInputBytes = 64 << 10;

// ReadSecret reads all of the descriptor `fd`, less one line end at its end.
//   kInvalidArgument     over kMaxSecretInputBytes
//   kFailedPrecondition  cannot be read
absl::StatusOr<SecretBytes> ReadSecret(int fd);

// PromptSecret asks on the controlling terminal, without echo. The terminal is
// put back as it was, also when a signal ends the program meanwhile.
//   kFailedPrecondition  there is no terminal
//   kInvalidArgument     over the terminal's own limit of a line
// For one thread at a time.
absl::StatusOr<SecretBytes> PromptSecret(absl::string_view prompt);

// ReadSecretFile reads the file `path` as ReadSecret does.
//   kFailedPrecondition  cannot be read, or others than its owner may
absl::StatusOr<SecretBytes> ReadSecretFile(const std::string& path);

// WriteSecretFile replaces the file `path` by `secret` and a line end, mode
// 0600. The old content stays if that fails.
//   kFailedPrecondition  cannot be written
absl::Status WriteSecretFile(const std::string& path, absl::string_view secret);

}  // namespace latchkey

#endif  // LATCHKEY_TOOLS_LATCHKEY_SECRET_INPUT_H_
