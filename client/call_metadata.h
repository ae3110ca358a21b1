#ifndef LATCHKEY_CLIENT_CALL_METADATA_H_
#define LATCHKEY_CLIENT_CALL_METADATA_H_

#include <cstddef>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "grpcpp/client_context.h"

#include "client/base/secret_bytes.h"

namespace latchkey {

// Metadata of calls, from service to service.
inline constexpr char kAuthorizationMetadata[] = "authorization";
// The token of the revision that the call must not be answered from before.
inline constexpr char kRevisionMetadata[] = "latchkey-revision";

// The longest credential that is sent in metadata, which is the longest that
// the server issues: a header over 8 KiB ends the whole connection.
inline constexpr size_t kMaxBearerBytes = 4096;

// BearerValue returns the value of `authorization` for `credential`.
//   kInvalidArgument  empty, over kMaxBearerBytes, or not of visible ASCII
absl::StatusOr<SecretBytes> BearerValue(absl::string_view credential);

// AddCredential has the call of `context` carry `credential`, which a caller
// showed: so it is forwarded. `target` is whom the call goes to: in clear on
// this machine (IsThisMachine), else over TLS only, where gRPC refuses a
// plaintext channel with kUnauthenticated or kUnavailable.
//   kInvalidArgument  as BearerValue
absl::Status AddCredential(absl::string_view credential,
                           absl::string_view target,
                           grpc::ClientContext* context);

// AddRevision has the call of `context` carry the token of a revision. An empty
// one is left out.
//   kInvalidArgument  it is no token
absl::Status AddRevision(absl::string_view token, grpc::ClientContext* context);

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_CALL_METADATA_H_
