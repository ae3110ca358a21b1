#ifndef LATCHKEY_SERVER_RPC_REQUEST_PARSER_H_
#define LATCHKEY_SERVER_RPC_REQUEST_PARSER_H_

#include "absl/status/status.h"
#include "google/protobuf/message.h"
#include "grpcpp/support/byte_buffer.h"

namespace latchkey {

// ParseRequest reads `bytes` into `request`. gRPC's own reading answers what
// cannot be read with INTERNAL; here it is the caller's fault:
//   kInvalidArgument  not such a message, or a string that is not UTF-8; the
//                     violations name the fields
// The limit of a message is the server's receive limit.
absl::Status ParseRequest(const grpc::ByteBuffer& bytes,
                          google::protobuf::Message* request);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_REQUEST_PARSER_H_
