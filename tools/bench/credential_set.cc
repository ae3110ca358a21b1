#include "tools/bench/credential_set.h"

#include <algorithm>
#include <utility>

#include "client/base/status_macros.h"
#include "latchkey/v1/auth.pb.h"
#include "tools/bench/load.h"

namespace latchkey::bench {
namespace {

// Longer than a run, shorter than the session.
constexpr absl::Duration kTokenLife = absl::Hours(12);
// Of a mixed set: enough that a wrong answer to any kind would be seen.
constexpr uint64_t kJwtsOutOf = 10;
constexpr uint64_t kBadOutOf = 50;

// Numbers beyond what is stored, and beyond those of any other run.
constexpr uint64_t kUnknownFrom = uint64_t{1} << 40;

std::string BodyOf(absl::string_view credential) {
  v1::ValidateRequest request;
  request.set_credential(std::string(credential));
  return Framed(request.SerializeAsString());
}

std::string OpaqueText(const Population& population, uint64_t i) {
  return std::string(population.CredentialOf(i).text.Reveal());
}

}  // namespace

void CredentialSet::Add(absl::string_view credential, Answer answer,
                        absl::string_view kind) {
  entries_.push_back(
      {BodyOf(credential), std::string(credential), std::move(answer), kind});
}

void CredentialSet::AddSession(const Population& population, uint64_t i,
                               absl::string_view kind) {
  Answer answer;
  if (population.IsLive(i)) {
    answer.session_name = NameOf(population.SessionOf(i).session);
  }
  Add(OpaqueText(population, i), std::move(answer), kind);
}

void CredentialSet::AddOpaque(const Population& population, uint64_t count) {
  const uint64_t live = population.options().live;
  count = std::min(count, live);
  for (uint64_t k = 0; k < count; ++k) {
    uint64_t i = k * live / count;
    // Its neighbour instead; with all of them in, it is there twice.
    if (population.IsJwt(i)) i = i - 1;
    AddSession(population, i, "opaque");
  }
}

absl::Status CredentialSet::AddJwts(const Population& population,
                                    const TokenMint& mint, uint64_t count,
                                    absl::Time now) {
  const uint64_t sessions = population.options().live / Population::kJwtEvery;
  if (sessions == 0) return absl::OkStatus();
  for (uint64_t k = 0; k < count; ++k) {
    const uint64_t i =
        k % sessions * Population::kJwtEvery + (Population::kJwtEvery - 1);
    const Session session = population.SessionOf(i).session;
    LATCHKEY_ASSIGN_OR_RETURN(const std::string token,
                              mint.Mint(session, kTokenLife, now));
    Add(token, Answer{NameOf(session)}, "JWT");
  }
  return absl::OkStatus();
}

void CredentialSet::AddUnknown(const Population& population, uint64_t count) {
  for (uint64_t k = 0; k < count; ++k) {
    // Not a tenth one: that would be a refresh credential.
    AddSession(population, kUnknownFrom + k * Population::kJwtEvery, "unknown");
  }
}

void CredentialSet::AddExpired(const Population& population, uint64_t count) {
  const uint64_t begin = population.options().live;
  const uint64_t end = begin + std::min(count, population.options().expired);
  for (uint64_t i = begin; i < end; ++i) {
    if (!population.IsJwt(i)) AddSession(population, i, "expired");
  }
}

void CredentialSet::AddEnded(const Population& population, uint64_t count) {
  const uint64_t begin =
      population.options().live + population.options().expired;
  const uint64_t end = begin + std::min(count, population.options().ended);
  for (uint64_t i = begin; i < end; ++i) {
    if (!population.IsJwt(i)) AddSession(population, i, "ended");
  }
}

void CredentialSet::Append(const CredentialSet& other) {
  entries_.insert(entries_.end(), other.entries_.begin(), other.entries_.end());
}

absl::StatusOr<CredentialSet> MixedSet(const Population& population,
                                       const TokenMint& mint, uint64_t count,
                                       absl::Time now) {
  CredentialSet set;
  set.AddOpaque(population, count);
  const uint64_t live = set.size();
  LATCHKEY_RETURN_IF_ERROR(
      set.AddJwts(population, mint, live / kJwtsOutOf, now));
  set.AddUnknown(population, live / kBadOutOf);
  set.AddExpired(population, live / kBadOutOf);
  set.AddEnded(population, live / kBadOutOf);
  return set;
}

}  // namespace latchkey::bench
