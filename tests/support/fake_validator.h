#ifndef LATCHKEY_TESTS_SUPPORT_FAKE_VALIDATOR_H_
#define LATCHKEY_TESTS_SUPPORT_FAKE_VALIDATOR_H_

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "client/base/clock.h"
#include "client/base/mutex.h"
#include "client/validator.h"

namespace latchkey {

// FakeValidator knows the credentials that it is told. Safe from any thread.
class FakeValidator final : public Validator {
 public:
  // How Check behaves; CheckNow knows nothing unless it is kKnows.
  enum class Mode { kKnows, kAsks, kHolds, kFails };

  explicit FakeValidator(const Clock& clock) : clock_(clock) {}

  void Add(const std::string& credential, Principal who) {
    MutexLock lock(&mutex_);
    good_[credential] = std::make_shared<const Principal>(std::move(who));
  }
  void SetMode(Mode mode) {
    MutexLock lock(&mutex_);
    mode_ = mode;
  }
  // What Check says in mode kFails.
  void SetFailure(absl::Status failure) {
    MutexLock lock(&mutex_);
    failure_ = std::move(failure);
  }
  // Forgets the credential, and tells of it.
  void TakeBack(const std::string& credential) {
    {
      MutexLock lock(&mutex_);
      good_.erase(credential);
    }
    Tell();
  }
  // Loses sight of all it knew, and tells of it; Check goes on in `mode`.
  void LoseSight(Mode mode) {
    SetMode(mode);
    Tell();
  }

  // WaitForHeld waits until `count` questions are held.
  void WaitForHeld(size_t count) {
    MutexLock lock(&mutex_);
    while (held_.size() < count) changed_.Wait(&mutex_);
  }
  // Answers all that are held.
  void Release() {
    std::vector<std::function<void()>> held;
    {
      MutexLock lock(&mutex_);
      held.swap(held_);
    }
    for (const auto& answer : held) answer();
  }

  CheckOptions last_options() const {
    MutexLock lock(&mutex_);
    return last_options_;
  }
  int checks() const {
    MutexLock lock(&mutex_);
    return checks_;
  }

  std::optional<Verdict> CheckNow(absl::string_view credential,
                                  const CheckOptions& options) override {
    MutexLock lock(&mutex_);
    if (mode_ != Mode::kKnows) return std::nullopt;
    return Judge(std::string(credential), options);
  }

  void Check(absl::string_view credential, const CheckOptions& options,
             absl::Time deadline, Done done) override {
    absl::StatusOr<Verdict> verdict;
    {
      MutexLock lock(&mutex_);
      ++checks_;
      if (mode_ == Mode::kHolds) {
        held_.push_back(
            [this, credential = std::string(credential), options,
             done = std::move(done)] { done(JudgeLate(credential, options)); });
        changed_.NotifyAll();
        return;
      }
      verdict = mode_ == Mode::kFails ? failure_
                                      : absl::StatusOr<Verdict>(Judge(
                                            std::string(credential), options));
    }
    done(verdict);
  }

  Standing StandingOf(const Principal& who) override {
    MutexLock lock(&mutex_);
    if (mode_ != Mode::kKnows) return Standing::kUnknown;
    const bool known =
        std::any_of(good_.begin(), good_.end(),
                    [&](const auto& entry) { return *entry.second == who; });
    return known && clock_.Now() < who.expire_time ? Standing::kGood
                                                   : Standing::kEnded;
  }

  std::unique_ptr<Subscription> OnChange(
      std::function<void()> changed) override {
    MutexLock lock(&tell_mutex_);
    tell_ = std::move(changed);
    return std::make_unique<Ending>(this);
  }

 private:
  struct Ending final : public Subscription {
    explicit Ending(FakeValidator* of) : of_(of) {}
    ~Ending() override {
      MutexLock lock(&of_->tell_mutex_);
      of_->tell_ = nullptr;
    }
    FakeValidator* const of_;
  };

  void Tell() {
    MutexLock lock(&tell_mutex_);
    if (tell_) tell_();
  }

  Verdict JudgeLate(const std::string& credential,
                    const CheckOptions& options) {
    MutexLock lock(&mutex_);
    return Judge(credential, options);
  }

  Verdict Judge(const std::string& credential, const CheckOptions& options)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    last_options_ = options;
    const auto found = good_.find(credential);
    if (found == good_.end()) return nullptr;
    const Verdict& who = found->second;
    if (clock_.Now() >= who->expire_time) return nullptr;
    const auto& audiences = who->audiences;
    if (!audiences.empty() && std::find(audiences.begin(), audiences.end(),
                                        options.audience) == audiences.end()) {
      return nullptr;
    }
    return who;
  }

  const Clock& clock_;
  mutable Mutex mutex_;
  CondVar changed_;
  Mode mode_ ABSL_GUARDED_BY(mutex_) = Mode::kKnows;
  std::map<std::string, Verdict> good_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::function<void()>> held_ ABSL_GUARDED_BY(mutex_);
  absl::Status failure_ ABSL_GUARDED_BY(mutex_) =
      absl::UnavailableError("no server");
  CheckOptions last_options_ ABSL_GUARDED_BY(mutex_);
  int checks_ ABSL_GUARDED_BY(mutex_) = 0;

  Mutex tell_mutex_;
  std::function<void()> tell_ ABSL_GUARDED_BY(tell_mutex_);
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SUPPORT_FAKE_VALIDATOR_H_
