#ifndef LATCHKEY_CLIENT_OFFLINE_VALIDATOR_H_
#define LATCHKEY_CLIENT_OFFLINE_VALIDATOR_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "grpcpp/channel.h"
#include "grpcpp/security/credentials.h"

#include "client/base/clock.h"
#include "client/follow/verifier_figures.h"
#include "client/follow/verifier_options.h"
#include "client/validator.h"
#include "latchkey/v1/auth.pb.h"

namespace latchkey {

// OfflineValidator judges credentials in this process, and knows in time what
// has been taken back. It follows the server's stream of revocations under a
// lease: while the lease runs, a JWT is judged by its signature and an opaque
// credential by what the server answered about it before, and both are refused
// as soon as their session, account or key was revoked. Without a lease it asks
// the server, or refuses; it never guesses.
//
// Its promise: a check that begins after a Logout with wait = VERIFIERS has
// answered `complete` does not accept what was logged out.
//
//   auto validator = OfflineValidator::Create(channels, {.issuer = ...});
//   (*validator)->Start();
//   (*validator)->WaitUntilReady(...);      if it is to begin at full speed
//   (*validator)->Check(credential, options, deadline, done);
//
// A check by CheckNow or CheckLocal takes no lock; of a credential that is not
// known yet it takes a signature check. Uses of sessions (not those said to be
// passive) are told to the server with heartbeats, for its idle timeout.
//
// Before Start and after Stop nobody is accepted: CheckNow returns nullopt, or
// refuses what it knows to be taken back, and Check is kUnavailable.
//
// Safe from any thread. The destructor calls Stop; no other call may be under
// way then but Checks that wait for their answer: each `done` is called once,
// with kUnavailable.
class OfflineValidator final : public Validator {
 public:
  // Create returns one that follows, and asks, the server behind `channels`, at
  // least one: the stream is on the first, questions go over all by turns.
  // `credentials` are those of the calls, null: none; the server asks for them
  // unless its Validate is open to all, or it knows the client certificate.
  // `clock` must outlive it, and its boot clock must count suspended time.
  //   kInvalidArgument  no channel; an option that is missing or out of its
  //                     limits
  static absl::StatusOr<std::unique_ptr<OfflineValidator>> Create(
      std::vector<std::shared_ptr<grpc::Channel>> channels,
      VerifierOptions options,
      std::shared_ptr<grpc::CallCredentials> credentials = nullptr);
  static absl::StatusOr<std::unique_ptr<OfflineValidator>> Create(
      std::vector<std::shared_ptr<grpc::Channel>> channels,
      VerifierOptions options,
      std::shared_ptr<grpc::CallCredentials> credentials, const Clock& clock);

  ~OfflineValidator() override;

  // Start begins to follow. Once; after Stop it does nothing.
  void Start();
  // Stop ends the stream and the thread; who still waits for an answer gets
  // kUnavailable. May be called again, but not by a `done` or `changed`.
  void Stop();

  // WaitUntilReady waits until it can answer by itself, at most until
  // `deadline`; false: it cannot yet. Nothing depends on having waited.
  bool WaitUntilReady(absl::Time deadline);

  std::optional<Verdict> CheckNow(absl::string_view credential,
                                  const CheckOptions& options) override;
  // CheckLocal is CheckNow for those who need the principal only for a moment:
  // it counts no reference, so that threads do not get in each other's way.
  // Calls `visit` at most once, before it returns, if the credential is good;
  // `visit` must be short, since memory is held meanwhile.
  std::optional<bool> CheckLocal(
      absl::string_view credential, const CheckOptions& options,
      absl::FunctionRef<void(const Principal&)> visit);
  void Check(absl::string_view credential, const CheckOptions& options,
             absl::Time deadline, Done done) override;
  Standing StandingOf(const Principal& principal) override;
  [[nodiscard]] std::unique_ptr<Subscription> OnChange(
      std::function<void()> changed) override;

  // Learn takes up `response`, which the server gave to a Validate of
  // `credential` with want_revocable: for who asks by themselves, since they
  // need all of the answer. CheckNow then knows as much as if Check had asked.
  void Learn(absl::string_view credential,
             const v1::ValidateResponse& response);

  // revision returns the token of a Revision that every check knows which
  // begins from now on; empty: nothing is known.
  std::string revision() const;

  // figures returns how fresh its view is, and what it has done.
  VerifierFigures figures() const;
  // WriteMetrics appends them in the text format of Prometheus.
  void WriteMetrics(std::string* text) const;

 private:
  struct Parts;
  explicit OfflineValidator(std::unique_ptr<Parts> parts);

  const std::unique_ptr<Parts> parts_;
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_OFFLINE_VALIDATOR_H_
