#include "tools/latchkey/tls.h"

#include <fcntl.h>
#include <unistd.h>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "client/base/secret_bytes.h"
#include "client/base/status_macros.h"
#include "tools/latchkey/plain_text.h"
#include "tools/latchkey/secret_input.h"

namespace latchkey {
namespace {

constexpr char kCertificateMark[] = "-----BEGIN CERTIFICATE-----";
constexpr char kKeyMark[] = "PRIVATE KEY-----";

absl::StatusOr<std::string> ReadPem(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(PlainText(path), " cannot be opened"));
  }
  const absl::Cleanup closer = [fd] { close(fd); };
  auto text = ReadSecret(fd);
  if (!text.ok()) {
    return absl::Status(
        text.status().code(),
        absl::StrCat(PlainText(path), ": ", text.status().message()));
  }
  // Else gRPC would only say that it failed to connect.
  if (!absl::StrContains(text->Reveal(), kCertificateMark)) {
    return absl::FailedPreconditionError(
        absl::StrCat(PlainText(path), " holds no PEM certificate"));
  }
  return std::string(text->Reveal());
}

absl::StatusOr<SecretBytes> ReadKey(const std::string& path) {
  LATCHKEY_ASSIGN_OR_RETURN(SecretBytes key, ReadSecretFile(path));
  if (!absl::StrContains(key.Reveal(), kKeyMark)) {
    return absl::FailedPreconditionError(
        absl::StrCat(PlainText(path), " holds no PEM private key"));
  }
  return key;
}

absl::Status CheckTogether(const TlsFiles& files) {
  if (files.certificate.empty() != files.key.empty()) {
    return absl::InvalidArgumentError(
        "--tls-certificate and --tls-key go together");
  }
  if (!files.ca.empty()) return absl::OkStatus();
  if (!files.certificate.empty() || !files.server_name.empty()) {
    return absl::InvalidArgumentError(
        "TLS needs --tls-ca, the CAs whose servers are believed (of this "
        "system: /etc/ssl/certs/ca-certificates.crt)");
  }
  return absl::OkStatus();
}

}  // namespace

void AddTlsOptions(CLI::App* app, TlsFiles* files) {
  app->add_option("--tls-ca,--tls_ca", files->ca,
                  "Speak TLS, and believe servers by these CAs, PEM")
      ->envname("LATCHKEY_CLI_TLS_CA");
  app->add_option("--tls-certificate,--tls_certificate", files->certificate,
                  "Certificate to show to the server, PEM, with its chain")
      ->envname("LATCHKEY_CLI_TLS_CERTIFICATE");
  app->add_option("--tls-key,--tls_key", files->key,
                  "Its private key, PEM, which nobody else may read")
      ->envname("LATCHKEY_CLI_TLS_KEY");
  app->add_option("--tls-server-name,--tls_server_name", files->server_name,
                  "Name that the server's certificate must have, if it is not "
                  "the host of --server")
      ->envname("LATCHKEY_CLI_TLS_SERVER_NAME");
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>>
MakeChannelCredentials(const TlsFiles& files) {
  LATCHKEY_RETURN_IF_ERROR(CheckTogether(files));
  if (files.ca.empty()) return grpc::InsecureChannelCredentials();
  grpc::SslCredentialsOptions options;
  LATCHKEY_ASSIGN_OR_RETURN(options.pem_root_certs, ReadPem(files.ca));
  if (!files.certificate.empty()) {
    LATCHKEY_ASSIGN_OR_RETURN(options.pem_cert_chain,
                              ReadPem(files.certificate));
    LATCHKEY_ASSIGN_OR_RETURN(const SecretBytes key, ReadKey(files.key));
    options.pem_private_key = std::string(key.Reveal());
  }
  auto credentials = grpc::SslCredentials(options);
  WipeMemory(options.pem_private_key.data(), options.pem_private_key.size());
  return credentials;
}

std::string TlsHint(absl::string_view message, bool tls) {
  // Nobody has answered whom a certificate could have been shown to.
  if (absl::StrContains(message, "Connection refused") ||
      absl::StrContains(message, "DNS resolution failed")) {
    return "";
  }
  if (!tls) {
    return "  does it speak TLS? then say --tls-ca FILE "
           "(LATCHKEY_CLI_TLS_CA)\n";
  }
  if (absl::StrContains(message, "CERTIFICATE_VERIFY_FAILED") ||
      absl::StrContains(message, "certificate verify failed")) {
    return "  the server's certificate is not by a CA of --tls-ca, or not in "
           "time\n";
  }
  if (absl::StrContains(message, "is not in peer certificate") ||
      absl::StrContains(message, "Hostname Verification")) {
    return "  the server's certificate is for another name; if it is the "
           "right server, say --tls-server-name\n";
  }
  if (absl::StrContains(message, "wrong version number")) {
    return "  it speaks no TLS there\n";
  }
  // What gRPC says if it could not even begin.
  if (absl::StrContains(message, "empty address list")) {
    return "  the PEM files cannot be used: does --tls-key belong to "
           "--tls-certificate?\n";
  }
  return "  it may want a certificate (--tls-certificate, --tls-key), or have "
         "refused the one shown\n";
}

}  // namespace latchkey
