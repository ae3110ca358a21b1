#ifndef LATCHKEY_CLIENT_GRPC_TIME_H_
#define LATCHKEY_CLIENT_GRPC_TIME_H_

#include <algorithm>

#include "absl/time/time.h"
#include "grpc/support/time.h"

namespace latchkey {

// GrpcTimeIn returns the instant `delay` from now, at most a day, as gRPC
// spells it: by the monotonic clock, so that a step of the wall clock moves
// nothing.
inline gpr_timespec GrpcTimeIn(absl::Duration delay) {
  const absl::Duration bounded = std::min(delay, absl::Hours(24));
  return gpr_time_add(
      gpr_now(GPR_CLOCK_MONOTONIC),
      gpr_time_from_nanos(absl::ToInt64Nanoseconds(bounded), GPR_TIMESPAN));
}

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_GRPC_TIME_H_
