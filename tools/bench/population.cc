#include "tools/bench/population.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "server/credential/digest.h"

namespace latchkey::bench {
namespace {

constexpr absl::Duration kAge = absl::Hours(1);
constexpr absl::Duration kLife = absl::Hours(24);

template <typename Fixed>
Fixed FirstBytes(const std::array<uint8_t, 32>& bytes) {
  Fixed value;
  std::copy_n(bytes.begin(), Fixed::kSize, value.array().begin());
  return value;
}

}  // namespace

Population::Population(const Options& options) : options_(options) {}

// Accounts of ended sessions are others than those of the rest: the whole
// account has moved on.
uint64_t Population::AccountOf(uint64_t i) const {
  const uint64_t each = options_.sessions_per_account;
  const uint64_t good = options_.live + options_.expired;
  if (i < good) return i / each;
  return (good + each - 1) / each + (i - good) / each;
}

uint64_t Population::accounts() const {
  return stored() == 0 ? 0 : AccountOf(stored() - 1) + 1;
}

std::array<uint8_t, 32> Population::Derive(absl::string_view what,
                                           uint64_t i) const {
  return DigestOf(absl::StrCat(what, ":", options_.seed, ":", i)).array();
}

Account Population::MakeAccount(uint64_t number) const {
  const uint64_t each = options_.sessions_per_account;
  const uint64_t good = (options_.live + options_.expired + each - 1) / each;
  Account account;
  account.name = absl::StrFormat("u%07d", number);
  account.uid = FirstBytes<AccountUid>(Derive("account", number));
  account.generation = number < good ? 1 : 2;
  // No password: nobody logs in to these.
  account.password_phc = "none";
  account.create_time = account.update_time = options_.now - kAge;
  return account;
}

absl::Time Population::ExpireTimeOf(uint64_t i) const {
  if (i >= options_.live && !IsEnded(i)) {
    return options_.now - absl::Minutes(1);
  }
  if (IsLive(i) && options_.expire_over > absl::ZeroDuration()) {
    const double part =
        static_cast<double>(i) / static_cast<double>(options_.live);
    return absl::FromUnixMicros(absl::ToUnixMicros(
        options_.expire_begin + part * options_.expire_over));
  }
  return options_.now + kLife;
}

StoredSession Population::SessionOf(uint64_t i) const {
  StoredSession stored;
  Session& session = stored.session;
  session.id = FirstBytes<SessionId>(Derive("session", i));
  session.form = IsJwt(i) ? CredentialForm::kJwt : CredentialForm::kOpaque;
  const uint64_t number = AccountOf(i);
  session.account = absl::StrFormat("u%07d", number);
  session.account_uid = FirstBytes<AccountUid>(Derive("account", number));
  session.generation = 1;
  session.create_time = session.auth_time = session.last_seen_time =
      options_.now - kAge;
  session.expire_time = ExpireTimeOf(i);
  session.idle_ttl = 2 * kLife;
  session.amr = {"pwd"};
  stored.key = SessionKey(CredentialOf(i).digest.array());
  return stored;
}

MintedCredential Population::CredentialOf(uint64_t i) const {
  return SpellOpaque(IsJwt(i) ? OpaqueKind::kRefresh : OpaqueKind::kSession,
                     Derive("credential", i));
}

std::string NameOf(const Session& session) {
  return absl::StrCat("accounts/", session.account, "/sessions/",
                      session.id.ToHex());
}

}  // namespace latchkey::bench
