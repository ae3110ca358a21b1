#include "server/rpc/connection_count.h"

#include <sys/stat.h>

namespace latchkey {

ConnectionCount::Verdict ConnectionCount::Add(
    int fd, const std::optional<ConnectionSource>& source, absl::Duration now) {
  // The system gave this descriptor out: whoever had it before has closed it.
  const auto before = connections_.find(fd);
  if (before != connections_.end()) {
    ForgetSource(before->second.source);
    connections_.erase(before);
  }
  Verdict verdict = Judge(source);
  if (verdict != Verdict::kTaken) {
    Sweep(now);
    verdict = Judge(source);
  }
  if (verdict != Verdict::kTaken) return verdict;
  struct stat status;
  // What cannot be told apart later counts as gone at the next sweep.
  if (fstat(fd, &status) != 0) status = {};
  connections_[fd] = {status.st_dev, status.st_ino, source};
  if (source.has_value()) ++by_source_[*source];
  return Verdict::kTaken;
}

void ConnectionCount::Sweep(absl::Duration now) {
  if (now - last_sweep_ < kSweepInterval) return;
  last_sweep_ = now;
  for (auto it = connections_.begin(); it != connections_.end();) {
    const auto connection = it++;
    struct stat status;
    if (fstat(connection->first, &status) == 0 &&
        status.st_dev == connection->second.device &&
        status.st_ino == connection->second.inode) {
      continue;
    }
    ForgetSource(connection->second.source);
    connections_.erase(connection);
  }
}

ConnectionCount::Verdict ConnectionCount::Judge(
    const std::optional<ConnectionSource>& source) const {
  if (connections_.size() >= static_cast<size_t>(limits_.total)) {
    return Verdict::kFull;
  }
  if (!source.has_value()) return Verdict::kTaken;
  const auto found = by_source_.find(*source);
  if (found != by_source_.end() && found->second >= limits_.per_source) {
    return Verdict::kSourceFull;
  }
  return Verdict::kTaken;
}

void ConnectionCount::ForgetSource(
    const std::optional<ConnectionSource>& source) {
  if (!source.has_value()) return;
  const auto found = by_source_.find(*source);
  if (--found->second == 0) by_source_.erase(found);
}

}  // namespace latchkey
