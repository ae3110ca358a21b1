#ifndef LATCHKEY_SERVER_AUTH_SERVICE_PROOF_H_
#define LATCHKEY_SERVER_AUTH_SERVICE_PROOF_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "server/account/account.h"
#include "server/session/session_store.h"

namespace latchkey {

// Proofs of service accounts. None of them takes a password hash: they are of
// 256 random bits, or a signature, and can be checked on a worker.
//
// Each judges what was shown for `account`, null if there is no such account,
// and answers nullopt for what is no good proof: an account that is disabled,
// of another kind, or absent among the reasons. What is absent is judged with
// about the same work as what is wrong. Safe from any thread; never block.

// How long an assertion may live, by its own exp - iat.
constexpr absl::Duration kMaxAssertionLife = absl::Minutes(5);
// By how much a service's clock may differ from ours.
constexpr absl::Duration kAssertionClockSkew = absl::Seconds(10);

// ServiceProof is a good one.
struct ServiceProof {
  std::string amr;  // RFC 8176 where it has a value
  ProofUse use;     // to be decided with the session
};

// CheckClientSecret judges the text of a client secret.
std::optional<ServiceProof> CheckClientSecret(const Account* account,
                                              absl::string_view secret);

// CheckClientAssertion judges a signed assertion (RFC 7523 section 3): signed
// with a registered key of the account, iss and sub its name, `audience` the
// only aud, a jti, and exp at most kMaxAssertionLife behind iat. Whether its
// jti was used is decided with the session.
std::optional<ServiceProof> CheckClientAssertion(const Account* account,
                                                 absl::string_view name,
                                                 absl::string_view assertion,
                                                 absl::string_view audience,
                                                 absl::Time now);

// CheckClientCertificate judges the names in the certificate that the client
// showed to the transport, which has verified it.
std::optional<ServiceProof> CheckClientCertificate(
    const Account* account, const std::vector<std::string>& names);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_AUTH_SERVICE_PROOF_H_
