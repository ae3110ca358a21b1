#ifndef LATCHKEY_CLIENT_SERVER_GUARD_H_
#define LATCHKEY_CLIENT_SERVER_GUARD_H_

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "grpcpp/server_builder.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "grpcpp/support/server_interceptor.h"
#include "grpcpp/support/status.h"

#include "client/base/clock.h"
#include "client/guard_refusal.h"
#include "client/method_rule.h"
#include "client/principal.h"
#include "client/validator.h"

namespace latchkey {

class GuardCore;

struct ServerGuardOptions {
  // Who this service is: a credential with audiences is good here only if this
  // is one of them. Empty: such a credential is refused. At most 256 bytes.
  std::string audience;
  // Who may call what, by "/pkg.Service/Method" or "/pkg.Service/*". A method
  // without a rule is refused to everybody.
  std::map<std::string, MethodRule> rules;
  // A credential that cannot be checked within this is refused. Above 0.
  absl::Duration check_timeout = absl::Seconds(2);
  // While the validator cannot tell by itself that the session of an open
  // stream is still good, it is asked so often. At least 10 ms.
  absl::Duration recheck_interval = absl::Seconds(2);
  // Told of each refusal, for a log. Must not block; from any thread.
  std::function<void(absl::string_view method, GuardRefusal why)> on_refusal;
};

// GuardFigures counts since the guard was made.
struct GuardFigures {
  uint64_t admitted = 0;      // calls whose caller was found good
  uint64_t public_calls = 0;  // calls of methods that are open to everybody
  std::array<uint64_t, kGuardRefusals> refused = {};  // by GuardRefusal
  uint64_t streams_open = 0;                          // now, of those admitted
  uint64_t streams_ended = 0;   // since their session was revoked or expired
  uint64_t streams_unsure = 0;  // ended since that could not be found out

  uint64_t RefusedFor(GuardRefusal why) const {
    return refused[static_cast<size_t>(why)];
  }
};

// ServerGuard lets only those call a gRPC server who may. Before a handler
// begins, it has the `authorization: Bearer CREDENTIAL` of the call checked and
// holds the caller against the rule of the method; the handler asks it who
// calls:
//
//   auto guard = ServerGuard::Create(
//       validator, {.audience = "inventory",
//                   .rules = {{"/shop.Inventory/Reserve",
//                              MethodRule::AllOf({"stock"})}}});
//   (*guard)->AddTo(&builder);
//
//   ServerUnaryReactor* Reserve(context, request, response) override {
//     return guard_.Unary(context, [&](const Principal& who) {
//       ...
//       return grpc::Status::OK;
//     });
//   }
//
// It refuses by default. gRPC has no way to keep a handler from beginning, so a
// handler asks first, and does nothing if there is nobody; but whatever it
// does, no message, metadata or status of its own leaves a call that was
// refused, or whose handler did not ask: the client gets the refusal
// (guard_refusal.h).
//
// An admitted stream is ended when its session is revoked or expires: the
// client gets UNAUTHENTICATED, the handler sees IsCancelled, OnCancel, and
// reads and writes that fail. Likewise, with UNAVAILABLE, when the validator
// lost sight of the session and cannot find out about it within check_timeout.
//
// To call on in the caller's name, take what the call brought by
// ReadCallerProof(context->client_metadata()), and see call_metadata.h.
//
// With the callback API nothing blocks; its handlers may begin on a thread of
// the validator. A server of the synchronous API waits for the check in the
// thread of the call, one with completion queues in the thread that polls.
//
// Safe from any thread. The server should be gone before its guard, and the
// guard before its validator. Calls that outlive the guard are refused, their
// streams ended with UNAVAILABLE, and the validator is not used any more.
class ServerGuard {
 public:
  // Create returns a guard that has credentials checked by `validator`, which
  // must outlive it, as must `clock`.
  //   kInvalidArgument  an option out of its limits; see MethodRules::Create
  static absl::StatusOr<std::unique_ptr<ServerGuard>> Create(
      Validator& validator, ServerGuardOptions options);
  static absl::StatusOr<std::unique_ptr<ServerGuard>> Create(
      Validator& validator, ServerGuardOptions options, const Clock& clock);

  ~ServerGuard();
  ServerGuard(const ServerGuard&) = delete;
  ServerGuard& operator=(const ServerGuard&) = delete;

  // AddTo guards all services of the server that `builder` makes. It replaces
  // interceptors that were set before; who has some of their own puts
  // NewInterceptor among them instead, as the last.
  void AddTo(grpc::ServerBuilder* builder);
  std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>
  NewInterceptor();

  // Admit returns who calls, or null: the call was refused and must not be
  // served. What its handler answers then is of no matter; in the callback API
  // it may return nullptr for the reactor. Null, too, for a Public method,
  // whose handler need not ask, and for a call of a server without this guard.
  // Never blocks; the same answer each time.
  Verdict Admit(const grpc::ServerContextBase* context);

  // Refusal returns the status of a call that Admit returned null for.
  grpc::Status Refusal(const grpc::ServerContextBase* context) const;

  // Unary finishes a call of the callback API with what `handler` returns, or
  // with the refusal. `handler` is called before it returns, if at all.
  grpc::ServerUnaryReactor* Unary(
      grpc::CallbackServerContext* context,
      absl::FunctionRef<grpc::Status(const Principal& who)> handler);

  GuardFigures figures() const;

 private:
  explicit ServerGuard(std::shared_ptr<GuardCore> core);

  const std::shared_ptr<GuardCore> core_;
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_SERVER_GUARD_H_
