#ifndef LATCHKEY_SERVER_RPC_CALL_H_
#define LATCHKEY_SERVER_RPC_CALL_H_

#include <chrono>
#include <functional>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "grpcpp/impl/codegen/proto_utils.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"

#include "client/base/clock.h"
#include "server/base/error.h"
#include "server/base/log.h"
#include "server/base/origin.h"
#include "server/base/task_pool.h"
#include "server/rpc/call_admission.h"
#include "server/rpc/method.h"
#include "server/rpc/peer_address.h"
#include "server/rpc/request_parser.h"
#include "server/rpc/status_map.h"

namespace latchkey {

// CallDoor is what every call passes on its way in: which listener it came by,
// and where blocking work goes. All referenced outlives the services.
struct CallDoor {
  Listener listener;
  // For calls that wait for a sync, and for those that only read: so that a
  // storm of logins and logouts does not stand in the way of Validate.
  TaskPool& workers;
  TaskPool& readers;
  CallAdmission& admission;
  const Clock& clock;
  Log& log;
};

// NotPermitted is the answer to a call that may not come by this listener.
inline absl::Status NotPermitted() {
  return MakeError(absl::StatusCode::kPermissionDenied, Reason::kNotPermitted,
                   "not permitted on this listener");
}

// Call is one RPC under way: its messages, and the one answer. Kept alive by
// whoever works on it; Finish is called exactly once, from any thread.
template <typename Request, typename Response>
class Call {
 public:
  Call(const CallDoor& door, Method method,
       grpc::CallbackServerContext* context, grpc::ByteBuffer* out)
      : door_(door),
        method_(kMethodRules[static_cast<int>(method)].name),
        place_(door.admission.TryEnter(method)),
        context_(context),
        reactor_(context->DefaultReactor()),
        out_(out) {}

  Request request;
  Response response;

  const CallDoor& door() const { return door_; }
  grpc::ServerUnaryReactor* reactor() const { return reactor_; }
  // admitted tells whether the call may be worked on.
  bool admitted() const { return place_.valid(); }

  // MakeOrigin tells where the call came from.
  Origin MakeOrigin() const {
    Origin origin;
    origin.address = PeerAddress(context_->peer());
    if (door_.listener == Listener::kAdminSocket) {
      origin.caller = {.kind = Caller::Kind::kOperator,
                       .name = "operator",
                       .permissions = PermissionSet::All()};
    }
    return origin;
  }

  // Finish answers with `response`, or with the error.
  void Finish(const absl::Status& status) {
    if (!status.ok()) {
      reactor_->Finish(ToGrpc(status, method_, door_.log));
      return;
    }
    bool own_buffer;
    reactor_->Finish(grpc::SerializationTraits<Response>::Serialize(
        response, out_, &own_buffer));
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
  const CallDoor& door_;
  const absl::string_view method_;
  const CallAdmission::Place place_;
  grpc::CallbackServerContext* const context_;
  grpc::ServerUnaryReactor* const reactor_;
  grpc::ByteBuffer* const out_;
};

template <typename Request, typename Response>
using CallPtr = std::shared_ptr<Call<Request, Response>>;

// Serve is the way in of every RPC: may it be called here, are not too many of
// its kind under way, can its request be read; then `start(call)`, which must
// see to it that Finish is called and must not block.
template <typename Request, typename Response, typename Start>
grpc::ServerUnaryReactor* Serve(const CallDoor& door, Method method,
                                grpc::CallbackServerContext* context,
                                const grpc::ByteBuffer* in,
                                grpc::ByteBuffer* out, Start start) {
  auto call =
      std::make_shared<Call<Request, Response>>(door, method, context, out);
  grpc::ServerUnaryReactor* const reactor = call->reactor();
  if (!IsPermitted(method, door.listener)) {
    call->Finish(NotPermitted());
    return reactor;
  }
  if (!call->admitted()) {
    call->Finish(Overloaded());
    return reactor;
  }
  const absl::Status parsed = ParseRequest(*in, &call->request);
  if (!parsed.ok()) {
    call->Finish(parsed);
    return reactor;
  }
  start(std::move(call));
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
