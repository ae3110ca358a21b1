#ifndef LATCHKEY_CLIENT_ERROR_DETAILS_H_
#define LATCHKEY_CLIENT_ERROR_DETAILS_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "grpcpp/support/status.h"

namespace latchkey {

// ErrorDetails is what a server of ours says of an error besides its code.
struct ErrorDetails {
  std::string reason;  // of google.rpc.ErrorInfo: "LOGIN_REFUSED"; may be empty
  std::optional<absl::Duration> retry_delay;  // of google.rpc.RetryInfo

  friend bool operator==(const ErrorDetails&, const ErrorDetails&) = default;
};

// ToAbsl returns `status` with its code and message, and its details attached
// as ErrorDetailsOf reads them. Details that cannot be read count as absent.
absl::Status ToAbsl(const grpc::Status& status);

// ErrorDetailsOf returns what ToAbsl attached; empty if there is nothing.
ErrorDetails ErrorDetailsOf(const absl::Status& status);

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_ERROR_DETAILS_H_
