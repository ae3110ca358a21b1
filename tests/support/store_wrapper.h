#ifndef LATCHKEY_TESTS_SUPPORT_STORE_WRAPPER_H_
#define LATCHKEY_TESTS_SUPPORT_STORE_WRAPPER_H_

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "server/session/session_store.h"

namespace latchkey {

// SessionStoreWrapper passes every call on to another store; a test overrides
// the calls that it wants to stop in, or to fail.
class SessionStoreWrapper : public SessionStore {
 public:
  explicit SessionStoreWrapper(SessionStore& base) : base_(base) {}

  void StartCreate(std::shared_ptr<const NewSession> session, absl::Time now,
                   Created created) override {
    base_.StartCreate(std::move(session), now, std::move(created));
  }
  absl::StatusOr<Session> Find(const SessionKey& key,
                               absl::Time now) const override {
    return base_.Find(key, now);
  }
  absl::StatusOr<Session> FindInMemory(const SessionKey& key,
                                       absl::Time now) const override {
    return base_.FindInMemory(key, now);
  }
  absl::StatusOr<SessionKey> FindKey(const SessionId& id) const override {
    return base_.FindKey(id);
  }
  absl::StatusOr<SessionKey> FindKeyInMemory(
      const SessionId& id) const override {
    return base_.FindKeyInMemory(id);
  }
  absl::StatusOr<std::vector<StoredSession>> List(
      const AccountUid& account, const std::optional<SessionId>& after,
      int limit, absl::Time now) const override {
    return base_.List(account, after, limit, now);
  }
  absl::StatusOr<WalkPage> Walk(const std::optional<SessionKey>& after,
                                int limit, absl::Time now) const override {
    return base_.Walk(after, limit, now);
  }
  absl::StatusOr<EndResult> End(absl::Span<const SessionKey> keys,
                                absl::Time now) override {
    return base_.End(keys, now);
  }
  absl::Status SaveActivity(absl::Span<const Activity> notes) override {
    return base_.SaveActivity(notes);
  }
  absl::StatusOr<int> Sweep(absl::Time now, int limit) override {
    return base_.Sweep(now, limit);
  }
  absl::Status Ready() const override { return base_.Ready(); }
  uint64_t Revision() const override { return base_.Revision(); }
  absl::StatusOr<uint64_t> Count() const override { return base_.Count(); }

 private:
  SessionStore& base_;
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SUPPORT_STORE_WRAPPER_H_
