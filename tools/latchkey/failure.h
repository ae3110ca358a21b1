#ifndef LATCHKEY_TOOLS_LATCHKEY_FAILURE_H_
#define LATCHKEY_TOOLS_LATCHKEY_FAILURE_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "grpcpp/support/status.h"

#include "tools/latchkey/invocation.h"

namespace latchkey {

// Failure is an error of a call as the server told it, details included.
struct Failure {
  std::string code;     // canonical name: "NOT_FOUND"
  std::string reason;   // of google.rpc.ErrorInfo; empty if it has none
  std::string message;  // as sent; not fit for a terminal yet
  // (field, what is wrong with it), of google.rpc.BadRequest.
  std::vector<std::pair<std::string, std::string>> fields;
  std::optional<absl::Duration> retry_delay;  // of google.rpc.RetryInfo
  std::string correlation_id;                 // of an INTERNAL error
  ExitCode exit_code = ExitCode::kNoAnswer;
};

// ReadFailure reads `status`, which is not OK. Details that cannot be read
// count as absent: the code still stands.
Failure ReadFailure(const grpc::Status& status);

// FailureText returns `failure` for people, in lines, fit for a terminal.
std::string FailureText(const Failure& failure);

// FailureJson returns `failure` as one line of JSON, ASCII only.
std::string FailureJson(const Failure& failure);

}  // namespace latchkey

#endif  // LATCHKEY_TOOLS_LATCHKEY_FAILURE_H_
