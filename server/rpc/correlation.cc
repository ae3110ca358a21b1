#include "server/rpc/correlation.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"

#include "client/base/fixed_bytes.h"
#include "server/base/random.h"

namespace latchkey {
namespace {

using RandomId = FixedBytes<16, struct RandomCorrelationIdTag>;

constexpr absl::string_view kTraceVersion = "00-";
constexpr size_t kTraceIdBytes = 32;
constexpr size_t kParentIdBytes = 16;
constexpr size_t kFlagsBytes = 2;
constexpr size_t kTraceparentBytes =
    kTraceVersion.size() + kTraceIdBytes + 1 + kParentIdBytes + 1 + kFlagsBytes;

bool IsHex(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
}

// Hex digits, and not all of them zero, which means "none".
bool IsTraceName(absl::string_view text) {
  return IsHex(text) && !std::all_of(text.begin(), text.end(),
                                     [](char c) { return c == '0'; });
}

// The value of `key`, if it was sent exactly once.
absl::string_view OnlyValue(const grpc::ServerContextBase& context,
                            const char* key) {
  const auto& metadata = context.client_metadata();
  const auto found = metadata.find(key);
  if (found == metadata.end()) return {};
  const auto next = std::next(found);
  if (next != metadata.end() && next->first == found->first) return {};
  return {found->second.data(), found->second.size()};
}

}  // namespace

Correlation ReadCorrelation(const grpc::ServerContextBase& context) {
  Correlation correlation;
  const absl::string_view id = OnlyValue(context, kCorrelationIdKey);
  if (IsCorrelationId(id)) correlation.id = std::string(id);
  const absl::string_view trace = OnlyValue(context, kTraceparentKey);
  const absl::string_view trace_id = TraceIdOf(trace);
  if (trace_id.empty()) return correlation;
  correlation.traceparent = std::string(trace);
  if (correlation.id.empty()) correlation.id = std::string(trace_id);
  return correlation;
}

void SendCorrelation(const Correlation& correlation,
                     grpc::ServerContextBase* context) {
  if (!correlation.id.empty()) {
    context->AddTrailingMetadata(kCorrelationIdKey, correlation.id);
  }
  if (!correlation.traceparent.empty()) {
    context->AddTrailingMetadata(kTraceparentKey, correlation.traceparent);
  }
}

std::string MakeCorrelationId() { return RandomBytes<RandomId>().ToHex(); }

bool IsCorrelationId(absl::string_view text) {
  return !text.empty() && text.size() <= kMaxCorrelationIdBytes &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                  c == '.' || c == '_' || c == '-';
         });
}

absl::string_view TraceIdOf(absl::string_view traceparent) {
  if (traceparent.size() != kTraceparentBytes) return {};
  if (traceparent.substr(0, kTraceVersion.size()) != kTraceVersion) return {};
  absl::string_view rest = traceparent.substr(kTraceVersion.size());
  const absl::string_view trace_id = rest.substr(0, kTraceIdBytes);
  rest.remove_prefix(kTraceIdBytes);
  const absl::string_view parent_id = rest.substr(1, kParentIdBytes);
  const absl::string_view flags = rest.substr(1 + kParentIdBytes + 1);
  const bool spelled = rest[0] == '-' && rest[1 + kParentIdBytes] == '-' &&
                       IsTraceName(trace_id) && IsTraceName(parent_id) &&
                       IsHex(flags);
  return spelled ? trace_id : absl::string_view();
}

}  // namespace latchkey
