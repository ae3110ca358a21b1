#ifndef LATCHKEY_CLIENT_CHANNEL_H_
#define LATCHKEY_CLIENT_CHANNEL_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "grpcpp/channel.h"
#include "grpcpp/security/credentials.h"

namespace latchkey {

// ChannelOptions says which server to speak to, and how. TLS is spoken if
// there is a ca_file; the files are PEM and are read once.
struct ChannelOptions {
  std::string target = "127.0.0.1:7870";  // HOST:PORT or unix:PATH

  // By whom a server's certificate must be signed to be believed.
  std::string ca_file;
  // What to show to the server, with its chain, and its private key, which
  // nobody but the owner may be able to read. Both or none.
  std::string certificate_file;
  std::string key_file;
  // The name that the server's certificate must have; empty: the target's host.
  std::string server_name;

  // Plaintext to another machine: whoever is on the way reads credentials.
  bool insecure = false;

  // 1-64 connections. One carries some 60,000 small calls a second.
  int connections = 2;
};

// OpenChannels returns one channel per connection; no two share one. Nothing is
// connected before the first call, and a lost connection is made anew by
// itself. A dead peer is noticed within 25 seconds while calls are under way.
//   kInvalidArgument     a malformed option; plaintext to another machine that
//                        was not said to be `insecure`; TLS over a Unix socket
//   kFailedPrecondition  a file cannot be read, holds no PEM, or is a key that
//                        others may read
absl::StatusOr<std::vector<std::shared_ptr<grpc::Channel>>> OpenChannels(
    const ChannelOptions& options);

// MakeChannelCredentials returns the credentials that OpenChannels uses, for
// what opens its channels itself. Errors as OpenChannels.
absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>>
MakeChannelCredentials(const ChannelOptions& options);

// IsUnixSocket tells whether `target` is unix:PATH.
bool IsUnixSocket(absl::string_view target);

// HostOf returns HOST of a target that is HOST:PORT; nullopt if it is not
// spelled like that.
std::optional<absl::string_view> HostOf(absl::string_view target);

// IsThisMachine tells whether `target` can only be on this machine: a Unix
// socket, a port of 127.0.0.0/8 written in full, of ::1 or of localhost. A
// malformed target is not.
bool IsThisMachine(absl::string_view target);

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_CHANNEL_H_
