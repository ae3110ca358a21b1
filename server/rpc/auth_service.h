#ifndef LATCHKEY_SERVER_RPC_AUTH_SERVICE_H_
#define LATCHKEY_SERVER_RPC_AUTH_SERVICE_H_

#include "client/base/ids.h"
#include "latchkey/v1/auth.grpc.pb.h"
#include "server/auth/authority.h"
#include "server/auth/revocation_hub.h"
#include "server/rpc/call.h"
#include "server/rpc/correlation.h"

namespace latchkey {

// The generated service with every method taking raw bytes, so that a request
// that cannot be read gets our answer (see ParseRequest).
using RawAuthService = v1::AuthService::WithRawCallbackMethod_Login<
    v1::AuthService::WithRawCallbackMethod_Validate<
        v1::AuthService::WithRawCallbackMethod_BatchValidate<
            v1::AuthService::WithRawCallbackMethod_Refresh<
                v1::AuthService::WithRawCallbackMethod_Logout<
                    v1::AuthService::Service>>>>>;

// AuthRpc puts Authority on the wire: sizes and spellings are checked here,
// and messages converted; nothing is decided. Reactions never block: what may
// goes to the workers. Thread-safe, as gRPC demands.
class AuthRpc final : public RawAuthService {
 public:
  // All must outlive the gRPC server that serves this.
  AuthRpc(const CallDoor& door, Authority& authority,
          RevocationHub& revocations, const Epoch& epoch);

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

 private:
  using LoginCall = CallPtr<v1::LoginRequest, v1::LoginResponse>;
  using ValidateCall = CallPtr<v1::ValidateRequest, v1::ValidateResponse>;
  using BatchValidateCall =
      CallPtr<v1::BatchValidateRequest, v1::BatchValidateResponse>;
  using LogoutCall = CallPtr<v1::LogoutRequest, v1::LogoutResponse>;

  // How far a check came on the way that nearly every one takes.
  enum class Shortcut {
    kAnswered,   // `out` holds the answer
    kWantsDisk,  // it is a good request, for a reader
    kNotTaken,   // it is for the generated messages to say what it is
  };
  // If it is answered, `correlation` is what the headers say, too.
  Shortcut ValidateFromMemory(grpc::CallbackServerContext* context,
                              const grpc::ByteBuffer& in, grpc::ByteBuffer* out,
                              Correlation* correlation);
  Shortcut BatchValidateFromMemory(grpc::CallbackServerContext* context,
                                   const grpc::ByteBuffer& in,
                                   grpc::ByteBuffer* out);
  PermissionSet PermissionsAtHand(Method method,
                                  grpc::CallbackServerContext* context) const;
  bool MayHaveToExplain(PermissionSet at_hand) const;

  void StartLogin(LoginCall call);
  void StartValidate(ValidateCall call);
  void StartBatchValidate(BatchValidateCall call);
  void ValidateOnReader(ValidateCall call);
  void BatchValidateOnReader(BatchValidateCall call);
  template <typename OneCall>
  void FillValidate(const ValidateAnswer& answer, OneCall& one) const;
  template <typename OneCall>
  void FillBatchValidate(const BatchValidateAnswer& answer, OneCall& one) const;

  const CallDoor door_;
  Authority& authority_;
  RevocationHub& revocations_;
  const Epoch epoch_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_AUTH_SERVICE_H_
