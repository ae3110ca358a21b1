#ifndef LATCHKEY_CLIENT_FOLLOW_VERIFIER_CORE_H_
#define LATCHKEY_CLIENT_FOLLOW_VERIFIER_CORE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "client/base/clock.h"
#include "client/base/mutex.h"
#include "client/base/striped_counters.h"
#include "client/follow/activity_log.h"
#include "client/follow/answer_table.h"
#include "client/follow/asker.h"
#include "client/follow/backoff.h"
#include "client/follow/change_bell.h"
#include "client/follow/follower.h"
#include "client/follow/leased_view.h"
#include "client/follow/revocation_transport.h"
#include "client/follow/validator.h"
#include "client/follow/verifier_figures.h"
#include "client/follow/verifier_options.h"
#include "client/verify/jwt_verifier.h"
#include "client/verify/revision.h"

namespace latchkey {

// VerifierCore is all of an OfflineValidator that neither needs gRPC nor has a
// thread: see there for what it promises. Its owner drives it.
//
//   Begin -> Drive, whenever woken and when it said -> End
//
// Begin, Drive and End: one thread at a time. The rest from any thread, also
// before and after; what is under way when it is destroyed must have ended.
class VerifierCore final : public Validator {
 public:
  // Judge returns what is wrong with `options`.
  //   kInvalidArgument  something is missing or out of its limits
  static absl::Status Judge(const VerifierOptions& options);

  // All must outlive it. `wake` has Drive called soon; see
  // RevocationTransport::Connect.
  // REQUIRES: Judge(options) is OK
  VerifierCore(const VerifierOptions& options, RevocationTransport& transport,
               Asker& asker, const Clock& clock, std::function<void()> wake);
  ~VerifierCore() override;

  void Begin();
  // Drive does what is to be done now and returns when, by the boot clock, it
  // wants to be called at the latest. Takes a bounded time, whatever comes.
  absl::Duration Drive();
  // End lets go of the stream, the lease and all questions. For good.
  void End();

  // WaitUntilReady: as OfflineValidator.
  bool WaitUntilReady(absl::Time deadline);

  std::optional<Verdict> CheckNow(absl::string_view credential,
                                  const CheckOptions& options) override;
  std::optional<bool> CheckLocal(
      absl::string_view credential, const CheckOptions& options,
      absl::FunctionRef<void(const Principal&)> visit);
  void Check(absl::string_view credential, const CheckOptions& options,
             absl::Time deadline, Done done) override;
  Standing StandingOf(const Principal& principal) override;
  std::unique_ptr<Subscription> OnChange(
      std::function<void()> changed) override;
  // Learn, revision: as OfflineValidator.
  void Learn(absl::string_view credential, AskedAnswer asked);
  std::optional<RevisionPoint> revision() const;

  VerifierFigures figures() const;

 private:
  enum class Life { kNew, kRunning, kEnded };
  enum Count : size_t { kYes, kNo, kAsked, kRefused, kCounts };
  // What is known here; nullopt: nothing.
  using Found = std::optional<bool>;
  using Visit =
      absl::FunctionRef<void(const std::shared_ptr<const Principal>&)>;

  Found Find(absl::string_view credential, const CheckOptions& options,
             Visit visit);
  // Decides by `answer`, and counts; calls `visit` if it is yes.
  Found Decide(const LeasedView::Look& look, const Answer& answer,
               const CheckOptions& options, Visit visit);
  Found JudgeJwt(const LeasedView::Look& look, absl::string_view credential,
                 const CheckOptions& options, Visit visit);
  Found Serves(const Answer& answer, absl::string_view audience) const;
  Found No(const LeasedView::Look& look);
  std::unique_ptr<Answer> AnswerOf(const LeasedView::Look& look,
                                   VerifiedClaims claims);
  // Keeps what the server said of `credential`.
  void Remember(absl::string_view credential, AskedAnswer* asked);
  void Answered(absl::string_view credential, absl::StatusOr<AskedAnswer> asked,
                const Done& done);
  void Refuse(const char* why, const Done& done);

  void Connect(absl::Duration now);
  // Sends or takes one message; false: there is none.
  bool Step(absl::Duration now);
  void Send(absl::Duration now, VerifierMessage message);
  void Take(absl::Duration now, const ServerMessage& message);
  void LoseLink(absl::Duration now, const absl::Status& why);
  void NoteStaleness(absl::Duration now);
  void NoteEndOfLease(absl::Duration now);
  void Tidy(absl::Duration now);
  void Publish(absl::Duration now);

  const VerifierOptions options_;
  const Expectations expect_;
  RevocationTransport& transport_;
  Asker& asker_;
  const Clock& clock_;
  const std::function<void()> wake_;

  LeasedView view_;
  AnswerTable answers_;
  ActivityLog activity_;
  ChangeBell bell_;
  StripedCounters<kCounts> counts_;
  std::atomic<Life> life_{Life::kNew};
  std::atomic<size_t> asks_{0};  // under way

  // Of the thread that drives:
  Follower follower_;
  std::unique_ptr<RevocationLink> link_;
  Backoff backoff_;
  absl::Duration next_connect_;
  absl::Duration last_heard_;
  absl::Duration next_tidy_;
  bool is_leased_ = false;
  bool has_changed_ = false;  // subscribers are yet to be told
  uint64_t noted_yes_ = 0;
  absl::Duration staleness_;  // since the last heartbeat
  VerifierFigures driven_;

  // Readers of figures, and who waits until it is ready.
  mutable Mutex mutex_;
  CondVar ready_;
  VerifierFigures published_ ABSL_GUARDED_BY(mutex_);
  absl::Duration view_time_ ABSL_GUARDED_BY(mutex_);
  bool is_ready_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_FOLLOW_VERIFIER_CORE_H_
