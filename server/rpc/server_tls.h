#ifndef LATCHKEY_SERVER_RPC_SERVER_TLS_H_
#define LATCHKEY_SERVER_RPC_SERVER_TLS_H_

#include <memory>

#include "grpcpp/security/server_credentials.h"

#include "server/credential/certificate.h"
#include "server/credential/certificate_watch.h"

namespace latchkey {

// AllowOnlyTls13 makes every TLS server of this process refuse what is older.
// gRPC 1.51 has no setting for it, but takes the cipher suites of TLS 1.2 from
// the environment.
// REQUIRES: called before gRPC is used, and before there are other threads.
void AllowOnlyTls13();

// MakeTlsCredentials returns credentials for a listener: each handshake is
// made with what `certificates` holds at that moment. Connections that are
// there already are not touched by a change.
//
// `certificates` and what is returned must outlive the server that it is given
// to.
// REQUIRES: with a client CA, or kNone
std::shared_ptr<grpc::ServerCredentials> MakeTlsCredentials(
    const CertificateWatch& certificates, ClientCertificate client_certificate);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_SERVER_TLS_H_
