#ifndef LATCHKEY_CLIENT_ALARM_TIMER_H_
#define LATCHKEY_CLIENT_ALARM_TIMER_H_

#include <functional>
#include <memory>

#include "client/timer.h"

namespace latchkey {

// AlarmTimer is gRPC's own timer: actions run on its threads.
class AlarmTimer final : public Timer {
 public:
  std::unique_ptr<Pending> After(absl::Duration delay,
                                 std::function<void(bool due)> action) override;
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_ALARM_TIMER_H_
