#include "server/rpc/call_metrics.h"

#include <array>
#include <memory>

#include "absl/strings/string_view.h"

namespace latchkey {
namespace {

// By number, as gRPC spells them.
constexpr std::array<absl::string_view, 17> kCodeNames = {
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
};

// By ValidateOutcome.
constexpr std::array<absl::string_view, kValidateOutcomes> kOutcomeNames = {
    "active", "not_good", "audience", "auth_too_old"};

// A right of its own, but no call: it is counted as Logout. And what others are
// compared with counts nothing.
constexpr bool IsCounted(Method method) {
  return method != Method::kLogoutByName && method != Method::kPing;
}

}  // namespace

void CallMetrics::Write(MetricText& text) const {
  static_assert(kCodeNames.size() == kCodes);
  // Read once, so that both families say the same.
  using Snapshot = DurationHistogram::Snapshot;
  using Row = std::array<Snapshot, kCodes>;
  const auto rows = std::make_unique<std::array<Row, kMethodRules.size()>>();
  for (size_t method = 0; method < rows->size(); ++method) {
    for (size_t code = 0; code < kCodes; ++code) {
      (*rows)[method][code] = histograms_[method][code].Read();
    }
  }
  const auto for_each = [&rows](auto write) {
    for (const MethodRule& rule : kMethodRules) {
      if (!IsCounted(rule.method)) continue;
      for (size_t code = 0; code < kCodes; ++code) {
        const Snapshot& seen = (*rows)[static_cast<size_t>(rule.method)][code];
        if (seen.total > 0 || code == 0) {
          write(rule.name, kCodeNames[code], seen);
        }
      }
    }
  };
  text.BeginCounter("latchkey_calls_total", "Calls answered.");
  for_each([&text](absl::string_view method, absl::string_view code,
                   const Snapshot& seen) {
    text.Sample({{"method", method}, {"code", code}}, seen.total);
  });
  text.BeginHistogram("latchkey_call_duration_seconds",
                      "From the request to its answer, network excluded.");
  for_each([&text](absl::string_view method, absl::string_view code,
                   const Snapshot& seen) {
    text.Sample({{"method", method}, {"code", code}}, seen);
  });
  text.BeginCounter("latchkey_credential_checks_total",
                    "Credentials checked by Validate and BatchValidate, by "
                    "what came of it.");
  for (size_t outcome = 0; outcome < checks_.size(); ++outcome) {
    text.Sample({{"outcome", kOutcomeNames[outcome]}},
                checks_[outcome].Value());
  }
}

}  // namespace latchkey
