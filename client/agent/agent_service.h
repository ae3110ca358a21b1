#ifndef LATCHKEY_CLIENT_AGENT_AGENT_SERVICE_H_
#define LATCHKEY_CLIENT_AGENT_AGENT_SERVICE_H_

#include <atomic>
#include <cstddef>
#include <memory>

#include "absl/time/time.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"

#include "client/agent/local_answers.h"
#include "client/auth_client.h"
#include "client/base/clock.h"
#include "latchkey/v1/auth.grpc.pb.h"

namespace latchkey {

// Raw bytes for every method, so that a request that cannot be read is told so
// as the server would.
using RawAgentService = v1::AuthService::WithRawCallbackMethod_Login<
    v1::AuthService::WithRawCallbackMethod_Validate<
        v1::AuthService::WithRawCallbackMethod_BatchValidate<
            v1::AuthService::WithRawCallbackMethod_Refresh<
                v1::AuthService::WithRawCallbackMethod_Logout<
                    v1::AuthService::Service>>>>>;

// AgentService is AuthService as an agent serves it: Validate and BatchValidate
// are answered here if that can be, at once, else by the server, asked without
// blocking; whatever it says is passed on. The rest is refused, since the
// server must see who logs in, and out.
//
// Thread-safe, as gRPC demands.
class AgentService final : public RawAgentService {
 public:
  struct Options {
    // For the server's answer, if the caller's deadline is not sooner.
    absl::Duration ask_timeout = absl::Seconds(5);
    // Calls that wait for the server; more are refused.
    size_t max_asks = 10'000;
    // Of the agent itself; null: none are needed.
    std::shared_ptr<grpc::CallCredentials> credentials;
  };

  // All must outlive the gRPC server that serves this.
  AgentService(LocalAnswers& answers, AuthClient& client, const Clock& clock,
               Options options);

  grpc::ServerUnaryReactor* Login(grpc::CallbackServerContext* context,
                                  const grpc::ByteBuffer* in,
                                  grpc::ByteBuffer* out) override;
  grpc::ServerUnaryReactor* Validate(grpc::CallbackServerContext* context,
                                     const grpc::ByteBuffer* in,
                                     grpc::ByteBuffer* out) override;
  grpc::ServerUnaryReactor* BatchValidate(grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer* in,
                                          grpc::ByteBuffer* out) override;
  grpc::ServerUnaryReactor* Refresh(grpc::CallbackServerContext* context,
                                    const grpc::ByteBuffer* in,
                                    grpc::ByteBuffer* out) override;
  grpc::ServerUnaryReactor* Logout(grpc::CallbackServerContext* context,
                                   const grpc::ByteBuffer* in,
                                   grpc::ByteBuffer* out) override;

  // refused_by_server returns how often the server has refused the agent
  // itself.
  size_t refused_by_server() const {
    return refused_by_server_.load(std::memory_order_relaxed);
  }

 private:
  // Where an answer goes, and until when it is of use.
  struct Caller {
    grpc::ServerUnaryReactor* reactor;
    grpc::ByteBuffer* out;
    absl::Time deadline;
  };
  // One call that waits for the server, from its question to its answer.
  template <typename Request>
  struct Waiting;

  // Check answers a request of either kind here, or has the server asked.
  template <typename Request>
  grpc::ServerUnaryReactor* Check(grpc::CallbackServerContext* context,
                                  const grpc::ByteBuffer& in,
                                  grpc::ByteBuffer* out);
  Caller CallerOf(grpc::CallbackServerContext* context,
                  grpc::ByteBuffer* out) const;
  // Wait returns what asks the server for the caller; null: as many wait as
  // may, and the call has ended.
  template <typename Request>
  std::shared_ptr<Waiting<Request>> Wait(const Caller& caller, Request request);
  void Ask(std::shared_ptr<Waiting<v1::ValidateRequest>> waiting);
  void Ask(std::shared_ptr<Waiting<v1::BatchValidateRequest>> waiting);
  // Ends a call as `error`, which the server answered.
  void Fail(grpc::ServerUnaryReactor* reactor, const absl::Status& error);
  CallOptions OptionsOfCall() const;

  LocalAnswers& answers_;
  AuthClient& client_;
  const Clock& clock_;
  const Options options_;
  std::atomic<size_t> asks_{0};
  std::atomic<size_t> refused_by_server_{0};
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_AGENT_AGENT_SERVICE_H_
