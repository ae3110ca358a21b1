#ifndef LATCHKEY_CLIENT_FOLLOW_ANSWER_TABLE_H_
#define LATCHKEY_CLIENT_FOLLOW_ANSWER_TABLE_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "client/base/mutex.h"
#include "client/base/secret_bytes.h"
#include "client/follow/activity_log.h"
#include "client/follow/principal.h"
#include "client/verify/key_set.h"
#include "client/verify/token_hash.h"

namespace latchkey {

// Answer is what was found of one credential that was good. It says nothing of
// whether that was taken back.
struct Answer {
  std::shared_ptr<const Principal> principal;
  // Under which the JWT was judged, held so that no other set comes to lie at
  // its address; null: an opaque credential, about which the server was asked.
  std::shared_ptr<const KeySet> keys;
  // The server said for which audiences it is good; else the token's `aud` did.
  bool audiences_from_server = false;
  // From then on it is good no longer; skew is in it.
  absl::Time until;
  std::shared_ptr<const UseMark> mark;  // null: not told of

 private:
  friend class AnswerTable;
  TokenHash hash_;
  SecretBytes text_;  // of a JWT
  size_t bytes_ = 0;
  // By the boot clock, roughly: which to evict.
  mutable std::atomic<int64_t> hit_nanos_{0};
};

// AnswerTable keeps answers by the whole text of the credential, so that one
// seen before costs a look-up.
//
//   JWT:    the text itself decides; a keyed hash of its end finds the place
//   opaque: a keyed hash of 128 bits decides and finds; no text is kept
//   hash -> bucket of one cache line: | 4 x (tag, pointer) |
//
// Comparing 600 bytes takes 15 ns, hashing them 250. A JWT lives for minutes,
// and its text is wiped with its answer.
//
// Find: from any thread, without a lock, within a look at the LeasedView. What
// was replaced goes to the thread that owns the view: see TakeRemoved. Insert:
// from any thread; it locks for one bucket's work.
class AnswerTable {
 public:
  explicit AnswerTable(size_t max_bytes);
  ~AnswerTable();
  AnswerTable(const AnswerTable&) = delete;
  AnswerTable& operator=(const AnswerTable&) = delete;

  // Find returns the answer about `credential`, a JWT or not, or null.
  // REQUIRES: within a look. The answer lives as long as that.
  const Answer* Find(absl::string_view credential, bool is_jwt) const;
  // Hit notes that `answer` was of use at `now`, by the boot clock.
  static void Hit(const Answer& answer, absl::Duration now);

  // Insert keeps `answer` about `credential` in place of what was known of it.
  // It is a JWT if the answer has keys.
  void Insert(absl::string_view credential, std::unique_ptr<Answer> answer);

  // --- of the thread that owns the view ---

  // TakeRemoved returns what no new look finds any more: to be destroyed when
  // no look that has begun can see it. Null: nothing.
  std::shared_ptr<const void> TakeRemoved();
  // Sweep removes what has ended at `now` from so many further buckets.
  void Sweep(absl::Time now, size_t buckets);

  size_t size() const;
  size_t Bytes() const;
  size_t Buckets() const { return mask_ + 1; }

 private:
  static constexpr size_t kWays = 4;
  struct Slot {
    std::atomic<uint64_t> tag{0};
    std::atomic<const Answer*> answer{nullptr};
  };
  struct alignas(64) Bucket {
    std::array<Slot, kWays> slots;
  };
  using Removed = std::vector<std::unique_ptr<const Answer>>;

  TokenHash HashOf(absl::string_view credential, bool is_jwt) const;
  Bucket& BucketOf(const TokenHash& hash) const;
  // Where an answer about the same goes, or into what place instead.
  Slot& SlotFor(const Answer& answer) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Remove(Slot& slot) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Removes from one bucket after another until there is room.
  void MakeRoom(size_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const size_t max_bytes_;
  const size_t mask_;
  const TokenHasher hasher_;
  const std::unique_ptr<Bucket[]> buckets_;

  mutable Mutex mutex_;
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t size_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t next_evicted_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t next_swept_ ABSL_GUARDED_BY(mutex_) = 0;
  std::shared_ptr<Removed> removed_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_FOLLOW_ANSWER_TABLE_H_
