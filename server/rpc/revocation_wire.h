#ifndef LATCHKEY_SERVER_RPC_REVOCATION_WIRE_H_
#define LATCHKEY_SERVER_RPC_REVOCATION_WIRE_H_

#include "absl/status/statusor.h"

#include "client/verify/revocation_message.h"
#include "latchkey/v1/revocation.pb.h"

namespace latchkey {

// The messages of a verifier's stream, as they are on the wire.

// ReadVerifierMessage reads what a verifier sent.
//   kInvalidArgument  kInvalidField: neither message, or a field is malformed
absl::StatusOr<VerifierMessage> ReadVerifierMessage(
    const v1::WatchRevocationsRequest& request);

v1::WatchRevocationsResponse ToProto(const ServerMessage& message);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_REVOCATION_WIRE_H_
