#include "client/follow/driving_thread.h"

#include <algorithm>
#include <pthread.h>
#include <utility>

namespace latchkey {
namespace {

// A condition variable does not count suspended time, which the boot clock
// does.
constexpr absl::Duration kLongestWait = absl::Seconds(1);

}  // namespace

DrivingThread::DrivingThread(const Clock& clock,
                             std::function<absl::Duration()> drive)
    : clock_(clock),
      drive_(std::move(drive)),
      state_(std::make_shared<State>()) {}

DrivingThread::~DrivingThread() { Stop(); }

void DrivingThread::Start() {
  {
    MutexLock lock(&state_->mutex);
    if (state_->stopping || thread_.joinable()) return;
  }
  thread_ = std::thread([this] { Run(); });
  pthread_setname_np(thread_.native_handle(), "latchkey-verify");
}

void DrivingThread::Stop() {
  {
    MutexLock lock(&state_->mutex);
    state_->stopping = true;
  }
  state_->changed.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

std::function<void()> DrivingThread::waker() const {
  return [state = state_] {
    {
      MutexLock lock(&state->mutex);
      state->woken = true;
    }
    state->changed.NotifyAll();
  };
}

void DrivingThread::Run() {
  while (WaitUntil(drive_())) continue;
}

bool DrivingThread::WaitUntil(absl::Duration next) {
  MutexLock lock(&state_->mutex);
  while (!state_->stopping && !state_->woken) {
    const absl::Duration left = next - clock_.SinceBoot();
    if (left <= absl::ZeroDuration()) break;
    state_->changed.WaitFor(&state_->mutex, std::min(left, kLongestWait));
  }
  state_->woken = false;
  return !state_->stopping;
}

}  // namespace latchkey
