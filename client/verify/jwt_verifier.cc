#include "client/verify/jwt_verifier.h"

#include <cstdlib>
#include <utility>

#include "client/verify/claims.h"
#include "client/verify/jws.h"

namespace latchkey {
namespace {

// True if some token could be accepted and no check is left out but by name.
bool CanBeMet(const Expectations& expect) {
  return !expect.issuer.empty() &&
         expect.allow_any_audience != expect.audience.has_value() &&
         expect.clock_skew >= absl::ZeroDuration() &&
         expect.clock_skew <= kMaxClockSkew &&
         expect.max_lifetime > absl::ZeroDuration() &&
         expect.type != TokenType::kAny &&
         expect.max_token_bytes <= kMaxTokenBytes;
}

}  // namespace

VerifyResult::VerifyResult(std::variant<Refusal, VerifiedClaims> outcome)
    : outcome_(std::move(outcome)) {}

const VerifiedClaims& VerifyResult::claims() const& {
  const auto* const claims = std::get_if<VerifiedClaims>(&outcome_);
  if (claims == nullptr) std::abort();
  return *claims;
}

VerifiedClaims VerifyResult::claims() && {
  auto* const claims = std::get_if<VerifiedClaims>(&outcome_);
  if (claims == nullptr) std::abort();
  return std::move(*claims);
}

Refusal VerifyResult::refusal() const {
  const auto* const refusal = std::get_if<Refusal>(&outcome_);
  if (refusal == nullptr) std::abort();
  return *refusal;
}

VerifyResult VerifyJwt(absl::string_view token, const KeySet& keys,
                       const Expectations& expect, absl::Time now) {
  if (!CanBeMet(expect)) return VerifyResult(Refusal::kExpectations);
  JwsRules rules{};
  rules.max_token_bytes = expect.max_token_bytes;
  rules.type = expect.type;
  CheckedJws jws;
  if (const auto refusal = jws.Check(token, keys, rules)) {
    return VerifyResult(*refusal);
  }
  VerifyResult result{VerifiedClaims()};
  auto& claims = std::get<VerifiedClaims>(result.outcome_);
  if (const auto refusal = ReadClaims(jws.payload(), expect, now, &claims)) {
    return VerifyResult(*refusal);
  }
  claims.kid = jws.key().kid();
  return result;
}

const std::string& SignatureResult::kid() const {
  if (key_ == nullptr) std::abort();
  return key_->kid();
}

Algorithm SignatureResult::algorithm() const {
  if (key_ == nullptr) std::abort();
  return key_->algorithm();
}

Refusal SignatureResult::refusal() const {
  if (key_ != nullptr) std::abort();
  return refusal_;
}

SignatureResult VerifySignatureOnly(absl::string_view token, const KeySet& keys,
                                    size_t max_token_bytes) {
  if (max_token_bytes > kMaxTokenBytes) {
    return SignatureResult(nullptr, Refusal::kExpectations);
  }
  JwsRules rules{};
  rules.max_token_bytes = max_token_bytes;
  rules.type = TokenType::kAny;
  rules.allow_empty_payload = true;
  CheckedJws jws;
  if (const auto refusal = jws.Check(token, keys, rules)) {
    return SignatureResult(nullptr, *refusal);
  }
  return SignatureResult(&jws.key(), Refusal::kSignature);
}

}  // namespace latchkey
