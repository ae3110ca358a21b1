#ifndef LATCHKEY_CLIENT_REVOCATION_WIRE_H_
#define LATCHKEY_CLIENT_REVOCATION_WIRE_H_

#include "absl/status/statusor.h"

#include "client/verify/revocation_message.h"
#include "latchkey/v1/revocation.pb.h"

namespace latchkey {

// WatchRequestOf spells `message` for the wire.
v1::WatchRevocationsRequest WatchRequestOf(const VerifierMessage& message);

// ReadWatchResponse reads what a server sent. It trusts nothing: a verifier
// that skipped what it does not understand would accept what was taken back.
//   kInvalidArgument  a message, or a revocation in it, of no known kind, or a
//                     field that is missing or not what it may be: end the
//                     stream
absl::StatusOr<ServerMessage> ReadWatchResponse(
    const v1::WatchRevocationsResponse& response);

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_REVOCATION_WIRE_H_
