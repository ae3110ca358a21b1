#include "server/rpc/transport_limits.h"

#include "grpc/impl/codegen/grpc_types.h"
#include "grpcpp/server_builder.h"

namespace latchkey {

void ApplyLimits(const TransportLimits& limits, grpc::ServerBuilder* builder) {
  const auto set_millis = [builder](const char* name, absl::Duration value) {
    builder->AddChannelArgument(
        name, static_cast<int>(absl::ToInt64Milliseconds(value)));
  };
  builder->SetMaxReceiveMessageSize(limits.max_message_bytes);
  // A small compressed message may be inflated past the receive limit before
  // it is refused: so none is taken.
  builder->SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
  builder->SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
  builder->AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE,
                              limits.max_header_bytes);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                              limits.max_streams);
  set_millis(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, limits.handshake_timeout);
  set_millis(GRPC_ARG_MAX_CONNECTION_IDLE_MS, limits.max_idle);
  set_millis(GRPC_ARG_MAX_CONNECTION_AGE_MS, limits.max_age);
  set_millis(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, limits.max_age_grace);
  set_millis(GRPC_ARG_KEEPALIVE_TIME_MS, limits.keepalive_interval);
  set_millis(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, limits.keepalive_timeout);
  set_millis(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
             limits.min_ping_interval);
}

}  // namespace latchkey
