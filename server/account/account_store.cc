#include "server/account/account_store.h"

namespace latchkey {

bool IsExpected(const AccountEdit& edit, const Account& account) {
  return edit.expected_uid.value_or(account.uid) == account.uid &&
         edit.expected_generation.value_or(account.generation) ==
             account.generation;
}

}  // namespace latchkey
