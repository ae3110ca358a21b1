#ifndef LATCHKEY_SERVER_RPC_PROPAGATION_H_
#define LATCHKEY_SERVER_RPC_PROPAGATION_H_

#include <cstdint>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "client/base/status_macros.h"
#include "latchkey/v1/session.pb.h"
#include "server/auth/revocation_hub.h"
#include "server/rpc/call.h"
#include "server/rpc/convert.h"
#include "server/rpc/fields.h"

namespace latchkey {

// What a request says of waiting for verifiers.
struct PropagationAsk {
  bool wait = false;
  std::optional<absl::Duration> timeout;  // absent: as long as it takes
};

constexpr absl::Duration kLeastWaitTimeout = absl::Milliseconds(1);
constexpr absl::Duration kMostWaitTimeout = absl::Minutes(1);

// ReadPropagation reads `wait` and `wait_timeout`.
//   kInvalidArgument  kInvalidField
template <typename Request>
absl::StatusOr<PropagationAsk> ReadPropagation(const Request& request) {
  FieldChecks checks;
  PropagationAsk ask;
  if (!v1::PropagationWait_IsValid(request.wait())) {
    checks.Fail("wait", "is not a known value");
  }
  ask.wait = request.wait() == v1::PROPAGATION_WAIT_VERIFIERS;
  if (request.has_wait_timeout()) {
    ask.timeout = checks.Duration("wait_timeout", request.wait_timeout(),
                                  kLeastWaitTimeout);
    if (*ask.timeout > kMostWaitTimeout) {
      checks.Fail("wait_timeout", "must be at most 1m");
    }
  }
  LATCHKEY_RETURN_IF_ERROR(checks.status());
  return ask;
}

// FinishPropagated answers a call whose change is durable at `revision`, or has
// failed: at once, or, if that was asked, when no verifier accepts any more by
// what was before. Never blocks.
template <typename Request, typename Response>
void FinishPropagated(RevocationHub& hub, CallPtr<Request, Response> call,
                      const PropagationAsk& ask,
                      const absl::StatusOr<uint64_t>& revision) {
  if (!revision.ok() || !ask.wait) {
    call->Finish(revision.status());
    return;
  }
  hub.Wait(*revision, ask.timeout, [call](const PropagationReport& report) {
    *call->response.mutable_propagation() = ToProto(report);
    call->Finish(absl::OkStatus());
  });
}

// OnWorkerPropagated runs `take(call)`, which takes something back and returns
// since which revision, on a worker, and answers as FinishPropagated. A request
// whose wait is malformed takes nothing back.
template <typename Request, typename Response, typename Take>
void OnWorkerPropagated(RevocationHub& hub, CallPtr<Request, Response> call,
                        Take take) {
  TaskPool& pool = call->door().workers;
  const bool taken = pool.TrySubmit([&hub, call, abandoned = call->Abandoned(),
                                     take = std::move(take)] {
    const auto ask = ReadPropagation(call->request);
    if (!ask.ok() || abandoned()) {
      call->Finish(ask.ok() ? Abandoned() : ask.status());
      return;
    }
    FinishPropagated(hub, call, *ask, absl::StatusOr<uint64_t>(take(*call)));
  });
  if (!taken) call->Finish(Overloaded());
}

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_PROPAGATION_H_
