#include "server/session/revocation_log.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "client/base/status_macros.h"

namespace latchkey {

RevocationLog::RevocationLog(const Options& options, uint64_t revision,
                             const RevocationArchive& archive)
    : archive_(archive),
      ring_(std::max(options.max_entries, size_t{1})),
      floor_(revision),
      head_(revision) {}

void RevocationLog::Publish(uint64_t through,
                            absl::Span<const RevocationsAt> changes) {
  MutexLock lock(&mutex_);
  uint64_t last = head_;
  for (const RevocationsAt& change : changes) {
    if (change.revision <= std::exchange(last, change.revision)) std::abort();
    for (const Revocation& revocation : change.revocations) {
      Append(change.revision, revocation);
    }
  }
  if (through < last) std::abort();
  head_ = through;
}

void RevocationLog::Append(uint64_t revision, const Revocation& revocation) {
  if (size_ == ring_.size()) ForgetOldest();
  // One that is larger than memory went as the oldest while it came.
  if (revision <= floor_) return;
  ring_[PlaceOf(size_)] = {revision, revocation};
  ++size_;
}

void RevocationLog::ForgetOldest() {
  floor_ = ring_[begin_].revision;
  const size_t gone = CountThrough(floor_);
  begin_ = PlaceOf(gone);
  size_ -= gone;
}

size_t RevocationLog::PlaceOf(size_t index) const {
  const size_t place = begin_ + index;
  return place < ring_.size() ? place : place - ring_.size();
}

size_t RevocationLog::CountThrough(uint64_t revision) const {
  size_t low = 0;
  size_t high = size_;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (ring_[PlaceOf(middle)].revision <= revision) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

absl::StatusOr<RevocationBatch> RevocationLog::ReadAfter(uint64_t revision,
                                                         size_t limit) const {
  uint64_t head = 0;
  {
    MutexLock lock(&mutex_);
    if (revision >= floor_) return ReadMemory(revision, limit);
    head = head_;
  }
  LATCHKEY_ASSIGN_OR_RETURN(RevocationPage page,
                            archive_.ReadAfter(revision, limit));
  // What is durable but not yet published comes from memory, later: nobody
  // knows of it before the lease table does.
  RevocationBatch batch = {.after = revision,
                           .through = std::min(page.through, head)};
  for (RevocationsAt& change : page.changes) {
    if (change.revision > head) break;
    for (Revocation& revocation : change.revocations) {
      batch.revocations.push_back(std::move(revocation));
    }
  }
  return batch;
}

RevocationBatch RevocationLog::ReadMemory(uint64_t revision,
                                          size_t limit) const {
  RevocationBatch batch = {.after = revision,
                           .through = std::max(revision, head_)};
  uint64_t last = revision;
  for (size_t i = CountThrough(revision); i < size_; ++i) {
    const Entry& entry = ring_[PlaceOf(i)];
    if (batch.revocations.size() >= limit && entry.revision != last) {
      batch.through = last;
      break;
    }
    last = entry.revision;
    batch.revocations.push_back(entry.revocation);
  }
  return batch;
}

bool RevocationLog::ReadsDisk(uint64_t revision) const {
  MutexLock lock(&mutex_);
  return revision < floor_;
}

uint64_t RevocationLog::Head() const {
  MutexLock lock(&mutex_);
  return head_;
}

size_t RevocationLog::Entries() const {
  MutexLock lock(&mutex_);
  return size_;
}

}  // namespace latchkey
