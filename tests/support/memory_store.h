#ifndef LATCHKEY_TESTS_SUPPORT_MEMORY_STORE_H_
#define LATCHKEY_TESTS_SUPPORT_MEMORY_STORE_H_

#include <memory>

#include "server/account/account_store.h"
#include "server/credential/key_store.h"
#include "server/session/session_store.h"

namespace latchkey {

// MemoryStore is the three stores over one state in memory: a fake that passes
// the contract suites, so that what works over it works over the real one.
// Nothing of it survives its object.
//
// Thread-safe. The stores live as long as the object.
class MemoryStore {
 public:
  MemoryStore();
  ~MemoryStore();
  MemoryStore(const MemoryStore&) = delete;
  MemoryStore& operator=(const MemoryStore&) = delete;

  AccountStore& accounts();
  SessionStore& sessions();
  KeyStore& keys();

 private:
  struct State;
  class Accounts;
  class Sessions;
  class Keys;

  const std::unique_ptr<State> state_;
  const std::unique_ptr<Accounts> accounts_;
  const std::unique_ptr<Sessions> sessions_;
  const std::unique_ptr<Keys> keys_;
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SUPPORT_MEMORY_STORE_H_
