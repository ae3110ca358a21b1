#ifndef LATCHKEY_SERVER_SESSION_SESSION_PROFILE_H_
#define LATCHKEY_SERVER_SESSION_SESSION_PROFILE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"

#include "client/base/ids.h"
#include "server/base/account_kind.h"
#include "server/base/found_at.h"
#include "server/session/interned.h"
#include "server/session/session.h"

namespace latchkey {

// SessionTraits is what sessions of many accounts have in common: the lists,
// and what clients say of themselves. Immutable; any thread.
struct SessionTraits {
  std::vector<std::string> audiences;
  std::vector<std::string> roles;
  std::vector<std::string> amr;
  ClientInfo client;

  // Bytes returns about what it takes in memory.
  size_t Bytes() const;

  friend bool operator==(const SessionTraits&, const SessionTraits&) = default;
  template <typename H>
  friend H AbslHashValue(H state, const SessionTraits& traits) {
    return H::combine(std::move(state), traits.audiences, traits.roles,
                      traits.amr, traits.client.user_agent,
                      traits.client.ip_address, traits.client.device_label);
  }
};

// SessionProfile is what the sessions of one account mostly have in common:
// everything of a Session but its id and its times. In memory it is kept once
// for all sessions that share it, so that a session costs tens of bytes, not
// hundreds, and a check touches few of them. Immutable; any thread.
struct SessionProfile {
  std::string account;
  AccountUid account_uid;
  uint64_t generation = 0;
  Interned<SessionTraits> traits;
  absl::Duration idle_ttl;
  // Microseconds from create_time to auth_time; zero for a session made by its
  // login.
  int64_t auth_delay_micros = 0;
  CredentialForm form = CredentialForm::kOpaque;
  AccountKind account_kind = AccountKind::kPerson;
  // When the account was last found to stand behind its sessions.
  FoundAt stood;

  // Bytes returns about what it takes in memory, without its traits.
  size_t Bytes() const;

  friend bool operator==(const SessionProfile&,
                         const SessionProfile&) = default;
  template <typename H>
  friend H AbslHashValue(H state, const SessionProfile& profile) {
    // The rest follows from these in nearly every case.
    return H::combine(std::move(state), profile.account_uid, profile.generation,
                      profile.traits);
  }
};

// With the 24 bytes that a table adds it fills two cache lines.
static_assert(sizeof(SessionProfile) <= 104);

// ProfileTable keeps each profile once, and the traits of profiles. Safe from
// any thread.
class ProfileTable {
 public:
  // Share returns the profile of `session`.
  Interned<SessionProfile> Share(const Session& session);

  // The profiles alone.
  InternTable<SessionProfile>& profiles() { return profiles_; }

  // Bytes returns about what all of it takes in memory.
  size_t Bytes() const { return traits_.Bytes() + profiles_.Bytes(); }
  // Size returns how many profiles there are.
  size_t Size() const { return profiles_.Size(); }

 private:
  InternTable<SessionTraits> traits_;  // before what has shares in it
  InternTable<SessionProfile> profiles_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SESSION_SESSION_PROFILE_H_
