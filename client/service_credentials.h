#ifndef LATCHKEY_CLIENT_SERVICE_CREDENTIALS_H_
#define LATCHKEY_CLIENT_SERVICE_CREDENTIALS_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpcpp/client_context.h"
#include "grpcpp/security/credentials.h"

#include "client/auth_client.h"
#include "client/base/clock.h"
#include "client/credential_keeper.h"
#include "client/highest_revision.h"
#include "client/timer.h"

namespace latchkey {

struct ServiceCredentialsOptions {
  ServiceLogin login;
  // Calls also carry `latchkey-revision`, the highest revision that the
  // AuthClient has seen (AuthClient::revisions).
  bool send_revision = false;
  // Where AddTo may be used: unix:PATH, or HOST:PORT of this machine. Empty:
  // nowhere.
  std::string local_target;
  // The session is ended with this object, which then waits for it, at most
  // 2 seconds.
  bool logout_at_end = false;
};

// ServiceCredentials lets a service's calls to other services carry a
// credential of its own: `authorization: Bearer ...`. It logs in with the first
// of them, and keeps the credential fresh (CredentialKeeper). No call goes out
// without one: it waits until the login has answered, or fails with
// UNAVAILABLE.
//
// To forward a caller's credential instead: AddCredential.
// Safe from any thread. Not to be destroyed in a callback of gRPC.
class ServiceCredentials {
 public:
  // `client` must outlive the object; what call_credentials returned need not
  // be gone: its calls then fail with UNAVAILABLE.
  //   kInvalidArgument  no account, a timeout that is not 1 ms to 1 minute, no
  //                     secret or no function, or a local_target that is not on
  //                     this machine
  static absl::StatusOr<std::unique_ptr<ServiceCredentials>> Create(
      ServiceCredentialsOptions options, AuthClient& client);
  // The same over a clock and a timer, which must outlive the object.
  static absl::StatusOr<std::unique_ptr<ServiceCredentials>> Create(
      ServiceCredentialsOptions options, AuthClient& client, const Clock& clock,
      Timer& timer);

  ~ServiceCredentials();
  ServiceCredentials(const ServiceCredentials&) = delete;
  ServiceCredentials& operator=(const ServiceCredentials&) = delete;

  // call_credentials is for ClientContext::set_credentials, or, composed with a
  // channel's, for all of its calls. Over TLS only: gRPC refuses the call on
  // any other channel.
  std::shared_ptr<grpc::CallCredentials> call_credentials() const;

  // AddTo has the call of `context` carry the credential over plaintext. Waits
  // as a call would: not for use in a callback of gRPC, unless WhenReady has
  // answered.
  //   kUnavailable         there is no credential
  //   kFailedPrecondition  there is no local_target
  absl::Status AddTo(grpc::ClientContext* context);

  // WhenReady calls `done` once, perhaps before it returns, when there is a
  // credential; `done` must not block.
  //   kUnavailable  the login failed
  void WhenReady(std::function<void(absl::Status)> done);

 private:
  ServiceCredentials(ServiceCredentialsOptions options, AuthClient& client,
                     const Clock& clock, Timer& timer);

  const bool has_local_target_;
  const bool logout_at_end_;
  AuthClient& client_;
  const Clock& clock_;
  const std::shared_ptr<const HighestRevision> revisions_;  // null: not sent
  const std::shared_ptr<CredentialKeeper> keeper_;
  const std::shared_ptr<grpc::CallCredentials> call_credentials_;
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_SERVICE_CREDENTIALS_H_
