#include "server/session/session_profile.h"

#include "absl/hash/hash.h"

namespace latchkey {
namespace {

// What the heap adds to a block, and a set to an element.
constexpr size_t kBlockOverhead = 16;
constexpr size_t kSetOverhead = 12;
// A std::string keeps shorter ones inside itself.
constexpr size_t kInlineString = 15;

size_t HeapBytes(const std::string& text) {
  return text.size() <= kInlineString ? 0 : text.size() + 1 + kBlockOverhead;
}

size_t HeapBytes(const std::vector<std::string>& texts) {
  if (texts.empty()) return 0;
  size_t bytes = texts.size() * sizeof(std::string) + kBlockOverhead;
  for (const std::string& text : texts) bytes += HeapBytes(text);
  return bytes;
}

}  // namespace

SessionProfile SessionProfile::Of(const Session& session) {
  return {.form = session.form,
          .account = session.account,
          .account_uid = session.account_uid,
          .generation = session.generation,
          .idle_ttl = session.idle_ttl,
          .auth_delay = session.auth_time - session.create_time,
          .audiences = session.audiences,
          .roles = session.roles,
          .amr = session.amr,
          .client = session.client};
}

size_t SessionProfile::Bytes() const {
  return sizeof(*this) + HeapBytes(account) + HeapBytes(audiences) +
         HeapBytes(roles) + HeapBytes(amr) + HeapBytes(client.user_agent) +
         HeapBytes(client.ip_address) + HeapBytes(client.device_label);
}

struct ProfileRef::Node {
  const SessionProfile profile;
  ProfileTable* const table;
  const size_t hash;
  std::atomic<uint32_t> shares;

  size_t Bytes() const {
    return profile.Bytes() + sizeof(*this) - sizeof(profile) + kBlockOverhead +
           kSetOverhead;
  }
};

ProfileRef::ProfileRef(const ProfileRef& other) : node_(other.node_) {
  if (node_ != nullptr) node_->shares.fetch_add(1, std::memory_order_relaxed);
}

ProfileRef::~ProfileRef() {
  if (node_ == nullptr) return;
  uint32_t shares = node_->shares.load(std::memory_order_relaxed);
  // The last share is given back under the table's lock only, where Share
  // could make another one meanwhile.
  while (shares > 1) {
    if (node_->shares.compare_exchange_weak(shares, shares - 1,
                                            std::memory_order_release,
                                            std::memory_order_relaxed)) {
      return;
    }
  }
  node_->table->Release(node_);
}

const SessionProfile& ProfileRef::operator*() const { return node_->profile; }

size_t ProfileTable::Hash::operator()(const Node* node) const {
  return node->hash;
}

size_t ProfileTable::Hash::operator()(const SessionProfile& profile) const {
  return absl::Hash<SessionProfile>()(profile);
}

bool ProfileTable::Equal::operator()(const Node* node,
                                     const SessionProfile& profile) const {
  return node->profile == profile;
}

ProfileTable::ProfileTable() = default;

ProfileTable::~ProfileTable() = default;

ProfileRef ProfileTable::Share(SessionProfile profile) {
  const size_t hash = Hash()(profile);
  Shard& shard = ShardOf(hash);
  MutexLock lock(&shard.mutex);
  const auto found = shard.nodes.find(profile);
  if (found != shard.nodes.end()) {
    (*found)->shares.fetch_add(1, std::memory_order_relaxed);
    return ProfileRef(*found);
  }
  Node* const node = new Node{std::move(profile), this, hash, 1};
  shard.nodes.insert(node);
  bytes_.fetch_add(node->Bytes(), std::memory_order_relaxed);
  return ProfileRef(node);
}

void ProfileTable::Release(Node* node) {
  Shard& shard = ShardOf(node->hash);
  {
    MutexLock lock(&shard.mutex);
    if (node->shares.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
    shard.nodes.erase(node);
  }
  bytes_.fetch_sub(node->Bytes(), std::memory_order_relaxed);
  delete node;
}

size_t ProfileTable::Size() const {
  size_t size = 0;
  for (const Shard& shard : shards_) {
    MutexLock lock(&shard.mutex);
    size += shard.nodes.size();
  }
  return size;
}

}  // namespace latchkey
