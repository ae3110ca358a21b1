#ifndef LATCHKEY_TESTS_SERVER_CREDENTIAL_CERTIFICATE_MAKER_H_
#define LATCHKEY_TESTS_SERVER_CREDENTIAL_CERTIFICATE_MAKER_H_

#include <string>

#include "absl/time/time.h"

namespace latchkey {

// What a test makes a certificate by.
struct CertificateRequest {
  std::string name = "server";  // common name
  absl::Time begin;
  absl::Time end;
  bool ca = false;
  std::string usage = "serverAuth";  // extended key usage; empty: none
  int rsa_bits = 0;                  // 0: P-256
};

struct MadeCertificate {
  std::string certificate;  // PEM
  std::string key;          // PEM
};

// MakeCertificate makes a key and a certificate over it, signed by `issuer`,
// or by itself if that is null.
MadeCertificate MakeCertificate(const CertificateRequest& request,
                                const MadeCertificate* issuer);

// EncryptKey returns the PEM key under a password.
std::string EncryptKey(const std::string& key);

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SERVER_CREDENTIAL_CERTIFICATE_MAKER_H_
