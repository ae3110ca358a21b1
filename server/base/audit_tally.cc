#include "server/base/audit_tally.h"

#include <algorithm>
#include <utility>

namespace latchkey {
namespace {

// Takes `more` into `event`, and from it what the two have not in common.
void Merge(const AuditEvent& more, AuditEvent* event) {
  event->count += more.count;
  event->time = std::min(event->time, more.time);
  event->last_time = std::max(event->last_time, more.last_time);
  if (event->target != more.target) event->target.clear();
  if (event->details != more.details) event->details.clear();
}

}  // namespace

void AuditTally::Add(const AuditEvent& event, absl::Duration now) {
  AuditEvent one = event;
  one.last_time = std::max(one.last_time, one.time);
  Count(one, now);
}

void AuditTally::Count(const AuditEvent& event, absl::Duration due) {
  const Origin& origin = event.origin;
  Key key(event.kind, event.outcome, event.reason, origin.address,
          origin.caller.kind, origin.caller.name);
  auto found = series_.find(key);
  if (found == series_.end()) {
    AuditEvent first = event;
    if (series_.size() >= kMaxSources) {
      key = Key(event.kind, event.outcome, event.reason, "",
                Caller::Kind::kUnknown, "");
      first.origin = Origin{
          .caller = {}, .address = "", .correlation_id = origin.correlation_id};
    }
    const auto [place, added] =
        series_.try_emplace(std::move(key), Series{first, due});
    if (added) return;
    found = place;
  }
  AuditEvent& counted = found->second.event;
  if (counted.count == 0) {
    const Origin source = counted.origin;
    counted = event;
    counted.origin.caller = source.caller;
    counted.origin.address = source.address;
  } else {
    Merge(event, &counted);
  }
}

std::vector<AuditEvent> AuditTally::TakeDue(absl::Duration now) {
  std::vector<AuditEvent> due;
  for (auto it = series_.begin(); it != series_.end();) {
    Series& series = it->second;
    if (series.due > now) {
      ++it;
    } else if (series.event.count == 0) {
      it = series_.erase(it);
    } else {
      due.push_back(series.event);
      series.event.count = 0;
      series.due = now + kInterval;
      ++it;
    }
  }
  return due;
}

std::vector<AuditEvent> AuditTally::TakeAll() {
  std::vector<AuditEvent> all;
  for (auto& [key, series] : series_) {
    if (series.event.count > 0) all.push_back(std::move(series.event));
  }
  series_.clear();
  return all;
}

void AuditTally::PutBack(const std::vector<AuditEvent>& events,
                         absl::Duration now) {
  for (const AuditEvent& event : events) Count(event, now + kInterval);
}

absl::Duration AuditTally::NextDue() const {
  absl::Duration next = absl::InfiniteDuration();
  for (const auto& [key, series] : series_) next = std::min(next, series.due);
  return next;
}

}  // namespace latchkey
