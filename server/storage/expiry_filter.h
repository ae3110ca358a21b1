#ifndef LATCHKEY_SERVER_STORAGE_EXPIRY_FILTER_H_
#define LATCHKEY_SERVER_STORAGE_EXPIRY_FILTER_H_

#include <memory>

#include "absl/time/time.h"
#include "rocksdb/compaction_filter.h"

#include "client/base/clock.h"

namespace latchkey {

// How long a row stays after its expire time before a compaction may free it.
// Freeing changes no answer; the hour is for those who look at the clock of
// another machine, and for people who wonder where a session went.
constexpr absl::Duration kFreeAfter = absl::Hours(1);

// FilterClock tells the time by which rows are freed for good: the earlier of
// the wall clock and of the wall clock at open plus boot time since.
//
// A wall clock that jumps ahead makes readers refuse, which ends when it is
// set right. Rows freed by such a jump would be gone: a session whose index
// row went so could not be ended by name any more. Boot time does not jump.
//
// Safe from any thread.
class FilterClock {
 public:
  // `clock` must outlive it.
  explicit FilterClock(const Clock& clock);

  absl::Time Now() const;

 private:
  const Clock& clock_;
  const absl::Time wall_at_open_;
  const absl::Duration boot_at_open_;
};

// NewExpiryFilterFactory returns what makes a filter for one compaction of a
// family whose records carry an expire time: rows whose expire time was
// kFreeAfter ago when the compaction began are freed. Idle time plays no part:
// newer activity may still be in memory. Rows too short to tell are kept, for
// a reader to report. `clock` must outlive every compaction.
std::shared_ptr<rocksdb::CompactionFilterFactory> NewExpiryFilterFactory(
    const FilterClock& clock);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORAGE_EXPIRY_FILTER_H_
