#ifndef LATCHKEY_SERVER_RPC_PEER_CERTIFICATE_H_
#define LATCHKEY_SERVER_RPC_PEER_CERTIFICATE_H_

#include <string>
#include <vector>

#include "grpcpp/security/auth_context.h"

namespace latchkey {

// CertificateNamesOf returns the subject alternative names (URI and DNS, never
// the common name) of the client certificate that the transport has verified,
// spelled as IsCertificateName has it; empty without one. A name that has no
// such spelling is left out.
std::vector<std::string> CertificateNamesOf(const grpc::AuthContext& context);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_PEER_CERTIFICATE_H_
