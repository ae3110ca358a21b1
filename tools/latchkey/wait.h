#ifndef LATCHKEY_TOOLS_LATCHKEY_WAIT_H_
#define LATCHKEY_TOOLS_LATCHKEY_WAIT_H_

#include "CLI/App.hpp"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "latchkey/v1/session.pb.h"
#include "tools/latchkey/invocation.h"
#include "tools/latchkey/options.h"
#include "tools/latchkey/show.h"

namespace latchkey {

// WaitOptions says how far what is taken back must have come before a command
// ends.
struct WaitOptions {
  bool verifiers = false;
  absl::Duration timeout;  // zero: as long as it takes
};

// AddWaitOptions adds --wait and --wait-timeout.
void AddWaitOptions(CLI::App* command, WaitOptions* options);

// ApplyWait puts them into a request that takes something back.
template <typename Request>
void ApplyWait(const WaitOptions& options, Request* request) {
  if (!options.verifiers) return;
  request->set_wait(v1::PROPAGATION_WAIT_VERIFIERS);
  if (options.timeout > absl::ZeroDuration()) {
    *request->mutable_wait_timeout() = ToProto(options.timeout);
  }
}

// CheckPropagation returns kYes, unless verifiers were to be waited for and one
// may still accept: then kNo, and a line on standard error says so. A server
// that reports nothing is an older one.
ExitCode CheckPropagation(const WaitOptions& options, bool reported,
                          const v1::PropagationReport& report);

// ShowTaken is Show for the answer to such a request.
template <typename Response>
ExitCode ShowTaken(const Invocation& invocation, const WaitOptions& options,
                   const Response& response, absl::string_view text) {
  const ExitCode shown = Show(invocation, response, text);
  if (shown != ExitCode::kYes) return shown;
  return CheckPropagation(options, response.has_propagation(),
                          response.propagation());
}

}  // namespace latchkey

#endif  // LATCHKEY_TOOLS_LATCHKEY_WAIT_H_
