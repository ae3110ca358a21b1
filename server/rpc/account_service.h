#ifndef LATCHKEY_SERVER_RPC_ACCOUNT_SERVICE_H_
#define LATCHKEY_SERVER_RPC_ACCOUNT_SERVICE_H_

#include "client/base/ids.h"
#include "latchkey/v1/account.grpc.pb.h"
#include "server/auth/account_admin.h"
#include "server/auth/revocation_hub.h"
#include "server/rpc/call.h"

namespace latchkey {

using RawProofMethods =
    v1::AccountService::WithRawCallbackMethod_AddClientSecret<
        v1::AccountService::WithRawCallbackMethod_ListClientSecrets<
            v1::AccountService::WithRawCallbackMethod_RemoveClientSecret<
                v1::AccountService::WithRawCallbackMethod_SetJwks<
                    v1::AccountService::
                        WithRawCallbackMethod_SetCertificateNames<
                            v1::AccountService::Service>>>>>;
using RawAccountService =
    v1::AccountService::WithRawCallbackMethod_CreateAccount<
        v1::AccountService::WithRawCallbackMethod_GetAccount<
            v1::AccountService::WithRawCallbackMethod_ListAccounts<
                v1::AccountService::WithRawCallbackMethod_UpdateAccount<
                    v1::AccountService::WithRawCallbackMethod_DisableAccount<
                        v1::AccountService::WithRawCallbackMethod_EnableAccount<
                            v1::AccountService::
                                WithRawCallbackMethod_DeleteAccount<
                                    v1::AccountService::
                                        WithRawCallbackMethod_SetPassword<
                                            RawProofMethods>>>>>>>>;

// AccountRpc puts AccountAdmin on the wire, as AuthRpc does with Authority.
class AccountRpc final : public RawAccountService {
 public:
  // All must outlive the gRPC server that serves this.
  AccountRpc(const CallDoor& door, AccountAdmin& accounts,
             RevocationHub& revocations, const Epoch& epoch);

  grpc::ServerUnaryReactor* CreateAccount(grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer* in,
                                          grpc::ByteBuffer* out) override;
  grpc::ServerUnaryReactor* GetAccount(grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer* in,
                                       grpc::ByteBuffer* out) override;
  grpc::ServerUnaryReactor* ListAccounts(grpc::CallbackServerContext* context,
                                         const grpc::ByteBuffer* in,
                                         grpc::ByteBuffer* out) override;
  grpc::ServerUnaryReactor* UpdateAccount(grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer* in,
                                          grpc::ByteBuffer* out) override;
  grpc::ServerUnaryReactor* DisableAccount(grpc::CallbackServerContext* context,
                                           const grpc::ByteBuffer* in,
                                           grpc::ByteBuffer* out) override;
  grpc::ServerUnaryReactor* EnableAccount(grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer* in,
                                          grpc::ByteBuffer* out) override;
  grpc::ServerUnaryReactor* DeleteAccount(grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer* in,
                                          grpc::ByteBuffer* out) override;
  grpc::ServerUnaryReactor* SetPassword(grpc::CallbackServerContext* context,
                                        const grpc::ByteBuffer* in,
                                        grpc::ByteBuffer* out) override;
  grpc::ServerUnaryReactor* AddClientSecret(
      grpc::CallbackServerContext* context, const grpc::ByteBuffer* in,
      grpc::ByteBuffer* out) override;
  grpc::ServerUnaryReactor* ListClientSecrets(
      grpc::CallbackServerContext* context, const grpc::ByteBuffer* in,
      grpc::ByteBuffer* out) override;
  grpc::ServerUnaryReactor* RemoveClientSecret(
      grpc::CallbackServerContext* context, const grpc::ByteBuffer* in,
      grpc::ByteBuffer* out) override;
  grpc::ServerUnaryReactor* SetJwks(grpc::CallbackServerContext* context,
                                    const grpc::ByteBuffer* in,
                                    grpc::ByteBuffer* out) override;
  grpc::ServerUnaryReactor* SetCertificateNames(
      grpc::CallbackServerContext* context, const grpc::ByteBuffer* in,
      grpc::ByteBuffer* out) override;

 private:
  void CreateService(
      CallPtr<v1::CreateAccountRequest, v1::CreateAccountResponse> call);

  const CallDoor door_;
  AccountAdmin& accounts_;
  RevocationHub& revocations_;
  const Epoch epoch_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_ACCOUNT_SERVICE_H_
