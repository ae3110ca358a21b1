#ifndef LATCHKEY_SERVER_CREDENTIAL_CERTIFICATE_FILES_H_
#define LATCHKEY_SERVER_CREDENTIAL_CERTIFICATE_FILES_H_

#include <string>

#include "absl/status/statusor.h"

#include "server/credential/certificate.h"

namespace latchkey {

// CertificateFiles says where a CertificatePem is read from.
struct CertificateFiles {
  std::string chain;
  std::string key;
  std::string client_ca;  // empty: no certificate of a client is taken
};

// ReadCertificateFiles reads the files, each a regular one (a link to one will
// do) within its limit; the key must be closed to all but its owner and group.
// It blocks on the disk.
//   kFailedPrecondition  one line names the file and says what is wrong
//   kResourceExhausted   no descriptor was left to look with
absl::StatusOr<CertificatePem> ReadCertificateFiles(
    const CertificateFiles& files);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_CREDENTIAL_CERTIFICATE_FILES_H_
