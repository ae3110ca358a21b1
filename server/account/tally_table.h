#ifndef LATCHKEY_SERVER_ACCOUNT_TALLY_TABLE_H_
#define LATCHKEY_SERVER_ACCOUNT_TALLY_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "server/account/tally.h"

namespace latchkey {

// TallyTable keeps tallies by key in memory that never grows. Keys are hashes
// under a secret: nobody can choose who shares a set with whom.
//
// A key has its place in one set of eight. Where a ninth key comes, the one
// with the least to lose goes: with nothing under way before others, then with
// the lower score, never having succeeded, longest quiet. What went is not
// quite forgotten: the set remembers its score, up to the burst, as if all
// that are not in the set had it. So nobody can shake off failures by pushing
// others through the table; at worst all but one try without a wait. The
// price: while more keys than places have failures not yet forgiven, who comes
// anew may find the burst used up, and must wait after a first failure (never
// before it).
//
// Not thread-safe: guarded by its owner.
class TallyTable {
 public:
  static constexpr size_t kWays = 8;

  // `places` is a power of two, at least kWays.
  TallyTable(size_t places, const TallyLimit& limit);

  const TallyLimit& limit() const { return limit_; }

  // Peek returns the tally of `key`, which is not 0, or what it would begin
  // with; changes nothing.
  Tally Peek(uint64_t key, int64_t now_ms) const;

  // Find returns the tally of `key`, or nullptr; valid until the next Take.
  Tally* Find(uint64_t key);

  // Take returns the tally of `key`, made if it has none; valid until the next
  // Take.
  Tally& Take(uint64_t key, int64_t now_ms);

  // BytesFor returns the memory of a table of so many places.
  static size_t BytesFor(size_t places);
  size_t bytes() const { return BytesFor(tallies_.size()); }
  // Tallies that went for another key, with failures not yet forgiven.
  uint64_t evicted() const { return evicted_; }

 private:
  // What those that went had.
  struct Floor {
    float score = 0;  // as of time_ms
    int64_t time_ms = Tally::kNever;
  };

  size_t SetOf(uint64_t key) const;
  double FloorAt(const Floor& floor, int64_t now_ms) const;
  Tally Fresh(uint64_t key, int64_t now_ms) const;
  // The tally of the set to go next.
  Tally& LeastToLose(size_t set, int64_t now_ms);
  void Remember(const Tally& gone, Floor* floor, int64_t now_ms);

  const TallyLimit limit_;
  std::vector<Tally> tallies_;  // set by set
  std::vector<Floor> floors_;   // of each set
  uint64_t evicted_ = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_ACCOUNT_TALLY_TABLE_H_
