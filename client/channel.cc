#include "client/channel.h"

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "grpc/impl/codegen/grpc_types.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/support/channel_arguments.h"

#include "client/base/secret_bytes.h"
#include "client/base/status_macros.h"
#include "client/pem_file.h"

namespace latchkey {
namespace {

constexpr int kMaxConnections = 64;
// A page of sessions is under 1 MiB; this leaves room, and is a bound.
constexpr int kMaxResponseBytes = 16 << 20;
// The server permits a ping every 10 seconds while calls are under way, and
// closes the connection of who sends more: half as often leaves room.
constexpr absl::Duration kKeepaliveInterval = absl::Seconds(20);
constexpr absl::Duration kKeepaliveTimeout = absl::Seconds(5);
// A server that restarts is back in seconds; gRPC would wait up to 2 minutes.
constexpr absl::Duration kFirstReconnect = absl::Milliseconds(100);
constexpr absl::Duration kLongestReconnect = absl::Seconds(5);

// An address of 127.0.0.0/8 in full, ::1, or the name reserved for them.
bool IsLoopback(absl::string_view host) {
  if (host == "localhost" || host == "[::1]") return true;
  const std::vector<absl::string_view> parts = absl::StrSplit(host, '.');
  if (parts.size() != 4 || parts[0] != "127") return false;
  for (const absl::string_view part : parts) {
    int value;
    const bool digits = part.find_first_not_of("0123456789") == part.npos;
    if (!digits || !absl::SimpleAtoi(part, &value) || value > 255) return false;
  }
  return true;
}

absl::Status CheckTarget(const ChannelOptions& options) {
  absl::string_view rest = options.target;
  if (absl::ConsumePrefix(&rest, "unix:")) {
    if (!rest.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError("the target unix: names no path");
  }
  const auto host = HostOf(rest);
  if (!host.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the target must be HOST:PORT or unix:PATH, not ", options.target));
  }
  if (!options.ca_file.empty() || options.insecure || IsLoopback(*host)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      options.target, " is not this machine, and passwords and credentials",
      " would go there in clear; name a ca_file to speak TLS, or say insecure"
      " if the network is trusted"));
}

absl::Status CheckTls(const ChannelOptions& options) {
  if (options.certificate_file.empty() != options.key_file.empty()) {
    return absl::InvalidArgumentError(
        "certificate_file and key_file go together");
  }
  const bool tls = !options.ca_file.empty();
  if (!tls &&
      (!options.certificate_file.empty() || !options.server_name.empty())) {
    return absl::InvalidArgumentError(
        "TLS needs a ca_file, the CAs whose servers are believed (of this "
        "system: /etc/ssl/certs/ca-certificates.crt)");
  }
  if (tls && IsUnixSocket(options.target)) {
    return absl::InvalidArgumentError("TLS has no place on a Unix socket");
  }
  return absl::OkStatus();
}

grpc::ChannelArguments MakeArguments(const ChannelOptions& options) {
  grpc::ChannelArguments arguments;
  const auto set_millis = [&arguments](const char* name, absl::Duration value) {
    arguments.SetInt(name, static_cast<int>(absl::ToInt64Milliseconds(value)));
  };
  if (!options.server_name.empty()) {
    arguments.SetSslTargetNameOverride(options.server_name);
  }
  arguments.SetMaxReceiveMessageSize(kMaxResponseBytes);
  // Else channels with the same arguments would share one connection.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  // A proxy of the environment would see what passes.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // What may be tried again is for us to say, not for a name server.
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  set_millis(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveInterval);
  set_millis(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeout);
  // A stream may be silent for long; by default two pings are all it gets.
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  set_millis(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kFirstReconnect);
  set_millis(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kLongestReconnect);
  return arguments;
}

}  // namespace

bool IsUnixSocket(absl::string_view target) {
  return absl::StartsWith(target, "unix:");
}

std::optional<absl::string_view> HostOf(absl::string_view target) {
  const size_t colon = target.rfind(':');
  int port = 0;
  if (colon == target.npos || colon == 0 ||
      !absl::SimpleAtoi(target.substr(colon + 1), &port) || port < 1 ||
      port > 65535) {
    return std::nullopt;
  }
  return target.substr(0, colon);
}

bool IsThisMachine(absl::string_view target) {
  if (absl::ConsumePrefix(&target, "unix:")) return !target.empty();
  const auto host = HostOf(target);
  return host.has_value() && IsLoopback(*host);
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>>
MakeChannelCredentials(const ChannelOptions& options) {
  LATCHKEY_RETURN_IF_ERROR(CheckTls(options));
  LATCHKEY_RETURN_IF_ERROR(CheckTarget(options));
  if (options.ca_file.empty()) return grpc::InsecureChannelCredentials();
  grpc::SslCredentialsOptions tls;
  LATCHKEY_ASSIGN_OR_RETURN(tls.pem_root_certs,
                            ReadCertificates(options.ca_file));
  if (!options.certificate_file.empty()) {
    LATCHKEY_ASSIGN_OR_RETURN(tls.pem_cert_chain,
                              ReadCertificates(options.certificate_file));
    LATCHKEY_ASSIGN_OR_RETURN(const SecretBytes key,
                              ReadPrivateKey(options.key_file));
    tls.pem_private_key = std::string(key.Reveal());
  }
  auto credentials = grpc::SslCredentials(tls);
  WipeMemory(tls.pem_private_key.data(), tls.pem_private_key.size());
  return credentials;
}

absl::StatusOr<std::vector<std::shared_ptr<grpc::Channel>>> OpenChannels(
    const ChannelOptions& options) {
  if (options.connections < 1 || options.connections > kMaxConnections) {
    return absl::InvalidArgumentError(
        absl::StrCat("connections must be 1 to ", kMaxConnections));
  }
  LATCHKEY_ASSIGN_OR_RETURN(const auto credentials,
                            MakeChannelCredentials(options));
  const grpc::ChannelArguments arguments = MakeArguments(options);
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  for (int i = 0; i < options.connections; ++i) {
    channels.push_back(
        grpc::CreateCustomChannel(options.target, credentials, arguments));
  }
  return channels;
}

}  // namespace latchkey
