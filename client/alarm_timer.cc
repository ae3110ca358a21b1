#include "client/alarm_timer.h"

#include <utility>

#include "grpcpp/alarm.h"

#include "client/grpc_time.h"

namespace latchkey {
namespace {

// An Alarm that dies is cancelled, and its action is called all the same.
class PendingAlarm final : public Timer::Pending {
 public:
  PendingAlarm(absl::Duration delay, std::function<void(bool)> action) {
    alarm_.Set(GrpcTimeIn(delay), std::move(action));
  }

 private:
  grpc::Alarm alarm_;
};

}  // namespace

std::unique_ptr<Timer::Pending> AlarmTimer::After(
    absl::Duration delay, std::function<void(bool due)> action) {
  return std::make_unique<PendingAlarm>(delay, std::move(action));
}

}  // namespace latchkey
