#ifndef LATCHKEY_TESTS_SUPPORT_FAKE_ASKER_H_
#define LATCHKEY_TESTS_SUPPORT_FAKE_ASKER_H_

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "client/base/mutex.h"
#include "client/follow/asker.h"

namespace latchkey {

// FakeAsker answers what it was told to, at once, or lets questions wait. Safe
// from any thread.
class FakeAsker final : public Asker {
 public:
  void SetAnswer(absl::StatusOr<AskedAnswer> answer) {
    MutexLock lock(&mutex_);
    answer_ = std::move(answer);
  }
  // While it holds, questions wait.
  void SetHolds(bool holds) {
    MutexLock lock(&mutex_);
    holds_ = holds;
  }
  int asked() const {
    MutexLock lock(&mutex_);
    return asked_;
  }
  void AnswerAll() { Release(Taken()); }

  void Ask(absl::string_view credential, const CheckOptions& options,
           absl::Time deadline, Done done) override {
    absl::StatusOr<AskedAnswer> answer;
    {
      MutexLock lock(&mutex_);
      ++asked_;
      if (holds_ && !cancelled_) {
        waiting_.push_back(std::move(done));
        return;
      }
      answer = cancelled_ ? absl::CancelledError("cancelled") : answer_;
    }
    done(std::move(answer));
  }

  void CancelAll() override {
    {
      MutexLock lock(&mutex_);
      cancelled_ = true;
      answer_ = absl::CancelledError("cancelled");
    }
    Release(Taken());
  }

 private:
  std::vector<Done> Taken() {
    MutexLock lock(&mutex_);
    return std::exchange(waiting_, {});
  }
  void Release(const std::vector<Done>& waiting) {
    absl::StatusOr<AskedAnswer> answer;
    {
      MutexLock lock(&mutex_);
      answer = answer_;
    }
    for (const Done& done : waiting) done(answer);
  }

  mutable Mutex mutex_;
  absl::StatusOr<AskedAnswer> answer_ ABSL_GUARDED_BY(mutex_) = AskedAnswer();
  bool holds_ ABSL_GUARDED_BY(mutex_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  int asked_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<Done> waiting_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SUPPORT_FAKE_ASKER_H_
