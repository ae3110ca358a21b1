#ifndef LATCHKEY_SERVER_RPC_VALIDATE_WIRE_H_
#define LATCHKEY_SERVER_RPC_VALIDATE_WIRE_H_

#include <optional>
#include <vector>

#include "absl/strings/string_view.h"
#include "grpcpp/support/slice.h"

#include "client/base/ids.h"
#include "server/auth/authority.h"

namespace latchkey {

// Validate and BatchValidate on the wire without a message object in between:
// what nearly every request looks like is read where it lies, and an answer is
// written once, into the memory that gRPC sends.
//
// Any other request (a field that is rarely set, an unknown one, one set twice,
// a text outside ASCII, something over its limit or malformed) is not read
// here: the caller then takes the way through the generated messages, which
// says what is wrong with it. So these functions never refuse anything, and
// what they take means the same either way.

// ReadPlainValidate reads a ValidateRequest that has a credential, and perhaps
// an audience and `passive`, and nothing else. Views point into `message`.
std::optional<ValidateQuery> ReadPlainValidate(absl::string_view message);

// ReadPlainBatchValidate reads 1-100 such requests into `queries`; false if it
// is another message.
bool ReadPlainBatchValidate(absl::string_view message,
                            std::vector<ValidateQuery>* queries);

// WriteValidate returns the ValidateResponse that says `answer`: the bytes that
// the generated message serializes to.
grpc::Slice WriteValidate(const ValidateAnswer& answer, const Epoch& epoch);

// WriteBatchValidate likewise.
grpc::Slice WriteBatchValidate(const BatchValidateAnswer& answer,
                               const Epoch& epoch);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_VALIDATE_WIRE_H_
