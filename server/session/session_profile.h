#ifndef LATCHKEY_SERVER_SESSION_SESSION_PROFILE_H_
#define LATCHKEY_SERVER_SESSION_SESSION_PROFILE_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/time/time.h"

#include "client/base/ids.h"
#include "client/base/mutex.h"
#include "server/session/session.h"

namespace latchkey {

// SessionProfile is what the sessions of one account mostly have in common:
// everything of a Session but its id and its times. In memory it is kept once
// for all sessions that share it, so that a session costs tens of bytes, not
// hundreds. Immutable; any thread.
struct SessionProfile {
  CredentialForm form = CredentialForm::kOpaque;
  std::string account;
  AccountUid account_uid;
  uint64_t generation = 0;
  absl::Duration idle_ttl;
  // From create_time to auth_time; zero for a session made by its login.
  absl::Duration auth_delay;
  std::vector<std::string> audiences;
  std::vector<std::string> roles;
  std::vector<std::string> amr;
  ClientInfo client;

  static SessionProfile Of(const Session& session);

  // Bytes returns about what it takes in memory.
  size_t Bytes() const;

  friend bool operator==(const SessionProfile&,
                         const SessionProfile&) = default;
  template <typename H>
  friend H AbslHashValue(H state, const SessionProfile& profile) {
    // The rest follows from these in nearly every case.
    return H::combine(std::move(state), profile.account_uid, profile.generation,
                      profile.audiences, profile.client.user_agent,
                      profile.client.ip_address, profile.client.device_label);
  }
};

class ProfileTable;

// ProfileRef is a share in a profile of a table: a pointer to it, and the
// profile goes with its last share. Copies may be used by other threads; one
// object by one thread at a time. Must not outlive the table.
class ProfileRef {
 public:
  ProfileRef() = default;
  ProfileRef(const ProfileRef& other);
  ProfileRef(ProfileRef&& other) noexcept
      : node_(std::exchange(other.node_, nullptr)) {}
  ProfileRef& operator=(ProfileRef other) noexcept {
    std::swap(node_, other.node_);
    return *this;
  }
  ~ProfileRef();

  explicit operator bool() const { return node_ != nullptr; }
  const SessionProfile& operator*() const;
  const SessionProfile* operator->() const { return &**this; }

 private:
  friend class ProfileTable;
  struct Node;
  // Takes over a share.
  explicit ProfileRef(Node* node) : node_(node) {}

  Node* node_ = nullptr;
};

// ProfileTable keeps each profile once. Safe from any thread.
class ProfileTable {
 public:
  ProfileTable();
  ~ProfileTable();
  ProfileTable(const ProfileTable&) = delete;
  ProfileTable& operator=(const ProfileTable&) = delete;

  // Share returns a share in the profile of the table that equals `profile`,
  // which it becomes if there is none.
  ProfileRef Share(SessionProfile profile);

  // Bytes returns about what all of them take in memory.
  size_t Bytes() const { return bytes_.load(std::memory_order_relaxed); }
  // Size returns how many there are.
  size_t Size() const;

 private:
  friend class ProfileRef;
  using Node = ProfileRef::Node;

  struct Hash {
    using is_transparent = void;
    size_t operator()(const Node* node) const;
    size_t operator()(const SessionProfile& profile) const;
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const Node* a, const Node* b) const { return a == b; }
    bool operator()(const Node* node, const SessionProfile& profile) const;
    bool operator()(const SessionProfile& profile, const Node* node) const {
      return (*this)(node, profile);
    }
  };
  struct Shard {
    mutable Mutex mutex;
    absl::flat_hash_set<Node*, Hash, Equal> nodes ABSL_GUARDED_BY(mutex);
  };
  // So that a shard of a million accounts' profiles grows within tens of
  // microseconds.
  static constexpr size_t kShards = 512;

  // By the upper bits: the set inside uses the lower ones.
  Shard& ShardOf(size_t hash) { return shards_[(hash >> 48) % kShards]; }
  // Gives back what may be the last share.
  void Release(Node* node);

  std::array<Shard, kShards> shards_;
  std::atomic<size_t> bytes_ = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SESSION_SESSION_PROFILE_H_
