#include "tools/latchkey/server.h"

#include <iostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/channel_arguments.h"

#include "client/base/status_macros.h"
#include "client/channel.h"
#include "tools/latchkey/failure.h"
#include "tools/latchkey/plain_text.h"
#include "tools/latchkey/tls.h"

namespace latchkey {
namespace {

// A page of sessions is under 1 MiB; this leaves room, and is a bound.
constexpr int kMaxResponseBytes = 16 << 20;

}  // namespace

absl::Status CheckAddress(absl::string_view address, bool insecure,
                          Transport transport) {
  if (absl::ConsumePrefix(&address, "unix:")) {
    if (!address.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError("--server unix: names no path");
  }
  if (!HostOf(address).has_value()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--server must be HOST:PORT or unix:PATH, not ", PlainText(address)));
  }
  if (insecure || transport == Transport::kTls || IsThisMachine(address)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      PlainText(address), " is not this machine, and passwords and credentials",
      " would go there in clear; name a --tls-ca to speak TLS, or say "
      "--insecure if the network is trusted"));
}

Server::Server(const Invocation& invocation)
    : invocation_(invocation),
      tls_(!invocation.tls.ca.empty() && !IsUnixSocket(invocation.server)) {
  const absl::Status opened = Open();
  if (!opened.ok()) {
    std::cerr << "latchkey: " << std::string(opened.message()) << "\n";
  }
}

absl::Status Server::Open() {
  LATCHKEY_RETURN_IF_ERROR(
      CheckAddress(invocation_.server, invocation_.insecure,
                   tls_ ? Transport::kTls : Transport::kPlaintext));
  // The environment may name files for other servers: none for a socket.
  LATCHKEY_ASSIGN_OR_RETURN(
      const auto credentials,
      MakeChannelCredentials(
          IsUnixSocket(invocation_.server) ? TlsFiles() : invocation_.tls));
  grpc::ChannelArguments arguments;
  if (tls_ && !invocation_.tls.server_name.empty()) {
    arguments.SetSslTargetNameOverride(invocation_.tls.server_name);
  }
  arguments.SetMaxReceiveMessageSize(kMaxResponseBytes);
  // A proxy of the environment would see what passes.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  channel_ =
      grpc::CreateCustomChannel(invocation_.server, credentials, arguments);
  return absl::OkStatus();
}

void Server::SetDeadline(grpc::ClientContext* context) const {
  context->set_deadline(absl::ToChronoTime(absl::Now() + invocation_.timeout));
}

ExitCode Server::Report(const grpc::Status& status) const {
  if (status.ok()) return ExitCode::kYes;
  const Failure failure = ReadFailure(status);
  if (invocation_.json) {
    std::cerr << FailureJson(failure) << "\n";
  } else {
    std::cerr << FailureText(failure);
    if (status.error_code() == grpc::StatusCode::UNAVAILABLE &&
        failure.reason.empty()) {
      std::cerr << "  is latchkeyd running at " << PlainText(invocation_.server)
                << "? (--server ADDR, LATCHKEY_SERVER)\n";
      if (!IsUnixSocket(invocation_.server)) {
        std::cerr << TlsHint(status.error_message(), tls_);
      }
    } else if (failure.reason == "NOT_PERMITTED") {
      std::cerr << "  administration: --server unix:DIR/admin.sock, DIR being "
                   "latchkeyd's --data_dir\n";
    }
  }
  return failure.exit_code;
}

}  // namespace latchkey
