#include "server/session/lease_table.h"

#include <algorithm>

#include "client/base/status_macros.h"
#include "client/verify/revocation_message.h"

namespace latchkey {

absl::StatusOr<std::unique_ptr<LeaseTable>> LeaseTable::Open(
    const Options& options, uint64_t revision, LeaseStore& store,
    const Clock& clock) {
  if (options.ttl <= absl::ZeroDuration() || options.ttl > kMaxLeaseTtl ||
      options.heartbeat_interval <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError("a lease that cannot be granted");
  }
  // What is to be waited out is what was granted before: read it before it is
  // raised, and never lower it.
  LATCHKEY_ASSIGN_OR_RETURN(const absl::Duration longest, store.LongestTtl());
  if (options.ttl > longest) {
    LATCHKEY_RETURN_IF_ERROR(store.StoreLongestTtl(options.ttl));
  }
  const absl::Duration held = longest > absl::ZeroDuration()
                                  ? longest + LeaseMargin(longest)
                                  : absl::ZeroDuration();
  return std::unique_ptr<LeaseTable>(
      new LeaseTable(options, revision, held, clock));
}

LeaseTable::LeaseTable(const Options& options, uint64_t revision,
                       absl::Duration held, const Clock& clock)
    : options_(options),
      clock_(clock),
      held_until_(clock.SinceBoot() + held),
      head_(revision),
      // It is not known which revisions before the start revoked something:
      // all of them, long ago.
      revoked_(revision),
      required_(revision) {}

LeaseTable::~LeaseTable() {
  Reports reports;
  {
    MutexLock lock(&mutex_);
    const absl::Duration now = clock_.SinceBoot();
    for (auto& [revision, wait] : waits_) {
      wait.report.elapsed = now - wait.begin;
      reports.emplace_back(std::move(wait.done), wait.report);
    }
    waits_.clear();
  }
  Give(reports);
}

void LeaseTable::Give(const Reports& reports) {
  for (const auto& [done, report] : reports) done(report);
}

absl::StatusOr<LeaseTable::StreamNumber> LeaseTable::OpenStream() {
  Reports reports;
  absl::StatusOr<StreamNumber> number =
      absl::ResourceExhaustedError("too many verifiers");
  {
    MutexLock lock(&mutex_);
    if (streams_.size() >= options_.max_streams) {
      const absl::Duration now = clock_.SinceBoot();
      EndLeases(now);
      Settle(now, &reports);
    }
    if (streams_.size() < options_.max_streams) {
      number = ++last_stream_;
      streams_.emplace(*number, Stream());
    }
  }
  Give(reports);
  return number;
}

void LeaseTable::CloseStream(StreamNumber stream) {
  MutexLock lock(&mutex_);
  const auto found = streams_.find(stream);
  if (found == streams_.end()) return;
  found->second.open = false;
  if (!found->second.leased) streams_.erase(found);
}

std::optional<LeaseTable::Grant> LeaseTable::Heartbeat(StreamNumber stream,
                                                       uint64_t applied) {
  Reports reports;
  std::optional<Grant> grant;
  {
    MutexLock lock(&mutex_);
    const absl::Duration now = clock_.SinceBoot();
    // Before any is renewed: what has ended cannot be made good again.
    EndLeases(now);
    const auto found = streams_.find(stream);
    if (found == streams_.end() || !found->second.open) return std::nullopt;
    Stream& one = found->second;
    Acknowledge(one, applied, now);
    if (one.applied >= RequiredAt(now)) {
      const absl::Duration end = now + options_.ttl + LeaseMargin(options_.ttl);
      if (!one.leased) one.leased_since = last_wait_;
      one.lease_end = one.leased ? std::max(one.lease_end, end) : end;
      one.leased = true;
      one.granted = now;
      next_end_ = std::min(next_end_, one.lease_end);
      ++grants_;
      grant = {
          .revision = head_, .ttl = options_.ttl, .server_time = clock_.Now()};
    } else {
      ++refusals_;
    }
    Settle(now, &reports);
  }
  Give(reports);
  return grant;
}

uint64_t LeaseTable::RequiredAt(absl::Duration now) {
  while (!recent_.empty() &&
         recent_.front().at < now - options_.heartbeat_interval) {
    required_ = recent_.front().revision;
    recent_.pop_front();
  }
  return required_;
}

void LeaseTable::Acknowledge(Stream& stream, uint64_t applied,
                             absl::Duration now) {
  if (applied <= stream.applied) return;
  const uint64_t before = std::exchange(stream.applied, applied);
  // What a stream says first it has learned by a snapshot, not in its course.
  if (before != 0) TimePropagation(before, applied, now);
  if (!stream.leased) return;
  const auto end = waits_.upper_bound(applied);
  for (auto wait = waits_.upper_bound(before); wait != end; ++wait) {
    if (wait->second.number <= stream.leased_since) continue;
    --wait->second.pending;
    ++wait->second.report.acknowledged;
  }
}

void LeaseTable::TimePropagation(uint64_t before, uint64_t applied,
                                 absl::Duration now) {
  const auto oldest =
      std::upper_bound(timed_.begin(), timed_.end(), before,
                       [](uint64_t revision, const Commit& one) {
                         return revision < one.revision;
                       });
  if (oldest == timed_.end() || oldest->revision > applied) return;
  propagation_.Add(now - oldest->at);
}

void LeaseTable::EndLeases(absl::Duration now) {
  if (now < next_end_) return;
  next_end_ = absl::InfiniteDuration();
  for (auto stream = streams_.begin(); stream != streams_.end();) {
    Stream& one = stream->second;
    if (one.leased && one.lease_end <= now) {
      one.leased = false;
      for (auto wait = waits_.upper_bound(one.applied); wait != waits_.end();
           ++wait) {
        if (wait->second.number <= one.leased_since) continue;
        --wait->second.pending;
        ++wait->second.report.lease_expired;
      }
    }
    if (one.leased) next_end_ = std::min(next_end_, one.lease_end);
    stream = !one.leased && !one.open ? streams_.erase(stream) : ++stream;
  }
}

void LeaseTable::Settle(absl::Duration now, Reports* reports) {
  for (auto wait = waits_.begin(); wait != waits_.end();) {
    PendingWait& one = wait->second;
    one.report.complete = one.pending == 0 && now >= held_until_;
    if (!one.report.complete && now < one.deadline) {
      ++wait;
      continue;
    }
    one.report.elapsed = now - one.begin;
    reports->emplace_back(std::move(one.done), one.report);
    wait = waits_.erase(wait);
  }
}

void LeaseTable::Committed(uint64_t revision, bool revokes) {
  MutexLock lock(&mutex_);
  const absl::Duration now = clock_.SinceBoot();
  head_ = std::max(head_, revision);
  if (!revokes) return;
  revoked_ = head_;
  RequiredAt(now);  // so that what is old does not pile up
  recent_.push_back({.revision = head_, .at = now});
  timed_.push_back(recent_.back());
  if (timed_.size() > kMaxTimed) timed_.pop_front();
}

LeaseTable::WaitNumber LeaseTable::Wait(uint64_t revision,
                                        absl::Duration timeout, Done done) {
  Reports reports;
  WaitNumber number = 0;
  {
    MutexLock lock(&mutex_);
    const absl::Duration now = clock_.SinceBoot();
    EndLeases(now);
    // What revoked nothing need not be known to anybody.
    const uint64_t target = std::min(revision, revoked_);
    PendingWait wait = {.number = number = ++last_wait_,
                        .begin = now,
                        .deadline = now + timeout,
                        .done = std::move(done)};
    for (const auto& [_, stream] : streams_) {
      if (!stream.leased) continue;
      ++wait.report.verifiers;
      ++(stream.applied < target ? wait.pending : wait.report.acknowledged);
    }
    if (waits_.size() < options_.max_waits) {
      waits_.emplace(target, std::move(wait));
    } else {
      reports.emplace_back(std::move(wait.done), wait.report);
    }
    Settle(now, &reports);
  }
  Give(reports);
  return number;
}

void LeaseTable::Cancel(WaitNumber wait) {
  MutexLock lock(&mutex_);
  const auto found =
      std::find_if(waits_.begin(), waits_.end(),
                   [&](const auto& one) { return one.second.number == wait; });
  if (found != waits_.end()) waits_.erase(found);
}

absl::Duration LeaseTable::Bound() const {
  return options_.heartbeat_interval + options_.ttl + LeaseMargin(options_.ttl);
}

absl::Duration LeaseTable::Patience() const {
  return Bound() +
         std::max(absl::ZeroDuration(), held_until_ - clock_.SinceBoot());
}

void LeaseTable::Tick() {
  Reports reports;
  {
    MutexLock lock(&mutex_);
    const absl::Duration now = clock_.SinceBoot();
    EndLeases(now);
    Settle(now, &reports);
  }
  Give(reports);
}

absl::Duration LeaseTable::NextDeadline() const {
  MutexLock lock(&mutex_);
  absl::Duration next = absl::InfiniteDuration();
  bool any_pending = false;
  for (const auto& [_, wait] : waits_) {
    next = std::min(next, wait.deadline);
    if (wait.pending == 0) {
      next = std::min(next, held_until_);
    } else {
      any_pending = true;
    }
  }
  if (!any_pending) return next;
  for (const auto& [_, stream] : streams_) {
    if (stream.leased) next = std::min(next, stream.lease_end);
  }
  return next;
}

LeaseTable::Figures LeaseTable::figures() const {
  MutexLock lock(&mutex_);
  Figures figures = {
      .waits = waits_.size(), .grants = grants_, .refusals = refusals_};
  const absl::Duration now = clock_.SinceBoot();
  for (const auto& [_, stream] : streams_) {
    if (stream.open) ++figures.streams;
    if (!stream.leased) continue;
    ++figures.leased;
    figures.oldest_lease = std::max(figures.oldest_lease, now - stream.granted);
  }
  return figures;
}

}  // namespace latchkey
