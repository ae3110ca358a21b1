#include "client/highest_revision.h"

namespace latchkey {

void HighestRevision::Saw(absl::string_view token) {
  const auto point = ReadRevisionToken(token);
  if (!point.has_value()) return;
  MutexLock lock(&mutex_);
  if (!highest_.has_value() || highest_->epoch != point->epoch ||
      highest_->number < point->number) {
    highest_ = point;
  }
}

std::string HighestRevision::Token() const {
  MutexLock lock(&mutex_);
  if (!highest_.has_value()) return "";
  return RevisionToken(highest_->epoch, highest_->number);
}

}  // namespace latchkey
