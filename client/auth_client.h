#ifndef LATCHKEY_CLIENT_AUTH_CLIENT_H_
#define LATCHKEY_CLIENT_AUTH_CLIENT_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/channel.h"
#include "grpcpp/security/credentials.h"

#include "client/base/clock.h"
#include "client/base/secret_bytes.h"
#include "client/channel.h"
#include "client/highest_revision.h"
#include "client/retry_policy.h"
#include "client/timer.h"
#include "latchkey/v1/auth.pb.h"

namespace latchkey {

struct AuthClientOptions {
  ChannelOptions channel;
  RetryOptions retry;
};

// CallOptions is what goes along with one call besides its request.
struct CallOptions {
  // The credential of the calling service, sent as `authorization: Bearer ...`;
  // empty: none is sent. Of a server that grants by client certificate none is
  // needed.
  SecretBytes bearer;
  // The same as call credentials, ServiceCredentials' for example; over TLS
  // only, and not besides `bearer`.
  std::shared_ptr<grpc::CallCredentials> credentials;
  // Sent as `latchkey-revision`; empty: none is sent.
  std::string revision;
};

// AuthClient makes the calls of AuthService: spread over its connections by
// turns, each under a deadline.
//
// A call that failed is tried again, later and over the next connection, only
// if that can do no harm: if it may be done twice (all but Login) and the
// server could not be reached or says UNAVAILABLE, or if the server says that
// it did not begin it (UNAVAILABLE, OVERLOADED, with a RetryInfo, which is
// honoured). Never past the deadline, and within RetryOptions.
//
// Errors are the server's code and message, with ErrorDetailsOf what it added;
// the last answer, if there were several tries. Besides:
//   kDeadlineExceeded  no answer in time; the call may have been done
//   kUnavailable       the server cannot be reached
//   kCancelled         the client was destroyed meanwhile
//   kInvalidArgument   CallOptions that cannot be sent
//
// `done` is called exactly once, by any thread, perhaps before the call
// returns; it must not block, nor destroy the client. The forms without `done`
// wait for the answer: not for use in a callback of gRPC.
// Safe from any thread. The destructor cancels what is under way, and returns
// once each `done` has; nothing may be called any more once it has begun, which
// must not be in a callback of gRPC.
// A deadline further away than a day counts as a day.
class AuthClient {
 public:
  template <typename Response>
  using Done = std::function<void(absl::StatusOr<Response>)>;

  // Create opens the channels; nothing is connected before the first call.
  // Errors as OpenChannels, and
  //   kInvalidArgument  options.retry is out of its limits
  static absl::StatusOr<std::unique_ptr<AuthClient>> Create(
      const AuthClientOptions& options);
  // The same over a clock, by which deadlines are meant, and a timer for what
  // is tried again. Both must outlive the client.
  static absl::StatusOr<std::unique_ptr<AuthClient>> Create(
      const AuthClientOptions& options, const Clock& clock, Timer& timer);

  ~AuthClient();
  AuthClient(const AuthClient&) = delete;
  AuthClient& operator=(const AuthClient&) = delete;

  void Login(v1::LoginRequest request, absl::Time deadline,
             Done<v1::LoginResponse> done, CallOptions options = {});
  void Validate(v1::ValidateRequest request, absl::Time deadline,
                Done<v1::ValidateResponse> done, CallOptions options = {});
  void BatchValidate(v1::BatchValidateRequest request, absl::Time deadline,
                     Done<v1::BatchValidateResponse> done,
                     CallOptions options = {});
  void Refresh(v1::RefreshRequest request, absl::Time deadline,
               Done<v1::RefreshResponse> done, CallOptions options = {});
  // With wait = VERIFIERS see Propagated, and let the deadline be later than
  // wait_timeout.
  void Logout(v1::LogoutRequest request, absl::Time deadline,
              Done<v1::LogoutResponse> done, CallOptions options = {});

  absl::StatusOr<v1::LoginResponse> Login(v1::LoginRequest request,
                                          absl::Time deadline,
                                          CallOptions options = {});
  absl::StatusOr<v1::ValidateResponse> Validate(v1::ValidateRequest request,
                                                absl::Time deadline,
                                                CallOptions options = {});
  absl::StatusOr<v1::BatchValidateResponse> BatchValidate(
      v1::BatchValidateRequest request, absl::Time deadline,
      CallOptions options = {});
  absl::StatusOr<v1::RefreshResponse> Refresh(v1::RefreshRequest request,
                                              absl::Time deadline,
                                              CallOptions options = {});
  absl::StatusOr<v1::LogoutResponse> Logout(v1::LogoutRequest request,
                                            absl::Time deadline,
                                            CallOptions options = {});

  // channel returns one of the connections, by turns: for the other services of
  // the same server.
  std::shared_ptr<grpc::Channel> channel();

  // revisions returns the highest revision that an answer of this client
  // carried; more may be added. It may be kept longer than the client.
  std::shared_ptr<HighestRevision> revisions();

 private:
  struct State;

  explicit AuthClient(std::unique_ptr<State> state);

  const std::unique_ptr<State> state_;
};

// Propagated tells whether no verifier accepts any more what `response` says is
// ended. A server that is too old to know says nothing: then it is not.
bool Propagated(const v1::LogoutResponse& response);

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_AUTH_CLIENT_H_
