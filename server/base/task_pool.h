#ifndef LATCHKEY_SERVER_BASE_TASK_POOL_H_
#define LATCHKEY_SERVER_BASE_TASK_POOL_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "client/base/mutex.h"
#include "server/base/thread_priority.h"

namespace latchkey {

// TaskPool runs tasks on a few named threads of its own, first come first
// served, from a queue with a limit; the rest of what was begun comes before
// all that was not.
//
// Safe from any thread. A task that was taken is run exactly once, also by
// Stop, so a call that waits for its task always gets an answer.
class TaskPool {
 public:
  struct Options {
    std::string name;         // at most 12 characters: thread names are short
    int threads = 1;          // at least 1
    size_t queue_limit = 64;  // tasks waiting, running ones not counted
    ThreadPriority priority = ThreadPriority::kServing;  // of its threads
  };

  explicit TaskPool(Options options);
  // Calls Stop.
  ~TaskPool();
  TaskPool(const TaskPool&) = delete;
  TaskPool& operator=(const TaskPool&) = delete;

  // TrySubmit queues `task`; false if the queue is full or the pool stopped,
  // and then `task` was not and will not be run. Never blocks.
  [[nodiscard]] bool TrySubmit(std::function<void()> task);

  // Continue queues the rest of what a task began, whatever the limit: who
  // began it has a place elsewhere that bounds how many there are. False once
  // Stop was called, and then `task` was not and will not be run. Never blocks.
  [[nodiscard]] bool Continue(std::function<void()> task);

  // Stop refuses new tasks, runs those that wait, and joins the threads. May
  // be called again; not from a task.
  void Stop();

  // Waiting returns how many tasks are queued now.
  size_t Waiting() const;

  // What became of tasks since the start; `running` is how many run now.
  struct Counts {
    uint64_t started = 0;
    uint64_t refused = 0;  // the queue was full, or the pool stopped
    size_t running = 0;
  };
  Counts counts() const;

 private:
  bool has_task() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return !rest_.empty() || !queue_.empty();
  }
  std::function<void()> TakeTask() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Tells whether the caller is to wake a thread now. One at a time, which
  // wakes the next if there is more: to wake a thread costs more than many a
  // task, and meanwhile one that is awake may take it.
  bool ClaimWake() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Work(int index);

  const Options options_;
  mutable Mutex mutex_;
  CondVar wake_;
  std::deque<std::function<void()>> queue_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::function<void()>> rest_ ABSL_GUARDED_BY(mutex_);
  size_t idle_ ABSL_GUARDED_BY(mutex_) = 0;      // threads that wait for a task
  bool waking_ ABSL_GUARDED_BY(mutex_) = false;  // one of them was told
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t started_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t refused_ ABSL_GUARDED_BY(mutex_) = 0;
  std::atomic<uint64_t> finished_{0};
  std::vector<std::thread> threads_;  // touched by constructor and Stop only
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_BASE_TASK_POOL_H_
