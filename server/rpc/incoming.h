#ifndef LATCHKEY_SERVER_RPC_INCOMING_H_
#define LATCHKEY_SERVER_RPC_INCOMING_H_

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/status.h"

#include "client/base/clock.h"
#include "server/base/audit_log.h"
#include "server/base/error.h"
#include "server/base/log.h"
#include "server/base/origin.h"
#include "server/base/reach.h"
#include "server/base/task_pool.h"
#include "server/rpc/call_admission.h"
#include "server/rpc/call_metrics.h"
#include "server/rpc/caller_finder.h"
#include "server/rpc/correlation.h"
#include "server/rpc/method.h"

namespace latchkey {

// CallDoor is what every call passes on its way in: who may have come by this
// listener, and where blocking work goes. All referenced outlives the services.
struct CallDoor {
  const CallerFinder& callers;
  // For calls that write, and for those that only read: so that a
  // storm of logins and logouts does not stand in the way of Validate.
  TaskPool& workers;
  TaskPool& readers;
  CallAdmission& admission;
  CallMetrics& metrics;
  const Clock& clock;
  Log& log;
  AuditLog& audit;
};

// NotPermitted is the answer to a caller that lacks what the method needs.
inline absl::Status NotPermitted() {
  return MakeError(absl::StatusCode::kPermissionDenied, Reason::kNotPermitted,
                   "not permitted to this caller");
}

// Incoming is what one call is besides its messages: who makes it, by what name
// it goes in logs and audit, and how its errors leave. Worked on by one thread
// at a time. All must outlive it.
class Incoming {
 public:
  Incoming(const CallDoor& door, Method method,
           grpc::CallbackServerContext* context)
      : door_(door), method_(NameOf(method)), context_(context) {}

  const CallDoor& door() const { return door_; }
  grpc::CallbackServerContext* context() const { return context_; }

  // caller is who makes the call, as established when it was let in.
  const Caller& caller() const { return caller_; }

  // LetIn establishes the caller and tells whether it may call a method with
  // `rule`.
  //   kPermissionDenied  kNotPermitted
  //   else               as CallerFinder::Find
  absl::Status LetIn(const MethodRule& rule, Reach reach);

  // MakeOrigin tells where the call came from, once it was let in. A call that
  // it was asked of has its correlation id in the trailers.
  Origin MakeOrigin();

  // PeerCertificateNames returns the names in the client certificate of the
  // connection; see CertificateNamesOf.
  std::vector<std::string> PeerCertificateNames() const;

  // AnswerOf returns how `status` leaves: an error has been logged and audited
  // as it has to be. Call once; it puts the correlation id in the trailers.
  grpc::Status AnswerOf(const absl::Status& status);

  // Abandoned returns a test whether nobody waits for the answer any more:
  // cancelled, or past its deadline by the boot clock. The test may be called
  // from any thread until the call is finished.
  std::function<bool()> Abandoned() const;

 private:
  // The id that was sent, or else one made for this call.
  const std::string& CorrelationId();
  void NoteRefusedCaller(Reason reason);

  const CallDoor& door_;
  const absl::string_view method_;
  grpc::CallbackServerContext* const context_;
  Caller caller_;
  // Absent until somebody asks.
  std::optional<Correlation> correlation_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_INCOMING_H_
