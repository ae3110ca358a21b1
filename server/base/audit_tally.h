#ifndef LATCHKEY_SERVER_BASE_AUDIT_TALLY_H_
#define LATCHKEY_SERVER_BASE_AUDIT_TALLY_H_

#include <cstddef>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "absl/time/time.h"

#include "server/base/audit_event.h"

namespace latchkey {

// AuditTally makes of many events one line per second for each kind, outcome,
// reason and source (address and actor), so that a flood cannot fill a disk.
//
//   events   x          x x  x     x            x
//   lines    1 . . . . . . . 4 . . . 1 . . . .  1      (a dot: 100 ms)
//            |<-- a second ->|<-- a second ->|
//
// The first event is due at once, what follows when its second is over; a
// second without events ends the series. Of events that were put together the
// line shows the first, without what others of them have otherwise.
//
// Not thread-safe. `now` is the time since boot.
class AuditTally {
 public:
  // Sources at a time. What comes from more is counted by kind, without their
  // names: a line has some 300 bytes, so a flood from everywhere writes 40 KB
  // a second at most. Also the bound of its memory.
  static constexpr size_t kMaxSources = 128;
  static constexpr absl::Duration kInterval = absl::Seconds(1);

  // Add counts `event`, whose time is set.
  void Add(const AuditEvent& event, absl::Duration now);

  // TakeDue returns the lines that are due by `now`, with their counts.
  std::vector<AuditEvent> TakeDue(absl::Duration now);

  // TakeAll returns all that was not returned yet.
  std::vector<AuditEvent> TakeAll();

  // PutBack counts again what could not be written, to be due in a second.
  void PutBack(const std::vector<AuditEvent>& events, absl::Duration now);

  // NextDue returns when TakeDue is to be called next, if nothing is added
  // before; infinite if there is nothing.
  absl::Duration NextDue() const;

 private:
  using Key =
      std::tuple<AuditKind, AuditOutcome, std::string /*reason*/,
                 std::string /*address*/, Caller::Kind, std::string /*actor*/>;
  struct Series {
    AuditEvent event;  // its count: events since the last line
    absl::Duration due;
  };

  // Adds to a series; a new one is due at `due`.
  void Count(const AuditEvent& event, absl::Duration due);

  std::map<Key, Series> series_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_BASE_AUDIT_TALLY_H_
