#ifndef LATCHKEY_SERVER_RPC_WATCHDOG_H_
#define LATCHKEY_SERVER_RPC_WATCHDOG_H_

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"

#include "client/base/mutex.h"
#include "server/base/log.h"

namespace latchkey {

// FailureRun decides when failures are enough: `limit` rounds in a row.
class FailureRun {
 public:
  explicit FailureRun(int limit) : limit_(limit) {}

  // Note takes the outcome of a round and tells whether that was the last
  // straw. kResourceExhausted says that the question could not be asked, for
  // want of a descriptor: that ends no run and lengthens none.
  bool Note(const absl::Status& outcome);

  int length() const { return length_; }

 private:
  const int limit_;
  int length_ = 0;
};

// Watchdog asks the server, from within, whether it still answers, and has the
// process ended when it did not for many rounds in a row: its supervisor
// starts it anew, and everything acknowledged is on disk. One slow answer, or
// a refusal because there are too many connections, is none of that.
//
// The thread is its own. Safe from any thread.
class Watchdog {
 public:
  // One question. OK if there was an answer, whatever it was;
  // kResourceExhausted if it could not be asked; else why there was none.
  // Must come back by itself.
  struct Probe {
    std::string name;
    std::function<absl::Status()> ask;
  };

  struct Options {
    absl::Duration interval = absl::Seconds(5);
    // Half a minute without any answer is no flood: one takes from calls, but
    // not all of them.
    int failures = 6;
  };

  // `end` is called once, on the watchdog's thread, and is not expected to
  // return. `log` must outlive the watchdog.
  Watchdog(Options options, std::vector<Probe> probes,
           std::function<void()> end, Log& log);
  // Calls Stop.
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  // Start starts the thread. Call once.
  void Start();

  // Dismiss returns at once; from then on the process is not ended any more.
  // For the time of draining, when no answer is as it should be.
  void Dismiss();

  // Stop dismisses, waits for the question that is being asked, and joins the
  // thread. May be called again.
  void Stop();

  // Round asks all probes once and ends the process if that is due; false when
  // it was dismissed or has ended. The thread does it once an interval.
  bool Round();

 private:
  bool WaitForNextRound();
  absl::Status AskAll() const;
  bool dismissed() const;

  const Options options_;
  const std::vector<Probe> probes_;
  const std::function<void()> end_;
  Log& log_;
  FailureRun run_;  // of whoever calls Round

  mutable Mutex mutex_;
  CondVar changed_;
  bool dismissed_ ABSL_GUARDED_BY(mutex_) = false;

  std::thread thread_;  // touched by Start and Stop only
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_WATCHDOG_H_
