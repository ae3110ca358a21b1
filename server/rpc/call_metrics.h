#ifndef LATCHKEY_SERVER_RPC_CALL_METRICS_H_
#define LATCHKEY_SERVER_RPC_CALL_METRICS_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"
#include "grpcpp/support/status_code_enum.h"

#include "client/base/clock.h"
#include "server/auth/validate_outcome.h"
#include "server/base/metric_text.h"
#include "server/base/metrics.h"
#include "server/rpc/method.h"

namespace latchkey {

// CallMetrics counts and times every call that reached a service of ours, by
// method and by the code that was answered. What gRPC itself refuses (unknown
// methods, messages over the limit) does not come by here.
//
// A call is timed from when its request is read to when its answer is given to
// gRPC, so without the network. Counting costs some nanoseconds.
//
// Besides it counts what checks came to, one by one also in a batch, without
// saying whose they were.
//
// Safe from any thread.
class CallMetrics {
 public:
  void Count(Method method, grpc::StatusCode code, absl::Duration took) {
    // A method that is not in the table is refused, and not counted.
    if (static_cast<size_t>(method) >= histograms_.size()) return;
    histograms_[static_cast<size_t>(method)][Row(code)].Add(took);
  }

  // CountChecks counts `count` credentials that were checked to this end.
  void CountChecks(ValidateOutcome outcome, uint64_t count = 1) {
    checks_[static_cast<size_t>(outcome)].Add(count);
  }

  // Write writes the families latchkey_calls_total,
  // latchkey_call_duration_seconds and latchkey_credential_checks_total. Each
  // method has its OK from the start, other codes appear once they were
  // answered; outcomes of checks are all there.
  void Write(MetricText& text) const;

 private:
  static constexpr size_t kCodes = 17;  // OK to UNAUTHENTICATED
  static size_t Row(grpc::StatusCode code) {
    const auto row = static_cast<size_t>(code);
    return row < kCodes ? row : static_cast<size_t>(grpc::StatusCode::UNKNOWN);
  }

  using ByCode = std::array<DurationHistogram, kCodes>;
  std::array<ByCode, kMethodRules.size()> histograms_;
  std::array<Counter, kValidateOutcomes> checks_;
};

// CallTimer times one call, from when it is made.
class CallTimer {
 public:
  // Both must outlive the timer.
  CallTimer(CallMetrics& metrics, const Clock& clock, Method method)
      : metrics_(metrics),
        clock_(clock),
        method_(method),
        begin_(clock.SinceBoot()) {}

  // Answered counts the call, about to be answered with `code`. Call once:
  // before the answer, so that who has the answer finds it counted.
  void Answered(grpc::StatusCode code) const {
    metrics_.Count(method_, code, clock_.SinceBoot() - begin_);
  }

 private:
  CallMetrics& metrics_;
  const Clock& clock_;
  const Method method_;
  const absl::Duration begin_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_CALL_METRICS_H_
