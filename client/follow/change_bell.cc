#include "client/follow/change_bell.h"

#include <algorithm>
#include <thread>
#include <utility>

namespace latchkey {

class ChangeBell::Listener {
 public:
  explicit Listener(std::function<void()> changed)
      : changed_(std::move(changed)) {}

  void Call() {
    {
      MutexLock lock(&mutex_);
      if (gone_) return;
      running_ = true;
      runner_ = std::this_thread::get_id();
    }
    changed_();
    {
      MutexLock lock(&mutex_);
      running_ = false;
    }
    ended_.NotifyAll();
  }

  // Once it has returned, Call does nothing.
  void Leave() {
    MutexLock lock(&mutex_);
    gone_ = true;
    while (running_ && runner_ != std::this_thread::get_id()) {
      ended_.Wait(&mutex_);
    }
  }

 private:
  const std::function<void()> changed_;
  Mutex mutex_;
  CondVar ended_;
  bool gone_ ABSL_GUARDED_BY(mutex_) = false;
  bool running_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread::id runner_ ABSL_GUARDED_BY(mutex_);  // while it is running
};

class ChangeBell::Handle final : public Validator::Subscription {
 public:
  Handle(std::shared_ptr<List> list, std::shared_ptr<Listener> listener)
      : list_(std::move(list)), listener_(std::move(listener)) {}

  ~Handle() override {
    {
      MutexLock lock(&list_->mutex);
      auto& all = list_->listeners;
      all.erase(std::remove(all.begin(), all.end(), listener_), all.end());
    }
    listener_->Leave();
  }

 private:
  const std::shared_ptr<List> list_;
  const std::shared_ptr<Listener> listener_;
};

ChangeBell::ChangeBell() : list_(std::make_shared<List>()) {}
ChangeBell::~ChangeBell() = default;

std::unique_ptr<Validator::Subscription> ChangeBell::Subscribe(
    std::function<void()> changed) {
  auto listener = std::make_shared<Listener>(std::move(changed));
  {
    MutexLock lock(&list_->mutex);
    list_->listeners.push_back(listener);
  }
  return std::make_unique<Handle>(list_, std::move(listener));
}

void ChangeBell::Ring() {
  std::vector<std::shared_ptr<Listener>> listeners;
  {
    MutexLock lock(&list_->mutex);
    listeners = list_->listeners;
  }
  for (const auto& listener : listeners) listener->Call();
}

}  // namespace latchkey
