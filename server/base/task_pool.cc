#include "server/base/task_pool.h"

#include <pthread.h>
#include <utility>

#include "absl/strings/str_cat.h"

namespace latchkey {

TaskPool::TaskPool(Options options) : options_(std::move(options)) {
  threads_.reserve(options_.threads);
  for (int i = 0; i < options_.threads; ++i) {
    threads_.emplace_back([this, i] { Work(i); });
  }
}

TaskPool::~TaskPool() { Stop(); }

bool TaskPool::TrySubmit(std::function<void()> task) {
  {
    MutexLock lock(&mutex_);
    if (stopping_ || queue_.size() >= options_.queue_limit) {
      ++refused_;
      return false;
    }
    queue_.push_back(std::move(task));
    if (!ClaimWake()) return true;
  }
  wake_.NotifyOne();
  return true;
}

bool TaskPool::Continue(std::function<void()> task) {
  {
    MutexLock lock(&mutex_);
    if (stopping_) return false;
    rest_.push_back(std::move(task));
    if (!ClaimWake()) return true;
  }
  wake_.NotifyOne();
  return true;
}

bool TaskPool::ClaimWake() {
  if (!has_task() || idle_ == 0 || waking_) return false;
  waking_ = true;
  return true;
}

std::function<void()> TaskPool::TakeTask() {
  auto& from = rest_.empty() ? queue_ : rest_;
  std::function<void()> task = std::move(from.front());
  from.pop_front();
  ++started_;
  return task;
}

void TaskPool::Stop() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

size_t TaskPool::Waiting() const {
  MutexLock lock(&mutex_);
  return queue_.size() + rest_.size();
}

TaskPool::Counts TaskPool::counts() const {
  // Read before what was started: so it never is the greater one.
  const uint64_t finished = finished_.load(std::memory_order_acquire);
  MutexLock lock(&mutex_);
  return {.started = started_,
          .refused = refused_,
          .running = static_cast<size_t>(started_ - finished)};
}

void TaskPool::Work(int index) {
  pthread_setname_np(pthread_self(),
                     absl::StrCat(options_.name, "-", index).c_str());
  LowerThisThread(options_.priority);
  while (true) {
    std::function<void()> task;
    bool wakes_next = false;
    {
      MutexLock lock(&mutex_);
      while (!has_task() && !stopping_) {
        ++idle_;
        wake_.Wait(&mutex_);
        --idle_;
        waking_ = false;
      }
      if (!has_task()) return;
      task = TakeTask();
      wakes_next = ClaimWake();
    }
    if (wakes_next) wake_.NotifyOne();
    task();
    finished_.fetch_add(1, std::memory_order_release);
  }
}

}  // namespace latchkey
