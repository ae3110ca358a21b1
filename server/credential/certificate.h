#ifndef LATCHKEY_SERVER_CREDENTIAL_CERTIFICATE_H_
#define LATCHKEY_SERVER_CREDENTIAL_CERTIFICATE_H_

#include <cstddef>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "client/base/secret_bytes.h"

namespace latchkey {

// ClientCertificate says what a TLS server does about its clients'
// certificates.
enum class ClientCertificate {
  kNone,      // asks for none
  kOptional,  // asks; one that is shown must be good
  kRequired,  // no handshake without a good one
};

// A chain of a few certificates takes some kilobytes; a file over this is
// another file.
constexpr size_t kMaxChainBytes = 64 << 10;
constexpr size_t kMaxChainCertificates = 10;
constexpr size_t kMaxKeyBytes = 16 << 10;
// Of client CAs: a deployment's own few, not the web's hundreds, since they
// are parsed anew with each change.
constexpr size_t kMaxClientCaBytes = 256 << 10;
constexpr size_t kMaxClientCas = 100;

// CertificatePem is what a TLS server presents and takes, as PEM texts that
// nobody has looked at.
struct CertificatePem {
  std::string chain;      // the server's certificate, then who issued which
  SecretBytes key;        // of the first certificate; not encrypted
  std::string client_ca;  // who issues clients' certificates; may be empty

  CertificatePem Copy() const { return {chain, key.Copy(), client_ca}; }
  friend bool operator==(const CertificatePem& a, const CertificatePem& b) {
    return a.chain == b.chain && a.key == b.key && a.client_ca == b.client_ca;
  }
};

// ServerCertificate is a CertificatePem that a TLS library will take, as of
// the instant when it was checked. Immutable, so safe from any thread.
class ServerCertificate {
 public:
  // Check looks at everything that would make handshakes fail: limits above;
  // PEM that parses to its end; a chain in order, signed, in time, the first
  // one for use by servers; a key that is not encrypted, fits and is strong
  // enough; client CAs that are CAs, at least one of them in time.
  //   kFailedPrecondition  one line says what is wrong, with nothing of a key
  static absl::StatusOr<ServerCertificate> Check(CertificatePem pem,
                                                 absl::Time now);

  const CertificatePem& pem() const { return pem_; }
  // expire_time returns when the first certificate of the chain expires.
  absl::Time expire_time() const { return expire_time_; }
  // digest returns the SHA-256 of the server's certificate, which is public.
  const std::string& digest() const { return digest_; }

 private:
  ServerCertificate(CertificatePem pem, absl::Time expire_time,
                    std::string digest)
      : pem_(std::move(pem)),
        expire_time_(expire_time),
        digest_(std::move(digest)) {}

  CertificatePem pem_;
  absl::Time expire_time_;
  std::string digest_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_CREDENTIAL_CERTIFICATE_H_
