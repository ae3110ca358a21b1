#include "tests/support/memory_store.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "client/base/mutex.h"
#include "server/base/error.h"

namespace latchkey {
namespace {

absl::Status NoSuchAccount() {
  return MakeError(absl::StatusCode::kNotFound, Reason::kAccountNotFound,
                   "no such account");
}

absl::Status NoSuchSession() {
  return MakeError(absl::StatusCode::kNotFound, Reason::kSessionNotFound,
                   "no such session");
}

}  // namespace

struct MemoryStore::State {
  Mutex mutex;
  uint64_t revision ABSL_GUARDED_BY(mutex) = 0;
  std::map<std::string, Account> accounts ABSL_GUARDED_BY(mutex);
  // last_seen_time is moved on by SaveActivity.
  std::map<SessionKey, Session> sessions ABSL_GUARDED_BY(mutex);
  std::map<SessionId, SessionKey> ids ABSL_GUARDED_BY(mutex);
  std::map<std::pair<AccountUid, AssertionId>, absl::Time> assertions
      ABSL_GUARDED_BY(mutex);  // used ones, and until when
  SessionKey sweep_cursor ABSL_GUARDED_BY(mutex);
  std::map<std::string, KeyRecord> keys ABSL_GUARDED_BY(mutex);
  std::optional<std::string> master_key_check ABSL_GUARDED_BY(mutex);

  bool Holds(const Session& session) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    const auto it = accounts.find(session.account);
    return it != accounts.end() &&
           SessionsHold(it->second, session.account_uid, session.generation);
  }
};

class MemoryStore::Accounts final : public AccountStore {
 public:
  explicit Accounts(State& state) : state_(state) {}

  absl::StatusOr<uint64_t> Create(const Account& account) override {
    MutexLock lock(&state_.mutex);
    if (!state_.accounts.emplace(account.name, account).second) {
      return MakeError(absl::StatusCode::kAlreadyExists, Reason::kAccountExists,
                       "the account exists");
    }
    return ++state_.revision;
  }

  absl::StatusOr<Account> Find(absl::string_view name) const override {
    MutexLock lock(&state_.mutex);
    const auto it = state_.accounts.find(std::string(name));
    if (it == state_.accounts.end()) return NoSuchAccount();
    return it->second;
  }

  absl::StatusOr<Account> FindInMemory(absl::string_view name) const override {
    return Find(name);
  }

  absl::StatusOr<std::vector<Account>> List(absl::string_view after,
                                            int limit) const override {
    MutexLock lock(&state_.mutex);
    std::vector<Account> accounts;
    auto it = state_.accounts.upper_bound(std::string(after));
    for (; it != state_.accounts.end() &&
           static_cast<int>(accounts.size()) < limit;
         ++it) {
      accounts.push_back(it->second);
    }
    return accounts;
  }

  absl::StatusOr<AccountChange> Edit(absl::string_view name,
                                     const AccountEdit& edit,
                                     absl::Time now) override {
    MutexLock lock(&state_.mutex);
    const auto it = state_.accounts.find(std::string(name));
    if (it == state_.accounts.end()) return NoSuchAccount();
    Account account = it->second;
    if (!IsExpected(edit, account)) {
      return MakeError(absl::StatusCode::kAborted, Reason::kAccountChanged,
                       "the account changed meanwhile");
    }
    const absl::StatusOr<bool> proofs = EditProofs(edit, &account);
    if (!proofs.ok()) return proofs.status();
    const bool roles = edit.roles.has_value() && *edit.roles != account.roles;
    const bool password = edit.password_phc.has_value() &&
                          *edit.password_phc != account.password_phc;
    const bool disabled =
        edit.disabled.has_value() && *edit.disabled != account.disabled;
    AccountChange change;
    change.ended_sessions =
        roles || password || edit.end_sessions || (disabled && *edit.disabled);
    if (roles) account.roles = *edit.roles;
    if (password) account.password_phc = *edit.password_phc;
    if (disabled) account.disabled = *edit.disabled;
    if (change.ended_sessions) ++account.generation;
    if (change.ended_sessions || disabled || *proofs) {
      account.update_time = now;
      it->second = account;
      ++state_.revision;
    }
    change.account = account;
    change.revision = state_.revision;
    return change;
  }

  absl::Status UpgradeHash(absl::string_view name, const AccountUid& uid,
                           absl::string_view old_phc,
                           absl::string_view new_phc) override {
    MutexLock lock(&state_.mutex);
    const auto it = state_.accounts.find(std::string(name));
    if (it != state_.accounts.end() && it->second.uid == uid &&
        it->second.password_phc == old_phc) {
      it->second.password_phc = std::string(new_phc);
      ++state_.revision;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<AccountChange> Delete(absl::string_view name,
                                       absl::Time /*now*/) override {
    MutexLock lock(&state_.mutex);
    const auto it = state_.accounts.find(std::string(name));
    if (it == state_.accounts.end()) return NoSuchAccount();
    AccountChange change;
    change.account = std::move(it->second);
    change.ended_sessions = true;
    state_.accounts.erase(it);
    change.revision = ++state_.revision;
    return change;
  }

  absl::StatusOr<uint64_t> Count() const override {
    MutexLock lock(&state_.mutex);
    return state_.accounts.size();
  }

 private:
  State& state_;
};

class MemoryStore::Sessions final : public SessionStore {
 public:
  explicit Sessions(State& state) : state_(state) {}

  void StartCreate(std::shared_ptr<const NewSession> session, absl::Time now,
                   Created created) override {
    created(Decide(*session, now));
  }

  absl::StatusOr<Session> Find(const SessionKey& key,
                               absl::Time now) const override {
    MutexLock lock(&state_.mutex);
    const auto it = state_.sessions.find(key);
    if (it == state_.sessions.end() || !IsAlive(it->second, now)) {
      return NoSuchSession();
    }
    return it->second;
  }

  absl::StatusOr<Session> FindInMemory(const SessionKey& key,
                                       absl::Time now) const override {
    return Find(key, now);
  }

  absl::StatusOr<SessionKey> FindKey(const SessionId& id) const override {
    MutexLock lock(&state_.mutex);
    const auto it = state_.ids.find(id);
    if (it == state_.ids.end()) return NoSuchSession();
    return it->second;
  }

  absl::StatusOr<SessionKey> FindKeyInMemory(
      const SessionId& id) const override {
    return FindKey(id);
  }

  absl::StatusOr<std::vector<StoredSession>> List(
      const AccountUid& account, const std::optional<SessionId>& after,
      int limit, absl::Time now) const override {
    MutexLock lock(&state_.mutex);
    std::vector<StoredSession> sessions;
    auto it =
        after.has_value() ? state_.ids.upper_bound(*after) : state_.ids.begin();
    for (; it != state_.ids.end() && static_cast<int>(sessions.size()) < limit;
         ++it) {
      const Session& session = state_.sessions.at(it->second);
      if (session.account_uid != account || !IsAlive(session, now)) continue;
      sessions.push_back({it->second, session});
    }
    return sessions;
  }

  absl::StatusOr<WalkPage> Walk(const std::optional<SessionKey>& after,
                                int limit, absl::Time now) const override {
    MutexLock lock(&state_.mutex);
    WalkPage page;
    auto it = after.has_value() ? state_.sessions.upper_bound(*after)
                                : state_.sessions.begin();
    for (int met = 0; met < limit && it != state_.sessions.end(); ++met, ++it) {
      if (IsAlive(it->second, now)) {
        page.sessions.push_back({it->first, it->second});
      }
      page.next = it->first;
    }
    if (it == state_.sessions.end()) page.next.reset();
    return page;
  }

  absl::StatusOr<EndResult> End(absl::Span<const SessionKey> keys,
                                absl::Time now) override {
    if (keys.size() > kMaxEndBatch) {
      return absl::InvalidArgumentError("too many sessions for one call");
    }
    MutexLock lock(&state_.mutex);
    EndResult result;
    bool removed = false;
    for (const SessionKey& key : keys) {
      const auto it = state_.sessions.find(key);
      if (it == state_.sessions.end()) continue;
      if (IsAlive(it->second, now)) ++result.ended;
      Erase(it);
      removed = true;
    }
    if (removed) ++state_.revision;
    result.revision = state_.revision;
    return result;
  }

  absl::Status SaveActivity(absl::Span<const Activity> notes) override {
    MutexLock lock(&state_.mutex);
    for (const Activity& note : notes) {
      const auto it = state_.sessions.find(note.key);
      if (it == state_.sessions.end()) continue;
      it->second.last_seen_time =
          std::max(it->second.last_seen_time, note.seen);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<int> Sweep(absl::Time now, int limit) override {
    MutexLock lock(&state_.mutex);
    int freed = 0;
    auto it = state_.sessions.lower_bound(state_.sweep_cursor);
    const size_t count = state_.sessions.size();
    for (size_t i = 0; i < count && freed < limit; ++i) {
      if (it == state_.sessions.end()) it = state_.sessions.begin();
      const Session& session = it->second;
      const bool dead = now >= session.expire_time ||
                        now >= session.idle_expire_time() + kSweepGrace ||
                        !state_.Holds(session);
      if (dead) {
        it = Erase(it);
        ++freed;
      } else {
        ++it;
      }
    }
    state_.sweep_cursor =
        it == state_.sessions.end() ? SessionKey() : it->first;
    if (freed > 0) ++state_.revision;
    return freed;
  }

  absl::Status Ready() const override { return absl::OkStatus(); }
  uint64_t Revision() const override {
    MutexLock lock(&state_.mutex);
    return state_.revision;
  }

  absl::StatusOr<uint64_t> Count() const override {
    MutexLock lock(&state_.mutex);
    return state_.sessions.size();
  }

 private:
  absl::StatusOr<uint64_t> Decide(const NewSession& created, absl::Time now) {
    MutexLock lock(&state_.mutex);
    const auto& [key, session, use] = created;
    if (!use.has_value()) return Add(key, session);
    const auto account = state_.accounts.find(session.account);
    if (account == state_.accounts.end() ||
        account->second.proof_generation != use->proof_generation) {
      return LoginRefused();
    }
    if (!use->assertion.has_value()) return Add(key, session);
    if (now >= use->assertion->expire_time) return LoginRefused();
    const auto row = std::make_pair(session.account_uid, use->assertion->id);
    const auto used = state_.assertions.find(row);
    if (used != state_.assertions.end() && now < used->second) {
      return LoginRefused();
    }
    const absl::StatusOr<uint64_t> added = Add(key, session);
    if (added.ok()) state_.assertions[row] = use->assertion->expire_time;
    return added;
  }

  absl::StatusOr<uint64_t> Add(const SessionKey& key, const Session& session)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_.mutex) {
    if (!state_.Holds(session)) return LoginRefused();
    if (state_.sessions.contains(key) || state_.ids.contains(session.id)) {
      return absl::AlreadyExistsError("the session exists");
    }
    state_.sessions.emplace(key, session);
    state_.ids.emplace(session.id, key);
    return ++state_.revision;
  }

  std::map<SessionKey, Session>::iterator Erase(
      std::map<SessionKey, Session>::iterator it)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_.mutex) {
    state_.ids.erase(it->second.id);
    return state_.sessions.erase(it);
  }

  State& state_;
};

class MemoryStore::Keys final : public KeyStore {
 public:
  explicit Keys(State& state) : state_(state) {}

  absl::Status Add(const KeyRecord& record) override {
    MutexLock lock(&state_.mutex);
    if (!state_.keys.emplace(record.kid, record).second) {
      return absl::AlreadyExistsError("the key exists");
    }
    ++state_.revision;
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<KeyRecord>> List() const override {
    MutexLock lock(&state_.mutex);
    std::vector<KeyRecord> keys;
    for (const auto& [kid, record] : state_.keys) keys.push_back(record);
    std::sort(keys.begin(), keys.end(),
              [](const KeyRecord& a, const KeyRecord& b) {
                return std::tie(a.activate_time, a.kid) <
                       std::tie(b.activate_time, b.kid);
              });
    return keys;
  }

  absl::StatusOr<uint64_t> Revoke(absl::string_view kid, absl::Time) override {
    MutexLock lock(&state_.mutex);
    if (state_.keys.erase(std::string(kid)) == 0) {
      return absl::NotFoundError("no such key");
    }
    return ++state_.revision;
  }

  absl::Status Remove(absl::string_view kid) override {
    MutexLock lock(&state_.mutex);
    if (state_.keys.erase(std::string(kid)) > 0) ++state_.revision;
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> MasterKeyCheck() const override {
    MutexLock lock(&state_.mutex);
    if (!state_.master_key_check.has_value()) {
      return absl::NotFoundError("no master key check is stored");
    }
    return *state_.master_key_check;
  }

  absl::Status SetMasterKeyCheck(absl::string_view sealed) override {
    MutexLock lock(&state_.mutex);
    state_.master_key_check = std::string(sealed);
    ++state_.revision;
    return absl::OkStatus();
  }

 private:
  State& state_;
};

MemoryStore::MemoryStore()
    : state_(std::make_unique<State>()),
      accounts_(std::make_unique<Accounts>(*state_)),
      sessions_(std::make_unique<Sessions>(*state_)),
      keys_(std::make_unique<Keys>(*state_)) {}

MemoryStore::~MemoryStore() = default;

AccountStore& MemoryStore::accounts() { return *accounts_; }
SessionStore& MemoryStore::sessions() { return *sessions_; }
KeyStore& MemoryStore::keys() { return *keys_; }

}  // namespace latchkey
