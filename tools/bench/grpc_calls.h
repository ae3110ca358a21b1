#ifndef LATCHKEY_TOOLS_BENCH_GRPC_CALLS_H_
#define LATCHKEY_TOOLS_BENCH_GRPC_CALLS_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/status.h"

#include "tools/bench/bench_server.h"

namespace latchkey::bench {

// What the calls have in common that are made by stubs, beside the load.

// kCallPatience is how long an answer is waited for.
constexpr absl::Duration kCallPatience = absl::Seconds(60);

// NewChannel returns a channel to `server` with a connection of its own.
std::shared_ptr<grpc::Channel> NewChannel(const BenchServer& server);

// SetPatience gives `context` a deadline, and returns it.
grpc::ClientContext* SetPatience(grpc::ClientContext* context);

// FromCall turns what became of the call `name` into our status.
//   kUnavailable  it has failed
[[nodiscard]] absl::Status FromCall(absl::string_view name,
                                    const grpc::Status& status);

}  // namespace latchkey::bench

#endif  // LATCHKEY_TOOLS_BENCH_GRPC_CALLS_H_
