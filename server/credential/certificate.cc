#include "server/credential/certificate.h"

#include <algorithm>
#include <ctime>
#include <memory>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

#include "client/base/status_macros.h"

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
using TlsContext = std::unique_ptr<SSL_CTX, Freer<SSL_CTX_free>>;

absl::Status Refuse(absl::string_view what, absl::string_view why) {
  // What OpenSSL left for this thread concerns nobody after it.
  ERR_clear_error();
  return absl::FailedPreconditionError(absl::StrCat(what, " ", why));
}

// As Refuse, with OpenSSL's own word for it: a fixed text, nothing of the key.
absl::Status RefuseByOpenssl(absl::string_view what, absl::string_view why) {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  return Refuse(
      what,
      absl::StrCat(why, " (", reason == nullptr ? "no reason" : reason, ")"));
}

absl::StatusOr<absl::Time> TimeOf(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) {
    return Refuse("a certificate", "has a malformed time");
  }
  return absl::FromTM(parts, absl::UTCTimeZone());
}

std::string Spell(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

Bio Reader(absl::string_view text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Never asks on a terminal for the password of an encrypted key.
int NoPassword(char*, int, int, void*) { return -1; }

// What C strings and OpenSSL would cut short without a word.
absl::Status CheckText(absl::string_view what, absl::string_view text,
                       size_t limit) {
  if (text.size() > limit) {
    return Refuse(what, absl::StrCat("has over ", limit, " bytes"));
  }
  if (text.find('\0') != text.npos) return Refuse(what, "is not PEM");
  return absl::OkStatus();
}

// Reads every certificate of `text`, at least one.
absl::StatusOr<std::vector<Certificate>> ParseAll(absl::string_view what,
                                                  absl::string_view text,
                                                  size_t limit) {
  ERR_clear_error();
  const Bio bio = Reader(text);
  std::vector<Certificate> all;
  while (true) {
    Certificate one(PEM_read_bio_X509(bio.get(), nullptr, NoPassword, nullptr));
    if (one == nullptr) break;
    if (all.size() == limit) {
      return Refuse(what, absl::StrCat("has over ", limit, " certificates"));
    }
    all.push_back(std::move(one));
  }
  if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
    return RefuseByOpenssl(what, "has a certificate that cannot be read");
  }
  ERR_clear_error();
  if (all.empty()) return Refuse(what, "has no certificate");
  return all;
}

// Tells whether `certificate` is in time, or says how not.
absl::Status CheckTime(absl::string_view what, const X509* certificate,
                       absl::Time now) {
  LATCHKEY_ASSIGN_OR_RETURN(const absl::Time begin,
                            TimeOf(X509_get0_notBefore(certificate)));
  LATCHKEY_ASSIGN_OR_RETURN(const absl::Time end,
                            TimeOf(X509_get0_notAfter(certificate)));
  if (now < begin) {
    return Refuse(what, absl::StrCat("is not valid before ", Spell(begin)));
  }
  if (now >= end) {
    return Refuse(what, absl::StrCat("has expired at ", Spell(end)));
  }
  return absl::OkStatus();
}

absl::Status CheckChain(const std::vector<Certificate>& chain, absl::Time now) {
  for (size_t i = 0; i < chain.size(); ++i) {
    const std::string what =
        i == 0 ? "the certificate"
               : absl::StrCat("certificate ", i + 1, " of the chain");
    LATCHKEY_RETURN_IF_ERROR(CheckTime(what, chain[i].get(), now));
    if (i == 0) continue;
    X509* const issuer = chain[i].get();
    X509* const issued = chain[i - 1].get();
    if (X509_check_issued(issuer, issued) != X509_V_OK ||
        X509_verify(issued, X509_get0_pubkey(issuer)) != 1) {
      return Refuse(what, "did not issue the one before it");
    }
  }
  if (X509_check_purpose(chain[0].get(), X509_PURPOSE_SSL_SERVER, 0) != 1) {
    return Refuse("the certificate",
                  "is not for servers (extended key usage serverAuth)");
  }
  return absl::OkStatus();
}

absl::StatusOr<Key> ParseKey(absl::string_view text) {
  LATCHKEY_RETURN_IF_ERROR(CheckText("the key", text, kMaxKeyBytes));
  ERR_clear_error();
  const Bio bio = Reader(text);
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassword, nullptr));
  if (key == nullptr) {
    return Refuse("the key", "is no PEM private key, or is encrypted");
  }
  return key;
}

// Loads the pair as a TLS server will: whatever else its library holds against
// it, such as a weak key, is found here and not at a handshake.
absl::Status CheckLoads(const std::vector<Certificate>& chain, EVP_PKEY* key) {
  const TlsContext context(SSL_CTX_new(TLS_server_method()));
  if (context == nullptr) return Refuse("TLS", "cannot be set up");
  if (SSL_CTX_use_certificate(context.get(), chain[0].get()) != 1) {
    return RefuseByOpenssl("the certificate", "cannot be used");
  }
  for (size_t i = 1; i < chain.size(); ++i) {
    if (SSL_CTX_add1_chain_cert(context.get(), chain[i].get()) != 1) {
      return RefuseByOpenssl("the chain", "cannot be used");
    }
  }
  if (X509_check_private_key(chain[0].get(), key) != 1) {
    return Refuse("the key", "does not belong to the certificate");
  }
  if (SSL_CTX_use_PrivateKey(context.get(), key) != 1) {
    return RefuseByOpenssl("the key", "cannot be used");
  }
  return absl::OkStatus();
}

// One CA that has expired does not spoil the others, who may replace it.
absl::Status CheckClientCas(absl::string_view text, absl::Time now) {
  if (text.empty()) return absl::OkStatus();
  const absl::string_view what = "the client CA file";
  LATCHKEY_RETURN_IF_ERROR(CheckText(what, text, kMaxClientCaBytes));
  LATCHKEY_ASSIGN_OR_RETURN(const std::vector<Certificate> all,
                            ParseAll(what, text, kMaxClientCas));
  absl::Status in_time = absl::OkStatus();
  bool any_in_time = false;
  for (const Certificate& one : all) {
    if (X509_check_ca(one.get()) == 0) {
      return Refuse(what, "has a certificate that is not a CA's");
    }
    in_time = CheckTime("each client CA: the last", one.get(), now);
    any_in_time = any_in_time || in_time.ok();
  }
  return any_in_time ? absl::OkStatus() : in_time;
}

// The chain serves until the first of it expires.
absl::StatusOr<absl::Time> EndOf(const std::vector<Certificate>& chain) {
  absl::Time end = absl::InfiniteFuture();
  for (const Certificate& one : chain) {
    LATCHKEY_ASSIGN_OR_RETURN(const absl::Time one_end,
                              TimeOf(X509_get0_notAfter(one.get())));
    end = std::min(end, one_end);
  }
  return end;
}

absl::StatusOr<std::string> DigestOf(X509* certificate) {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (X509_digest(certificate, EVP_sha256(), bytes, &size) != 1) {
    return Refuse("the certificate", "cannot be digested");
  }
  return std::string(reinterpret_cast<const char*>(bytes), size);
}

}  // namespace

absl::StatusOr<ServerCertificate> ServerCertificate::Check(CertificatePem pem,
                                                           absl::Time now) {
  LATCHKEY_RETURN_IF_ERROR(
      CheckText("the certificate file", pem.chain, kMaxChainBytes));
  LATCHKEY_ASSIGN_OR_RETURN(
      const std::vector<Certificate> chain,
      ParseAll("the certificate file", pem.chain, kMaxChainCertificates));
  LATCHKEY_RETURN_IF_ERROR(CheckChain(chain, now));
  LATCHKEY_ASSIGN_OR_RETURN(const Key key, ParseKey(pem.key.Reveal()));
  LATCHKEY_RETURN_IF_ERROR(CheckLoads(chain, key.get()));
  LATCHKEY_RETURN_IF_ERROR(CheckClientCas(pem.client_ca, now));
  LATCHKEY_ASSIGN_OR_RETURN(const absl::Time end, EndOf(chain));
  LATCHKEY_ASSIGN_OR_RETURN(std::string digest, DigestOf(chain[0].get()));
  return ServerCertificate(std::move(pem), end, std::move(digest));
}

}  // namespace latchkey
