#include "server/auth/service_proof.h"

#include <algorithm>
#include <utility>

#include "client/verify/jwt_verifier.h"
#include "client/verify/key_set.h"
#include "server/credential/digest.h"
#include "server/credential/opaque_id.h"

namespace latchkey {
namespace {

// RFC 8176 has no value for a shared secret that is not a password.
constexpr char kAmrClientSecret[] = "client_secret";
// Proof of possession of a key; that it is kept in hardware nobody has proved.
constexpr char kAmrKey[] = "swk";

// Stands in for the keys of an account that has none, so that it is not told
// apart by the time it takes to read them: the key of RFC 7515 appendix A.3.
// What it has signed is refused all the same.
constexpr char kDecoyJwks[] =
    R"({"keys":[{"kty":"EC","crv":"P-256","kid":"decoy",)"
    R"("x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
    R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]})";

bool MayLogIn(const Account* account) {
  return account != nullptr && account->kind == AccountKind::kService &&
         !account->disabled;
}

ServiceProof ProofBy(const Account& account, const char* amr) {
  return {.amr = amr, .use = {.proof_generation = account.proof_generation}};
}

}  // namespace

std::optional<ServiceProof> CheckClientSecret(const Account* account,
                                              absl::string_view secret) {
  static const Account& nobody = *new Account();
  const Account& judged = account == nullptr ? nobody : *account;
  const auto digest = ReadOpaque(OpaqueKind::kClientSecret, secret);
  const bool matches = digest.has_value() &&
                       HasSecret(judged, ClientSecretDigest(digest->array()));
  if (!matches || !MayLogIn(account)) return std::nullopt;
  return ProofBy(*account, kAmrClientSecret);
}

std::optional<ServiceProof> CheckClientAssertion(const Account* account,
                                                 absl::string_view name,
                                                 absl::string_view assertion,
                                                 absl::string_view audience,
                                                 absl::Time now) {
  const bool has_keys = MayLogIn(account) && !account->jwks.empty();
  const absl::StatusOr<KeySet> keys =
      KeySet::FromJwks(has_keys ? absl::string_view(account->jwks)
                                : absl::string_view(kDecoyJwks));
  // Nothing is stored that could not be read; if it is, nobody gets in by it.
  if (!keys.ok()) return std::nullopt;
  Expectations expect;
  expect.type = TokenType::kClientAssertion;
  expect.issuer = std::string(name);
  expect.audience = std::string(audience);
  expect.clock_skew = kAssertionClockSkew;
  expect.max_lifetime = kMaxAssertionLife;
  const VerifyResult verified = VerifyJwt(assertion, *keys, expect, now);
  if (!has_keys || !verified.ok()) return std::nullopt;
  const VerifiedClaims& claims = verified.claims();
  // Whoever else it is addressed to could show it here.
  if (claims.subject != name || claims.audiences.size() != 1) {
    return std::nullopt;
  }
  ServiceProof proof = ProofBy(*account, kAmrKey);
  proof.use.assertion = ProofUse::Assertion{
      .id = AssertionId(DigestOf(claims.jti).array()),
      .expire_time = claims.expire_time + kAssertionClockSkew};
  return proof;
}

std::optional<ServiceProof> CheckClientCertificate(
    const Account* account, const std::vector<std::string>& names) {
  if (!MayLogIn(account)) return std::nullopt;
  const std::vector<std::string>& registered = account->certificate_names;
  const bool carried =
      std::any_of(names.begin(), names.end(), [&](const std::string& name) {
        return std::binary_search(registered.begin(), registered.end(), name);
      });
  if (!carried) return std::nullopt;
  return ProofBy(*account, kAmrKey);
}

}  // namespace latchkey
