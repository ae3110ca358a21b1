#ifndef LATCHKEY_TOOLS_BENCH_POPULATION_H_
#define LATCHKEY_TOOLS_BENCH_POPULATION_H_

#include <array>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "server/account/account.h"
#include "server/credential/opaque_id.h"
#include "server/session/session_store.h"

namespace latchkey::bench {

// Population is the accounts and sessions that a server is filled with. All of
// it is a function of a seed and a number, so that nothing needs to be kept:
// whoever knows both knows the credential of session `i`, and its name.
//
// Sessions are numbered in the order
//   0 .. live             alive for a day; every tenth is of the JWT form
//   .. + expired          alive by their account, dead by time
//   .. + ended            alive by time; their account has moved on
// and what is numbered beyond them was never stored: unknown.
//
// Immutable. Safe from any thread.
class Population {
 public:
  struct Options {
    uint64_t seed = 1;
    uint64_t live = 0;
    uint64_t expired = 1000;
    uint64_t ended = 1000;
    uint64_t sessions_per_account = 10;
    absl::Time now;  // sessions were opened an hour before
    // If positive, live sessions expire one after the other in this time,
    // beginning at expire_begin; else a day from `now`.
    absl::Duration expire_over;
    absl::Time expire_begin;
  };

  // Every tenth session has the JWT form: in each account one.
  static constexpr uint64_t kJwtEvery = 10;

  explicit Population(const Options& options);

  const Options& options() const { return options_; }
  uint64_t stored() const {
    return options_.live + options_.expired + options_.ended;
  }
  uint64_t accounts() const;

  // MakeAccount returns account number `number`.
  Account MakeAccount(uint64_t number) const;

  // SessionOf returns session number `i`, as it is stored.
  StoredSession SessionOf(uint64_t i) const;

  // CredentialOf returns the opaque credential of session number `i`, or its
  // refresh credential if it has the JWT form.
  MintedCredential CredentialOf(uint64_t i) const;

  bool IsJwt(uint64_t i) const { return i % kJwtEvery == kJwtEvery - 1; }
  bool IsLive(uint64_t i) const { return i < options_.live; }
  absl::Time ExpireTimeOf(uint64_t i) const;

 private:
  std::array<uint8_t, 32> Derive(absl::string_view what, uint64_t i) const;
  uint64_t AccountOf(uint64_t i) const;
  bool IsEnded(uint64_t i) const {
    return i >= options_.live + options_.expired;
  }

  const Options options_;
};

// NameOf returns the public name of a session, as the server writes it.
std::string NameOf(const Session& session);

}  // namespace latchkey::bench

#endif  // LATCHKEY_TOOLS_BENCH_POPULATION_H_
