#ifndef LATCHKEY_SERVER_RPC_CORRELATION_H_
#define LATCHKEY_SERVER_RPC_CORRELATION_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"
#include "grpcpp/server_context.h"

namespace latchkey {

// What a correlation id comes in, and goes back in.
inline constexpr char kCorrelationIdKey[] = "latchkey-correlation-id";
inline constexpr char kTraceparentKey[] = "traceparent";
// Room for what others use (a UUID, a hash), and no more: it is in every line.
constexpr size_t kMaxCorrelationIdBytes = 64;

// Correlation names one call in logs, the audit and the trailers of its answer.
struct Correlation {
  std::string id;           // empty: none was sent
  std::string traceparent;  // as sent; empty: none
};

// ReadCorrelation returns what the caller sent: the id of
// latchkey-correlation-id, or else the trace id of traceparent. What is not
// spelled as it must be, or is sent twice, counts as not sent.
Correlation ReadCorrelation(const grpc::ServerContextBase& context);

// SendCorrelation puts it into the trailers. REQUIRES: before the call ends.
void SendCorrelation(const Correlation& correlation,
                     grpc::ServerContextBase* context);

// MakeCorrelationId returns a random one, 32 lower-case hex digits.
std::string MakeCorrelationId();

// IsCorrelationId tells whether `text` is 1 to 64 of [A-Za-z0-9._-].
bool IsCorrelationId(absl::string_view text);

// TraceIdOf returns the trace id in a traceparent of version 00 (W3C Trace
// Context, section 3.2), or nothing if it is not spelled exactly so. Other
// versions, of which there are none yet, are not read.
//
//   00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
//      trace id                         parent id        flags
absl::string_view TraceIdOf(absl::string_view traceparent);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_CORRELATION_H_
