#ifndef LATCHKEY_CLIENT_CREDENTIAL_KEEPER_H_
#define LATCHKEY_CLIENT_CREDENTIAL_KEEPER_H_

#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/random/random.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "client/auth_client.h"
#include "client/base/clock.h"
#include "client/base/mutex.h"
#include "client/base/secret_bytes.h"
#include "client/timer.h"
#include "latchkey/v1/auth.pb.h"

namespace latchkey {

// How a service proves who it is.
struct ClientSecret {
  SecretBytes secret;
};
struct ClientAssertion {
  // Returns a new signed JWT for each login (LoginRequest.client_assertion).
  // Called by any thread, one at a time; must not block.
  std::function<absl::StatusOr<SecretBytes>()> make;
};
// By the client certificate of the AuthClient's channel.
struct ClientCertificate {};
using ServiceProof =
    std::variant<ClientCertificate, ClientSecret, ClientAssertion>;

// ServiceLogin is the session that a service opens for itself.
struct ServiceLogin {
  std::string account;
  ServiceProof proof;
  // As LoginRequest.audiences: who the credential will be shown to.
  std::vector<std::string> audiences;
  // JWT or OPAQUE; a JWT can be checked without asking the server.
  v1::CredentialFormat format = v1::CREDENTIAL_FORMAT_JWT;
  // For the answer to each Login and Refresh, all tries included.
  absl::Duration timeout = absl::Seconds(10);
};

// CredentialKeeper keeps one credential of a service, and keeps it fresh:
//
//   sent      2/3 of its life                  its end
//   |---------|----------------------------------|
//      good      good; Refresh or Login, again      none: calls wait for the
//                and again as it fails              next answer, or are refused
//
// A JWT is refreshed until its session ends; for another session, and for an
// opaque credential, it logs in anew. Life is counted from the sending of the
// request on the boot clock, so that a wrong wall clock here does no harm. The
// first login begins with the first call that needs it. After a failure calls
// are refused until the next try, 1 to 30 seconds later or as the server asks,
// instead of each trying for itself. Safe from any thread.
class CredentialKeeper : public std::enable_shared_from_this<CredentialKeeper> {
 public:
  // The value of `authorization`: "Bearer " and the credential.
  using Value = std::shared_ptr<const SecretBytes>;
  using Done = std::function<void(absl::StatusOr<Value>)>;

  // All three must outlive Stop. Must be made by make_shared.
  CredentialKeeper(ServiceLogin login, AuthClient& client, const Clock& clock,
                   Timer& timer);

  // IfGood returns the value if it is good for `margin` more, else null.
  Value IfGood(absl::Duration margin) const;

  // Get calls `done` once, perhaps before it returns, with a value that is good
  // now; `done` must not block.
  //   kUnavailable  there is none: the last login failed, too many calls wait,
  //                 or it was stopped
  void Get(Done done);

  // Wait is Get for a thread that may block.
  absl::StatusOr<Value> Wait();

  // Stop refuses everything from now on, and begins no more calls. It returns
  // the credential that it had, for Logout; empty if there was none.
  SecretBytes Stop();

 private:
  // Renew asks the server, by Refresh if that will do. REQUIRES: renewing_.
  void Renew();
  void Login(absl::Duration sent);
  absl::StatusOr<v1::LoginRequest> MakeRequest() const;
  void Refresh(absl::Duration sent, std::string refresh_credential);
  template <typename Response>
  void Keep(const Response& response, absl::Duration sent);
  void Fail(const absl::Status& error);
  void RenewIn(absl::Duration delay) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Due();
  // Ends the renewal and answers who waited for it.
  void Answer(const absl::StatusOr<Value>& answer);
  absl::Time Deadline() const { return clock_.Now() + login_.timeout; }

  const ServiceLogin login_;
  AuthClient& client_;
  const Clock& clock_;
  Timer& timer_;

  mutable Mutex mutex_;
  CondVar asked_;
  Value value_ ABSL_GUARDED_BY(mutex_);
  SecretBytes credential_ ABSL_GUARDED_BY(mutex_);  // that of value_
  absl::Duration end_ ABSL_GUARDED_BY(mutex_);      // by the boot clock
  // Empty: the next renewal is a login.
  SecretBytes refresh_ ABSL_GUARDED_BY(mutex_);
  bool renewing_ ABSL_GUARDED_BY(mutex_) = false;
  // A thread is on its way into client_.
  int asking_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  int failures_ ABSL_GUARDED_BY(mutex_) = 0;  // since the last success
  absl::Status last_error_ ABSL_GUARDED_BY(mutex_);
  std::vector<Done> waiting_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Timer::Pending> next_ ABSL_GUARDED_BY(mutex_);
  absl::BitGen random_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_CREDENTIAL_KEEPER_H_
