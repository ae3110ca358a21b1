#ifndef LATCHKEY_SERVER_SESSION_INTERNED_H_
#define LATCHKEY_SERVER_SESSION_INTERNED_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"

#include "client/base/mutex.h"
#include "server/session/numbered_pool.h"

namespace latchkey {

template <typename T>
class InternTable;

// Interned is a share in a value of an InternTable: a pointer to it; the value
// goes with its last share. Two of one table are equal if their values are.
// Copies may be used by other threads; one object by one thread at a time.
// Must not outlive the table.
template <typename T>
class Interned {
 public:
  Interned() = default;
  Interned(const Interned& other) : node_(other.node_) {
    if (node_ != nullptr) node_->shares.fetch_add(1, std::memory_order_relaxed);
  }
  Interned(Interned&& other) noexcept
      : node_(std::exchange(other.node_, nullptr)) {}
  Interned& operator=(Interned other) noexcept {
    std::swap(node_, other.node_);
    return *this;
  }
  ~Interned() {
    if (node_ != nullptr) GiveBack();
  }

  explicit operator bool() const { return node_ != nullptr; }
  const T& operator*() const { return node_->value; }
  const T* operator->() const { return &node_->value; }

  friend bool operator==(const Interned& a, const Interned& b) {
    return a.node_ == b.node_;
  }
  template <typename H>
  friend H AbslHashValue(H state, const Interned& interned) {
    return H::combine(std::move(state), interned.node_);
  }

 private:
  friend class InternTable<T>;
  struct Node {
    std::atomic<uint32_t> shares;
    const uint32_t hash;
    InternTable<T>* const table;
    const uint32_t number;  // its place in the table's pool
    const T value;
  };
  // Takes over a share.
  explicit Interned(Node* node) : node_(node) {}

  void GiveBack() {
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

  Node* node_ = nullptr;
};

// InternTable keeps each value once, however many shares there are in it. T is
// hashable by absl::Hash, comparable, and has Bytes(), what it takes in memory.
// Memory that values took is kept for others.
//
// A share can be left with the table, which gives a number of four bytes for
// it: Keep, until Reclaim.
//
// Safe from any thread.
template <typename T>
class InternTable {
 public:
  InternTable() : shards_(new Shard[kShards]) {}
  // Ends the process if there are shares left: they would give themselves back
  // to what is no table any more.
  ~InternTable() {
    if (Size() != 0) std::abort();
  }
  InternTable(const InternTable&) = delete;
  InternTable& operator=(const InternTable&) = delete;

  // Share returns a share in the value of the table that equals `value`, which
  // it becomes if there is none.
  Interned<T> Share(T value) {
    const uint32_t hash = HashOf(value);
    Shard& shard = ShardOf(hash);
    MutexLock lock(&shard.mutex);
    const auto found = shard.nodes.find(value);
    if (found != shard.nodes.end()) {
      (*found)->shares.fetch_add(1, std::memory_order_relaxed);
      return Interned<T>(*found);
    }
    const Number number = pool_.Take();
    Node* const node =
        new (pool_.At(number)) Node{1, hash, this, number, std::move(value)};
    shard.nodes.insert(node);
    bytes_.fetch_add(BytesOf(*node), std::memory_order_relaxed);
    return Interned<T>(node);
  }

  using Number = uint32_t;

  // Keep takes a share that is not null, to be held under the number that it
  // returns: the same one for all shares in a value.
  Number Keep(Interned<T> share) {
    return std::exchange(share.node_, nullptr)->number;
  }
  // Reclaim hands out a share that was kept, once for each Keep.
  Interned<T> Reclaim(Number kept) { return Interned<T>(pool_.At(kept)); }
  // Copy returns another share in the value behind one that is kept, and At
  // the value itself, good while it is kept.
  Interned<T> Copy(Number kept) const {
    Node* const node = pool_.At(kept);
    node->shares.fetch_add(1, std::memory_order_relaxed);
    return Interned<T>(node);
  }
  const T& At(Number kept) const { return pool_.At(kept)->value; }
  // Fetch asks for the memory of that value ahead of its use.
  void Fetch(Number kept) const { pool_.Fetch(kept); }

  // Bytes returns about what all of it takes in memory.
  size_t Bytes() const { return bytes_.load(std::memory_order_relaxed); }

  // Size returns how many values there are.
  size_t Size() const {
    size_t size = 0;
    for (size_t i = 0; i < kShards; ++i) {
      MutexLock lock(&shards_[i].mutex);
      size += shards_[i].nodes.size();
    }
    return size;
  }

 private:
  friend class Interned<T>;
  using Node = typename Interned<T>::Node;

  static uint32_t HashOf(const T& value) {
    return static_cast<uint32_t>(absl::Hash<T>()(value));
  }

  struct Hash {
    using is_transparent = void;
    size_t operator()(const Node* node) const { return node->hash; }
    size_t operator()(const T& value) const { return HashOf(value); }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const Node* a, const Node* b) const { return a == b; }
    bool operator()(const Node* node, const T& value) const {
      return node->value == value;
    }
    bool operator()(const T& value, const Node* node) const {
      return node->value == value;
    }
  };
  struct Shard {
    mutable Mutex mutex;
    absl::flat_hash_set<Node*, Hash, Equal> nodes ABSL_GUARDED_BY(mutex);
  };
  // With a million values a shard grows within tens of microseconds.
  static constexpr int kShardBits = 9;
  static constexpr size_t kShards = size_t{1} << kShardBits;
  // What a set adds to an element.
  static constexpr size_t kOverhead = 16;

  static size_t BytesOf(const Node& node) {
    return sizeof(Node) - sizeof(T) + node.value.Bytes() + kOverhead;
  }

  // By the upper bits: the set inside uses the lower ones.
  Shard& ShardOf(uint32_t hash) const {
    return shards_[hash >> (32 - kShardBits)];
  }

  // Gives back what may be the last share.
  void Release(Node* node) {
    {
      Shard& shard = ShardOf(node->hash);
      MutexLock lock(&shard.mutex);
      if (node->shares.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
      shard.nodes.erase(node);
    }
    bytes_.fetch_sub(BytesOf(*node), std::memory_order_relaxed);
    const Number number = node->number;
    node->~Node();
    pool_.GiveBack(number);
  }

  NumberedPool<Node> pool_;
  const std::unique_ptr<Shard[]> shards_;
  std::atomic<size_t> bytes_ = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SESSION_INTERNED_H_
