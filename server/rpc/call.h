#ifndef LATCHKEY_SERVER_RPC_CALL_H_
#define LATCHKEY_SERVER_RPC_CALL_H_

#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "grpcpp/impl/codegen/proto_utils.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"

#include "server/base/error.h"
#include "server/base/reach.h"
#include "server/base/task_pool.h"
#include "server/rpc/call_admission.h"
#include "server/rpc/call_metrics.h"
#include "server/rpc/incoming.h"
#include "server/rpc/method.h"
#include "server/rpc/request_parser.h"

namespace latchkey {

// Call is one RPC under way: its messages, and the one answer. Kept alive by
// whoever works on it; Finish is called exactly once, from any thread.
template <typename Request, typename Response>
class Call : public Incoming {
 public:
  Call(const CallDoor& call_door, Method method,
       grpc::CallbackServerContext* context, grpc::ByteBuffer* out)
      : Incoming(call_door, method, context),
        timer_(call_door.metrics, call_door.clock, method),
        place_(call_door.admission.TryEnter(method)),
        reactor_(context->DefaultReactor()),
        out_(out) {}

  Request request;
  Response response;

  grpc::ServerUnaryReactor* reactor() const { return reactor_; }
  // has_place tells whether the call is one of those that may be under way.
  bool has_place() const { return place_.valid(); }

  // Finish answers with `response`, or with the error.
  void Finish(const absl::Status& status) {
    grpc::Status answer = AnswerOf(status);
    if (answer.ok()) {
      bool own_buffer;
      answer = grpc::SerializationTraits<Response>::Serialize(response, out_,
                                                              &own_buffer);
    }
    timer_.Answered(answer.error_code());
    reactor_->Finish(answer);
  }

 private:
  const CallTimer timer_;
  const CallAdmission::Place place_;
  grpc::ServerUnaryReactor* const reactor_;
  grpc::ByteBuffer* const out_;
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
