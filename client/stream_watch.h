#ifndef LATCHKEY_CLIENT_STREAM_WATCH_H_
#define LATCHKEY_CLIENT_STREAM_WATCH_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "client/base/clock.h"
#include "client/base/mutex.h"
#include "client/base/secret_bytes.h"
#include "client/validator.h"

namespace latchkey {

// Why a stream was ended.
enum class StreamEnd {
  kTakenBack,  // its session was revoked or has expired
  kUnsure,     // whether it was could not be found out
};

// WatchedStream is an open stream, as long as its session is good.
class WatchedStream {
 public:
  // `end` ends the stream; it is called at most once, from any thread, without
  // a lock held.
  WatchedStream(Verdict who, absl::string_view credential, std::string audience,
                std::function<void(StreamEnd)> end);

  // End ends the stream, unless that was done or it is Gone.
  void End(StreamEnd why);
  // Gone says that the stream ended by itself.
  void Gone() { open_.store(false); }
  bool open() const { return open_.load(); }

 private:
  friend class StreamWatch;

  const Verdict who_;
  const SecretBytes credential_;
  const std::string audience_;
  const std::function<void(StreamEnd)> end_;
  std::atomic<bool> open_{true};
  std::atomic<bool> asking_{false};
  // When the validator was last asked for want of knowing, by the boot clock.
  // Of the watch's thread.
  absl::Duration asked_ = -absl::InfiniteDuration();
};

// StreamWatch ends streams the moment their session is revoked or expires. A
// thread of its own looks at all of them whenever the validator says that
// something changed, when the next one may expire, and once a second at the
// least, since a wall clock may step.
//
// Whether a stream has expired is the validator's to say: this only asks in
// time. Where the validator does not know, the credential is checked again, and
// the stream ended if that is not answered well.
//
// Safe from any thread. Stop ends the thread; the destructor calls it.
class StreamWatch {
 public:
  // `validator` and `clock` must outlive Stop.
  StreamWatch(Validator& validator, const Clock& clock,
              absl::Duration check_timeout, absl::Duration recheck_interval);
  ~StreamWatch();

  // Add watches `stream`, whose session was found good just now, and looks at
  // it at once, in case it was revoked meanwhile.
  void Add(const std::shared_ptr<WatchedStream>& stream);
  void Remove(const std::shared_ptr<WatchedStream>& stream);

  // Stop ends all streams that are open, as kUnsure, and those added later.
  // Not by a callback of the validator.
  void Stop();

  // open returns how many streams are watched.
  size_t open() const;

 private:
  using Streams = std::vector<std::shared_ptr<WatchedStream>>;

  void Ring();
  void Run();
  bool WaitForWork();
  Streams Snapshot();
  void WaitAtMost(absl::Duration wait);
  absl::Duration Look(const std::shared_ptr<WatchedStream>& stream);
  absl::Duration AskAbout(const std::shared_ptr<WatchedStream>& stream);
  absl::Duration UntilExpiry(const WatchedStream& stream) const;

  Validator& validator_;
  const Clock& clock_;
  const absl::Duration check_timeout_;
  const absl::Duration recheck_interval_;

  mutable Mutex mutex_;
  CondVar changed_;
  absl::flat_hash_set<std::shared_ptr<WatchedStream>> streams_
      ABSL_GUARDED_BY(mutex_);
  bool rung_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Duration wait_ ABSL_GUARDED_BY(mutex_);

  std::unique_ptr<Validator::Subscription> subscription_;
  std::thread thread_;
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_STREAM_WATCH_H_
