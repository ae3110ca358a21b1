#include "server/account/password.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "client/base/status_macros.h"
#include "server/account/account.h"
#include "server/base/random.h"

namespace latchkey {
namespace {

constexpr size_t kDummyPasswordBytes = 32;

// Less memory is weaker even for the same work: it is memory that dedicated
// hardware lacks.
bool IsWeaker(const HashCost& stored, const HashCost& configured) {
  return stored.Work() < configured.Work() ||
         stored.memory_kib < configured.memory_kib;
}

}  // namespace

absl::StatusOr<PasswordChecker> PasswordChecker::Create(const HashCost& cost) {
  LATCHKEY_ASSIGN_OR_RETURN(auto hasher, SodiumHasher::Create());
  return Create(cost, std::move(hasher));
}

absl::StatusOr<PasswordChecker> PasswordChecker::Create(
    const HashCost& cost, std::unique_ptr<const Hasher> hasher) {
  LATCHKEY_RETURN_IF_ERROR(CheckHashCost(cost));
  SecretBytes password(kDummyPasswordBytes);
  FillRandom(password.data(), password.size());
  LATCHKEY_ASSIGN_OR_RETURN(const std::string phc,
                            hasher->Hash(password, cost));
  LATCHKEY_ASSIGN_OR_RETURN(PhcHash dummy, ParsePhc(phc));
  if (dummy.cost != cost || !hasher->Matches(password, dummy)) {
    return absl::InternalError("password hashing computes wrongly");
  }
  return PasswordChecker(cost, std::move(hasher), std::move(dummy));
}

PasswordChecker::PasswordChecker(const HashCost& cost,
                                 std::unique_ptr<const Hasher> hasher,
                                 PhcHash dummy)
    : cost_(cost), hasher_(std::move(hasher)), dummy_(std::move(dummy)) {}

absl::StatusOr<std::string> PasswordChecker::Hash(
    const SecretBytes& password) const {
  if (password.empty() || password.size() > kMaxPasswordBytes) {
    return absl::InvalidArgumentError("a password has 1 to 1024 bytes");
  }
  return hasher_->Hash(password, cost_);
}

PasswordVerdict PasswordChecker::Check(const SecretBytes& password,
                                       absl::string_view phc) const {
  const absl::StatusOr<PhcHash> stored = ParsePhc(phc);
  if (!stored.ok()) {
    CheckUnknown(password);
    return {};
  }
  if (!hasher_->Matches(password, *stored)) {
    PayMissing(password, stored->cost);
    return {};
  }
  PasswordVerdict verdict{.matches = true, .upgraded_phc = std::nullopt};
  if (IsWeaker(stored->cost, cost_)) {
    // Without memory for it the login still stands; the next one tries again.
    absl::StatusOr<std::string> upgraded = hasher_->Hash(password, cost_);
    if (upgraded.ok()) verdict.upgraded_phc = *std::move(upgraded);
  }
  return verdict;
}

void PasswordChecker::CheckUnknown(const SecretBytes& password) const {
  // The answer does not matter: nobody knows the dummy's password.
  (void)hasher_->Matches(password, dummy_);
}

void PasswordChecker::PayMissing(const SecretBytes& password,
                                 const HashCost& paid) const {
  if (paid.Work() >= cost_.Work()) return;
  const uint64_t missing = cost_.Work() - paid.Work();
  const HashCost rest{
      .time = cost_.time,
      .memory_kib = std::max(static_cast<uint32_t>(missing / cost_.time),
                             kMinHashMemoryKibPerLane)};
  (void)hasher_->Hash(password, rest);
}

}  // namespace latchkey
