#include "client/agent/session_book.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "google/protobuf/timestamp.pb.h"

#include "client/wire_time.h"

namespace latchkey {
namespace {

// Of an entry besides its message: roughly.
constexpr size_t kEntryBytes = 160;

void WriteTime(absl::Time time, google::protobuf::Timestamp* out) {
  const int64_t seconds = absl::ToUnixSeconds(time);
  out->set_seconds(seconds);
  out->set_nanos(static_cast<int32_t>(
      absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
}

}  // namespace

SessionBook::SessionBook(size_t max_bytes) : max_page_bytes_(max_bytes / 2) {}

void SessionBook::Keep(const SessionId& id, const v1::Session& session) {
  const auto seen = ReadTime(session.last_seen_time());
  const auto idle = ReadTime(session.idle_expire_time());
  const auto expire = ReadTime(session.expire_time());
  if (!session.has_last_seen_time() || !session.has_idle_expire_time() ||
      !session.has_expire_time() || !seen.has_value() || !idle.has_value() ||
      !expire.has_value()) {
    return;
  }
  Entry entry = {.told = std::make_shared<const v1::Session>(session),
                 .idle_ttl = *idle - *seen,
                 .last_seen = *seen,
                 .expire = *expire,
                 .bytes = session.SpaceUsedLong() + kEntryBytes};
  MutexLock lock(&mutex_);
  Entry* const known = Find(id);
  if (known == nullptr) {
    Put(id, std::move(entry));
    return;
  }
  // Uses noted here may not have come to the server yet.
  entry.last_seen = std::max(entry.last_seen, known->last_seen);
  new_bytes_ += entry.bytes - known->bytes;
  *known = std::move(entry);
}

std::optional<v1::Session> SessionBook::Read(const SessionId& id,
                                             absl::Time now, Use use) {
  std::shared_ptr<const v1::Session> told;
  absl::Time last_seen;
  absl::Time idle_expire;
  {
    MutexLock lock(&mutex_);
    Entry* const entry = Find(id);
    if (entry == nullptr) return std::nullopt;
    if (now >= std::min(entry->expire, entry->last_seen + entry->idle_ttl)) {
      return std::nullopt;
    }
    if (use == Use::kActive) {
      entry->last_seen = std::max(entry->last_seen, now);
    }
    told = entry->told;
    last_seen = entry->last_seen;
    idle_expire = last_seen + entry->idle_ttl;
  }
  v1::Session session = *told;
  WriteTime(last_seen, session.mutable_last_seen_time());
  WriteTime(idle_expire, session.mutable_idle_expire_time());
  return session;
}

SessionBook::Entry* SessionBook::Find(const SessionId& id) {
  const auto found = new_page_.find(id);
  if (found != new_page_.end()) return &found->second;
  auto old = old_page_.extract(id);
  if (old.empty()) return nullptr;
  return Put(id, std::move(old.mapped()));
}

SessionBook::Entry* SessionBook::Put(const SessionId& id, Entry entry) {
  if (new_bytes_ + entry.bytes > max_page_bytes_) {
    old_page_ = std::move(new_page_);
    new_page_ = Page();
    new_bytes_ = 0;
  }
  new_bytes_ += entry.bytes;
  return &(new_page_[id] = std::move(entry));
}

size_t SessionBook::size() const {
  MutexLock lock(&mutex_);
  return new_page_.size() + old_page_.size();
}

}  // namespace latchkey
