#ifndef LATCHKEY_SERVER_RPC_CALL_H_
#define LATCHKEY_SERVER_RPC_CALL_H_

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "grpcpp/impl/codegen/proto_utils.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"

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
#include "server/rpc/peer_address.h"
#include "server/rpc/peer_certificate.h"
#include "server/rpc/request_parser.h"
#include "server/rpc/status_map.h"

namespace latchkey {

// CallDoor is what every call passes on its way in: who may have come by this
// listener, and where blocking work goes. All referenced outlives the services.
struct CallDoor {
  const CallerFinder& callers;
  // For calls that wait for a sync, and for those that only read: so that a
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

// Call is one RPC under way: its messages, and the one answer. Kept alive by
// whoever works on it; Finish is called exactly once, from any thread.
template <typename Request, typename Response>
class Call {
 public:
  Call(const CallDoor& door, Method method,
       grpc::CallbackServerContext* context, grpc::ByteBuffer* out)
      : door_(door),
        method_(NameOf(method)),
        timer_(door.metrics, door.clock, method),
        place_(door.admission.TryEnter(method)),
        context_(context),
        reactor_(context->DefaultReactor()),
        out_(out) {}

  Request request;
  Response response;

  const CallDoor& door() const { return door_; }
  grpc::ServerUnaryReactor* reactor() const { return reactor_; }
  // has_place tells whether the call is one of those that may be under way.
  bool has_place() const { return place_.valid(); }

  // caller is who makes the call, as established when it was let in.
  const Caller& caller() const { return caller_; }

  // LetIn establishes the caller and tells whether it may call a method with
  // `rule`. From one thread at a time.
  //   kPermissionDenied  kNotPermitted
  //   else               as CallerFinder::Find
  absl::Status LetIn(const MethodRule& rule, Reach reach) {
    absl::StatusOr<Caller> found = door_.callers.Find(
        rule, *context_->auth_context(), context_->client_metadata(), reach);
    if (!found.ok()) return found.status();
    caller_ = *std::move(found);
    return MayCall(rule.method, caller_.permissions) ? absl::OkStatus()
                                                     : NotPermitted();
  }

  // MakeOrigin tells where the call came from, once it was let in. A call that
  // it was asked of has its correlation id in the trailers.
  Origin MakeOrigin() {
    return {.caller = caller_,
            .address = PeerAddress(context_->peer()),
            .correlation_id = CorrelationId()};
  }

  // PeerCertificateNames returns the names in the client certificate of the
  // connection; see CertificateNamesOf.
  std::vector<std::string> PeerCertificateNames() const {
    return CertificateNamesOf(*context_->auth_context());
  }

  // Finish answers with `response`, or with the error.
  void Finish(const absl::Status& status) {
    const grpc::Status answer = AnswerOf(status);
    SendCorrelation(*correlation_, context_);
    timer_.Answered(answer.error_code());
    reactor_->Finish(answer);
  }

  // Abandoned returns a test whether nobody waits for the answer any more:
  // cancelled, or past its deadline by the boot clock. The test may be called
  // from any thread until Finish.
  std::function<bool()> Abandoned() const {
    absl::Duration deadline = absl::InfiniteDuration();
    const auto wall_deadline = context_->deadline();
    if (wall_deadline != std::chrono::system_clock::time_point::max()) {
      deadline =
          door_.clock.SinceBoot() +
          absl::FromChrono(wall_deadline - std::chrono::system_clock::now());
    }
    return [context = context_, &clock = door_.clock, deadline] {
      return context->IsCancelled() || clock.SinceBoot() >= deadline;
    };
  }

 private:
  // The id that was sent, or else one made for this call.
  const std::string& CorrelationId() {
    if (!correlation_.has_value()) correlation_ = ReadCorrelation(*context_);
    if (correlation_->id.empty()) correlation_->id = MakeCorrelationId();
    return correlation_->id;
  }

  void NoteRefusedCaller(Reason reason) {
    AuditEvent event;
    event.outcome = AuditOutcome::kRefused;
    event.reason = std::string(ReasonName(reason));
    event.origin = MakeOrigin();
    event.target = std::string(method_);
    door_.audit.Note(event);
  }

  grpc::Status AnswerOf(const absl::Status& status) {
    if (!status.ok()) {
      const std::optional<Reason> reason = ReasonOf(status);
      if (reason == Reason::kNotPermitted || reason == Reason::kCallerRefused) {
        NoteRefusedCaller(*reason);
      }
      return ToGrpc(status, method_, CorrelationId(), door_.log);
    }
    if (!correlation_.has_value()) correlation_ = ReadCorrelation(*context_);
    bool own_buffer;
    return grpc::SerializationTraits<Response>::Serialize(response, out_,
                                                          &own_buffer);
  }

  const CallDoor& door_;
  const absl::string_view method_;
  const CallTimer timer_;
  const CallAdmission::Place place_;
  grpc::CallbackServerContext* const context_;
  grpc::ServerUnaryReactor* const reactor_;
  grpc::ByteBuffer* const out_;
  Caller caller_;
  // Absent until somebody asks; the call is worked on by one thread at a time.
  std::optional<Correlation> correlation_;
};

template <typename Request, typename Response>
using CallPtr = std::shared_ptr<Call<Request, Response>>;

// Admit establishes who calls, and goes on with `next(call)`, which must see to
// it that Finish is called and must not block; or it answers that the caller
// may not, or that too many calls of the kind are under way. A caller that
// memory does not know is looked up on a reader, and `next` is called there.
template <typename Request, typename Response, typename Next>
void Admit(CallPtr<Request, Response> call, Method method, Next next) {
  const MethodRule* const rule = FindRule(method);
  if (rule == nullptr) {
    call->Finish(NotPermitted());
    return;
  }
  const absl::Status admitted = call->LetIn(*rule, Reach::kMemory);
  if (!admitted.ok() && !WantsDisk(admitted)) {
    call->Finish(admitted);
    return;
  }
  if (!call->has_place()) {
    call->Finish(Overloaded());
    return;
  }
  if (admitted.ok()) {
    next(std::move(call));
    return;
  }
  const bool taken = call->door().readers.TrySubmit(
      [call, rule, next = std::move(next), abandoned = call->Abandoned()] {
        const absl::Status late =
            abandoned() ? Abandoned() : call->LetIn(*rule, Reach::kDisk);
        if (late.ok()) {
          next(call);
        } else {
          call->Finish(late);
        }
      });
  if (!taken) call->Finish(Overloaded());
}

// Serve is the way in of every RPC: may it be called by its caller, are not too
// many of its kind under way, can its request be read; then `start(call)`,
// which must see to it that Finish is called and must not block. `in` lives
// until Finish.
template <typename Request, typename Response, typename Start>
grpc::ServerUnaryReactor* Serve(const CallDoor& door, Method method,
                                grpc::CallbackServerContext* context,
                                const grpc::ByteBuffer* in,
                                grpc::ByteBuffer* out, Start start) {
  auto call =
      std::make_shared<Call<Request, Response>>(door, method, context, out);
  grpc::ServerUnaryReactor* const reactor = call->reactor();
  Admit(std::move(call), method,
        [in, start = std::move(start)](CallPtr<Request, Response> admitted) {
          const absl::Status parsed = ParseRequest(*in, &admitted->request);
          if (!parsed.ok()) {
            admitted->Finish(parsed);
            return;
          }
          start(std::move(admitted));
        });
  return reactor;
}

// OnPool runs `work(call)`, which may block, on `pool` and answers with the
// status it returns; at once with UNAVAILABLE if too many calls wait. Nothing
// is begun for a call that nobody waits for any more.
template <typename Request, typename Response, typename Work>
void OnPool(TaskPool& pool, CallPtr<Request, Response> call, Work work) {
  const bool taken = pool.TrySubmit(
      [call, abandoned = call->Abandoned(), work = std::move(work)] {
        call->Finish(abandoned() ? Abandoned() : work(*call));
      });
  if (!taken) call->Finish(Overloaded());
}

// OnWorker is OnPool for what writes, OnReader for what only reads.
template <typename Request, typename Response, typename Work>
void OnWorker(CallPtr<Request, Response> call, Work work) {
  TaskPool& pool = call->door().workers;
  OnPool(pool, std::move(call), std::move(work));
}
template <typename Request, typename Response, typename Work>
void OnReader(CallPtr<Request, Response> call, Work work) {
  TaskPool& pool = call->door().readers;
  OnPool(pool, std::move(call), std::move(work));
}

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_CALL_H_
