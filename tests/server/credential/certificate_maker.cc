#include "tests/server/credential/certificate_maker.h"

#include <atomic>
#include <cstdlib>
#include <memory>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace latchkey {
namespace {

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Bio = std::unique_ptr<BIO, Freer<BIO_free>>;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;

// A test that cannot make its material cannot go on.
void Must(bool done) {
  if (!done) std::abort();
}

std::string TextOf(const Bio& bio) {
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return std::string(text, static_cast<size_t>(size));
}

Key ReadKey(const std::string& pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return Key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
}

Certificate ReadCertificate(const std::string& pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return Certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

void Extend(X509* certificate, int kind, const std::string& value) {
  X509_EXTENSION* extension =
      X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str());
  Must(extension != nullptr);
  Must(X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

void Name(X509_NAME* name, const std::string& text) {
  Must(X509_NAME_add_entry_by_txt(
           name, "CN", MBSTRING_UTF8,
           reinterpret_cast<const unsigned char*>(text.data()),
           static_cast<int>(text.size()), -1, 0) == 1);
}

}  // namespace

MadeCertificate MakeCertificate(const CertificateRequest& request,
                                const MadeCertificate* issuer) {
  static std::atomic<long> serial{0};
  const Key key(request.rsa_bits > 0
                    ? EVP_RSA_gen(static_cast<unsigned>(request.rsa_bits))
                    : EVP_EC_gen("P-256"));
  const Certificate made(X509_new());
  Must(key != nullptr && made != nullptr);
  Must(X509_set_version(made.get(), X509_VERSION_3) == 1);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), ++serial);
  ASN1_TIME_set(X509_getm_notBefore(made.get()), absl::ToTimeT(request.begin));
  ASN1_TIME_set(X509_getm_notAfter(made.get()), absl::ToTimeT(request.end));
  Name(X509_get_subject_name(made.get()), request.name);
  Must(X509_set_pubkey(made.get(), key.get()) == 1);
  Extend(made.get(), NID_basic_constraints,
         request.ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
  if (!request.usage.empty()) {
    Extend(made.get(), NID_ext_key_usage, request.usage);
  }
  const Key issuer_key = issuer == nullptr ? nullptr : ReadKey(issuer->key);
  const Certificate issuer_certificate =
      issuer == nullptr ? nullptr : ReadCertificate(issuer->certificate);
  Must(X509_set_issuer_name(
           made.get(), X509_get_subject_name(
                           issuer == nullptr ? made.get()
                                             : issuer_certificate.get())) == 1);
  Must(X509_sign(made.get(), issuer == nullptr ? key.get() : issuer_key.get(),
                 EVP_sha256()) > 0);
  const Bio certificate(BIO_new(BIO_s_mem()));
  const Bio secret(BIO_new(BIO_s_mem()));
  Must(PEM_write_bio_X509(certificate.get(), made.get()) == 1);
  Must(PEM_write_bio_PrivateKey(secret.get(), key.get(), nullptr, nullptr, 0,
                                nullptr, nullptr) == 1);
  return {TextOf(certificate), TextOf(secret)};
}

std::string EncryptKey(const std::string& key) {
  const Bio secret(BIO_new(BIO_s_mem()));
  std::string password = "correct horse";
  Must(PEM_write_bio_PrivateKey(secret.get(), ReadKey(key).get(),
                                EVP_aes_256_cbc(), nullptr, 0, nullptr,
                                password.data()) == 1);
  return TextOf(secret);
}

}  // namespace latchkey
