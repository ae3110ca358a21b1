#ifndef LATCHKEY_SERVER_RPC_TRANSPORT_LIMITS_H_
#define LATCHKEY_SERVER_RPC_TRANSPORT_LIMITS_H_

#include "absl/time/time.h"

namespace grpc {
class ServerBuilder;
}  // namespace grpc

namespace latchkey {

// TransportLimits bounds what one connection may take, on every listener.
struct TransportLimits {
  // The contract's limit of a message.
  int max_message_bytes = 1 << 20;
  // gRPC's own default; a larger header closes the whole connection, so
  // clients have to know one number.
  int max_header_bytes = 8 << 10;
  // Calls at a time on one connection; a client that wants more opens another.
  // gRPC ends a connection that goes beyond, but only once the client has
  // acknowledged the server's settings: against one that means harm it is none.
  int max_streams = 1000;
  // To finish TLS and the exchange of settings; a slower one is dropped, so
  // that idle sockets cannot pile up half open.
  absl::Duration handshake_timeout = absl::Seconds(10);
  // A connection without calls is closed after this long; clients reconnect.
  absl::Duration max_idle = absl::Minutes(10);
  // Older ones are asked to reconnect: so clients spread over the servers that
  // there are now, and show a certificate that is valid now.
  absl::Duration max_age = absl::Hours(1);
  // What calls under way have left then; no call of ours takes as long.
  absl::Duration max_age_grace = absl::Minutes(1);
  // A dead peer is found out after at most the sum of the two.
  absl::Duration keepalive_interval = absl::Minutes(2);
  absl::Duration keepalive_timeout = absl::Seconds(20);
  // Clients with calls under way may ping this often; more is answered by
  // closing.
  absl::Duration min_ping_interval = absl::Seconds(10);
};

// ApplyLimits has the server that `builder` builds hold them.
void ApplyLimits(const TransportLimits& limits, grpc::ServerBuilder* builder);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_TRANSPORT_LIMITS_H_
