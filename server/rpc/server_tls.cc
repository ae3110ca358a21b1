#include "server/rpc/server_tls.h"

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "grpc/grpc.h"
#include "grpc/grpc_security.h"

#include "client/base/mutex.h"
#include "client/base/secret_bytes.h"

namespace latchkey {
namespace {

// Needs a key agreed on beforehand, which this server never has: no handshake
// of TLS 1.2 comes to an end. TLS 1.3 has suites of its own.
constexpr char kNoSuiteOfTls12[] = "PSK-AES256-GCM-SHA384";

grpc_ssl_client_certificate_request_type RequestType(ClientCertificate kind) {
  switch (kind) {
    case ClientCertificate::kNone:
      return GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE;
    case ClientCertificate::kOptional:
      return GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY;
    case ClientCertificate::kRequired:
      break;
  }
  return GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY;
}

// What one port was given. gRPC asks before each handshake of the port, and
// goes on with what it has if the answer is unchanged, or nothing it can use.
class PortCertificate {
 public:
  explicit PortCertificate(const CertificateWatch& certificates)
      : certificates_(certificates) {}

  static grpc_ssl_certificate_config_reload_status Fetch(
      void* self, grpc_ssl_server_certificate_config** config) {
    return static_cast<PortCertificate*>(self)->FetchNew(config);
  }

 private:
  grpc_ssl_certificate_config_reload_status FetchNew(
      grpc_ssl_server_certificate_config** config) {
    const std::shared_ptr<const ServerCertificate> current =
        certificates_.Current();
    {
      MutexLock lock(&mutex_);
      if (current == given_)
        return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
      given_ = current;
    }
    const CertificatePem& pem = current->pem();
    // gRPC wants C strings: the key with its end, wiped after gRPC has copied.
    SecretBytes key(pem.key.size() + 1);
    pem.key.Reveal().copy(reinterpret_cast<char*>(key.data()), pem.key.size());
    const grpc_ssl_pem_key_cert_pair pair = {
        reinterpret_cast<const char*>(key.data()), pem.chain.c_str()};
    // Debian's gRPC asserts that there are CAs, also where no client is asked
    // for a certificate and nobody will ever look at them.
    const std::string& roots =
        pem.client_ca.empty() ? pem.chain : pem.client_ca;
    *config =
        grpc_ssl_server_certificate_config_create(roots.c_str(), &pair, 1);
    return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
  }

  const CertificateWatch& certificates_;
  Mutex mutex_;
  std::shared_ptr<const ServerCertificate> given_ ABSL_GUARDED_BY(mutex_);
};

// The C++ library has no name for gRPC's certificate fetcher, which keeps the
// old pair when the new one cannot be used; its file watcher drops every
// handshake then, and wants the private key in a file.
class WatchedCredentials final : public grpc::ServerCredentials {
 public:
  WatchedCredentials(const CertificateWatch& certificates,
                     ClientCertificate client_certificate)
      : certificates_(certificates),
        request_type_(RequestType(client_certificate)) {}

  // An AuthContext belongs to a connection: who calls is never kept there.
  void SetAuthMetadataProcessor(
      const std::shared_ptr<grpc::AuthMetadataProcessor>&) override {
    std::abort();
  }

 private:
  int AddPortToServer(const std::string& address,
                      grpc_server* server) override {
    ports_.push_back(std::make_unique<PortCertificate>(certificates_));
    grpc_server_credentials* const credentials =
        grpc_ssl_server_credentials_create_with_options(
            grpc_ssl_server_credentials_create_options_using_config_fetcher(
                request_type_, &PortCertificate::Fetch, ports_.back().get()));
    const int port =
        grpc_server_add_http2_port(server, address.c_str(), credentials);
    grpc_server_credentials_release(credentials);
    return port;
  }

  const CertificateWatch& certificates_;
  const grpc_ssl_client_certificate_request_type request_type_;
  std::vector<std::unique_ptr<PortCertificate>> ports_;
};

}  // namespace

void AllowOnlyTls13() { setenv("GRPC_SSL_CIPHER_SUITES", kNoSuiteOfTls12, 1); }

std::shared_ptr<grpc::ServerCredentials> MakeTlsCredentials(
    const CertificateWatch& certificates,
    ClientCertificate client_certificate) {
  // Nobody would be there to say whose certificates are good.
  if (client_certificate != ClientCertificate::kNone &&
      certificates.Current()->pem().client_ca.empty()) {
    std::abort();
  }
  return std::make_shared<WatchedCredentials>(certificates, client_certificate);
}

}  // namespace latchkey
