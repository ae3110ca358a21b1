#ifndef LATCHKEY_CLIENT_AGENT_REFUSAL_H_
#define LATCHKEY_CLIENT_AGENT_REFUSAL_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "grpcpp/support/status.h"

namespace latchkey {

// BadField is what is wrong with one field of a request.
struct BadField {
  std::string field;        // path as in the .proto: "requests[3].credential"
  std::string description;  // the rule, not the value

  friend bool operator==(const BadField&, const BadField&) = default;
};

// What follows are errors as the server spells them: code, general words and a
// google.rpc.ErrorInfo of domain "latchkey".

// RefuseFields is INVALID_ARGUMENT, INVALID_FIELD with each field.
[[nodiscard]] grpc::Status RefuseFields(const std::vector<BadField>& bad);

// RefuseMethod is UNIMPLEMENTED, ASK_SERVER: not of an agent.
[[nodiscard]] grpc::Status RefuseMethod();

// RefuseForLoad is UNAVAILABLE, OVERLOADED with a RetryInfo: as many calls wait
// for the server as may.
[[nodiscard]] grpc::Status RefuseForLoad();

// RefuseAs says that the server was asked, and answered `error` (an
// AuthClient's). What it says of the request is passed on. What concerns the
// agent is UNAVAILABLE, VALIDATOR_UNAVAILABLE: that the server cannot be
// reached, or refuses the agent itself.
[[nodiscard]] grpc::Status RefuseAs(const absl::Status& error);

// IsOfTheAgent tells whether `error` says that the server refuses the agent,
// which no retry mends.
bool IsOfTheAgent(const absl::Status& error);

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_AGENT_REFUSAL_H_
