#ifndef LATCHKEY_SERVER_CREDENTIAL_MASTER_KEY_H_
#define LATCHKEY_SERVER_CREDENTIAL_MASTER_KEY_H_

#include <sys/stat.h>
#include <sys/types.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "server/credential/key_store.h"
#include "server/credential/sealer.h"

namespace latchkey {

// The master key lies in a file of its own, outside the data directory, so
// that a copy of one does not carry the other:
//
//   # comment lines
//   <64 lower-case hex digits>
//
// One master key may serve several data directories. All calls block on the
// disk. Every refusal is kFailedPrecondition with Reason::kMasterKeyWrong and
// one line that names the file and says how to go on; it never holds anything
// of the file.

// CheckMasterKeyFile judges, for a process of user `self`, the owner and the
// mode of the file at `path` as fstat tells them. Reads nothing.
//   kFailedPrecondition  no regular file, another user's, or open to others
absl::Status CheckMasterKeyFile(absl::string_view path,
                                const struct stat& about, uid_t self);

// ReadMasterKey reads the file at `path`. It must be a regular file (a link to
// one will do), of this user or root, closed to all others.
//   kNotFound            there is no such file
//   kFailedPrecondition  others may read it, not readable, not such a file
absl::StatusOr<Sealer> ReadMasterKey(absl::string_view path);

// CreateMasterKey writes a new random key to a new file at `path`, 0600. The
// folder must exist. When it returns, the file is on disk whole; a crash
// leaves no half of it.
//   kAlreadyExists       something is at `path`; it was not touched
//   kFailedPrecondition  it cannot be written
absl::StatusOr<Sealer> CreateMasterKey(absl::string_view path);

// OpenMasterKey returns the master key that the keys of `store` are sealed
// under. On the first start (an empty store) it makes the file unless there is
// one, and stores a check value by which a wrong key is told from then on.
//   kFailedPrecondition  the file is missing though the store was used before;
//                        or it holds another key; or as for ReadMasterKey
//   kDataLoss            the store holds keys and no check value
//   others               as the store answers
absl::StatusOr<Sealer> OpenMasterKey(absl::string_view path, KeyStore& store);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_CREDENTIAL_MASTER_KEY_H_
