#include "server/session/revocation_log.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "client/base/status_macros.h"

namespace latchkey {

RevocationLog::RevocationLog(const Options& options, uint64_t revision,
                             const RevocationArchive& archive)
    : options_(options), archive_(archive), floor_(revision), head_(revision) {}

void RevocationLog::Publish(uint64_t through,
                            absl::Span<const RevocationsAt> changes) {
  MutexLock lock(&mutex_);
  uint64_t last = head_;
  for (const RevocationsAt& change : changes) {
    if (change.revision <= std::exchange(last, change.revision)) std::abort();
    for (const Revocation& revocation : change.revocations) {
      entries_.push_back({change.revision, revocation});
    }
  }
  if (through < last) std::abort();
  head_ = through;
  while (entries_.size() > options_.max_entries) {
    // A revision is in memory as a whole, or not.
    floor_ = entries_.front().revision;
    while (!entries_.empty() && entries_.front().revision == floor_) {
      entries_.pop_front();
    }
  }
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
  auto entry = std::upper_bound(
      entries_.begin(), entries_.end(), revision,
      [](uint64_t left, const Entry& right) { return left < right.revision; });
  uint64_t last = revision;
  for (; entry != entries_.end(); ++entry) {
    if (batch.revocations.size() >= limit && entry->revision != last) {
      batch.through = last;
      break;
    }
    last = entry->revision;
    batch.revocations.push_back(entry->revocation);
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
  return entries_.size();
}

}  // namespace latchkey
