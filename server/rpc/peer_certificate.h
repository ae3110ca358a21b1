#ifndef LATCHKEY_SERVER_RPC_PEER_CERTIFICATE_H_
#define LATCHKEY_SERVER_RPC_PEER_CERTIFICATE_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "grpcpp/security/auth_context.h"

namespace latchkey {

// IsVouchedFor tells whether `uri` names who holds the certificate that it
// stands in beside others, `uris` in all. More than one URI is no SPIFFE
// certificate (X.509-SVID, section 5.2): then its authority has not said which
// of them is the SPIFFE ID, and none is.
bool IsVouchedFor(absl::string_view uri, size_t uris);

// CertificateNamesOf returns the subject alternative names (URI and DNS, never
// the common name) of the client certificate that the transport has verified,
// spelled as IsCertificateName has it; empty without one. A name that has no
// such spelling, or is not vouched for, is left out.
std::vector<std::string> CertificateNamesOf(const grpc::AuthContext& context);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_PEER_CERTIFICATE_H_
