#ifndef LATCHKEY_SERVER_RPC_STATUS_MAP_H_
#define LATCHKEY_SERVER_RPC_STATUS_MAP_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "grpcpp/support/status.h"

#include "server/base/log.h"

namespace latchkey {

// ToGrpc is the one door by which an error leaves: it turns `status` into the
// canonical gRPC code with google.rpc details (ErrorInfo, and RetryInfo or
// BadRequest where they apply).
//
// What carries no Reason was not meant for outside, and INTERNAL never is: it
// is logged in full under the call's correlation id, and goes out as "internal
// error" with that id. `method` names the RPC in the log.
[[nodiscard]] grpc::Status ToGrpc(const absl::Status& status,
                                  absl::string_view method,
                                  absl::string_view correlation_id, Log& log);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_STATUS_MAP_H_
