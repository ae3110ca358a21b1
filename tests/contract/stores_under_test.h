#ifndef LATCHKEY_TESTS_CONTRACT_STORES_UNDER_TEST_H_
#define LATCHKEY_TESTS_CONTRACT_STORES_UNDER_TEST_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

#include "client/base/ids.h"
#include "server/account/account_store.h"
#include "server/credential/key_store.h"
#include "server/session/session_store.h"

namespace latchkey {

// StoresUnderTest is an empty set of stores that the contract suites are run
// over. Include a suite in one source file of a test and give it factories:
//
//   INSTANTIATE_TEST_SUITE_P(Rocks, SessionStoreContract,
//                            testing::Values(StoreFactory{...}));
class StoresUnderTest {
 public:
  virtual ~StoresUnderTest() = default;

  virtual AccountStore& accounts() = 0;
  virtual SessionStore& sessions() = 0;
  virtual KeyStore& keys() = 0;

  // Reopen makes the stores anew over what the old ones left on disk. Asked
  // only by the Durable suites.
  virtual void Reopen() { ADD_FAILURE() << "nothing of these is on disk"; }
};

struct StoreFactory {
  std::string name;
  std::function<std::unique_ptr<StoresUnderTest>()> make;
};

inline std::ostream& operator<<(std::ostream& out, const StoreFactory& f) {
  return out << f.name;
}

// When the suites take place; any whole microsecond would do.
inline absl::Time ContractStart() { return absl::FromUnixSeconds(1893456000); }

// NumberedId returns the value whose last bytes are `number`, so that ids of
// growing numbers are in growing order.
template <typename Id>
Id NumberedId(uint32_t number) {
  Id id;
  for (size_t i = 0; i < 4; ++i) {
    id.array()[Id::kSize - 1 - i] = static_cast<uint8_t>(number >> (8 * i));
  }
  return id;
}

inline Account ContractAccount(absl::string_view name, uint32_t uid = 1) {
  Account account;
  account.name = std::string(name);
  account.uid = NumberedId<AccountUid>(uid);
  account.generation = 1;
  account.password_phc = absl::StrCat("$argon2id$", name);
  account.roles = {"reader", "writer"};
  account.create_time = ContractStart();
  account.update_time = ContractStart();
  return account;
}

inline Account ContractService(absl::string_view name, uint32_t uid = 9) {
  Account account = ContractAccount(name, uid);
  account.kind = AccountKind::kService;
  account.password_phc = "";
  return account;
}

inline ClientSecret ContractSecret(uint32_t number) {
  return {NumberedId<ClientSecretId>(number),
          NumberedId<ClientSecretDigest>(number), ContractStart()};
}

inline SessionKey ContractKey(uint32_t number) {
  return NumberedId<SessionKey>(number);
}

// A session of `account` that is absolutely dead after an hour and idle after
// ten minutes.
inline Session ContractSession(const Account& account, uint32_t number) {
  Session session;
  session.id = NumberedId<SessionId>(number);
  session.form =
      number % 2 == 0 ? CredentialForm::kOpaque : CredentialForm::kJwt;
  session.account_kind = account.kind;
  session.account = account.name;
  session.account_uid = account.uid;
  session.generation = account.generation;
  session.create_time = ContractStart();
  session.auth_time = ContractStart() - absl::Seconds(1);
  session.expire_time = ContractStart() + absl::Hours(1);
  session.idle_ttl = absl::Minutes(10);
  session.last_seen_time = ContractStart();
  session.audiences = {"billing"};
  session.roles = account.roles;
  session.amr = {"pwd"};
  session.client = {"agent", "192.0.2.1", "laptop"};
  return session;
}

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_CONTRACT_STORES_UNDER_TEST_H_
