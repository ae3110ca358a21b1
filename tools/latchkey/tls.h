#ifndef LATCHKEY_TOOLS_LATCHKEY_TLS_H_
#define LATCHKEY_TOOLS_LATCHKEY_TLS_H_

#include <memory>
#include <string>

#include "CLI/App.hpp"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "grpcpp/security/credentials.h"

#include "tools/latchkey/invocation.h"

namespace latchkey {

// AddTlsOptions adds --tls-ca and what goes with it; each has an environment
// variable too.
void AddTlsOptions(CLI::App* app, TlsFiles* files);

// MakeChannelCredentials reads the files and returns credentials: TLS if there
// is a CA, else plaintext.
//   kInvalidArgument     one is named without what it goes with
//   kFailedPrecondition  a file cannot be read, is not PEM, or is a key that
//                        others may read
absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>>
MakeChannelCredentials(const TlsFiles& files);

// TlsHint returns what may be wrong and how to go on, for a call that found no
// server: `message` is gRPC's own. A line, or empty if there is nothing to add.
std::string TlsHint(absl::string_view message, bool tls);

}  // namespace latchkey

#endif  // LATCHKEY_TOOLS_LATCHKEY_TLS_H_
