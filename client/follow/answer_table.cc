#include "client/follow/answer_table.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace latchkey {
namespace {

// Of a JWT's end, 96 bits of its signature: enough to tell tokens apart, as
// the text decides anyway.
constexpr size_t kTailBytes = 16;
constexpr int64_t kHitGrainNanos = 100'000'000;
// What malloc and shared pointers keep beside what is counted.
constexpr size_t kOverheadBytes = 160;
constexpr size_t kTypicalBytes = 1024;

size_t MaskFor(size_t max_bytes) {
  size_t buckets = 1;
  while (buckets < max_bytes / kTypicalBytes / 4) buckets *= 2;
  return buckets - 1;
}

size_t BytesOf(const std::vector<std::string>& texts) {
  size_t bytes = 0;
  for (const std::string& text : texts) bytes += sizeof(text) + text.capacity();
  return bytes;
}

size_t BytesOf(const Principal& principal) {
  return sizeof(principal) + principal.account.capacity() +
         principal.kid.capacity() + BytesOf(principal.amr) +
         BytesOf(principal.audiences) + BytesOf(principal.roles);
}

}  // namespace

AnswerTable::AnswerTable(size_t max_bytes)
    : max_bytes_(max_bytes),
      mask_(MaskFor(max_bytes)),
      buckets_(new Bucket[mask_ + 1]) {}

AnswerTable::~AnswerTable() {
  for (size_t i = 0; i <= mask_; ++i) {
    for (Slot& slot : buckets_[i].slots) {
      delete slot.answer.load(std::memory_order_acquire);
    }
  }
}

TokenHash AnswerTable::HashOf(absl::string_view credential, bool is_jwt) const {
  if (!is_jwt || credential.size() <= kTailBytes) {
    return hasher_.Hash(credential);
  }
  return hasher_.Hash(credential.substr(credential.size() - kTailBytes));
}

AnswerTable::Bucket& AnswerTable::BucketOf(const TokenHash& hash) const {
  return buckets_[hash.bits[1] & mask_];
}

const Answer* AnswerTable::Find(absl::string_view credential,
                                bool is_jwt) const {
  const TokenHash hash = HashOf(credential, is_jwt);
  for (const Slot& slot : BucketOf(hash).slots) {
    if (slot.tag.load(std::memory_order_relaxed) != hash.bits[0]) continue;
    const Answer* const answer = slot.answer.load(std::memory_order_acquire);
    // The tag may be of another answer than the pointer: it decides nothing.
    if (answer == nullptr || answer->hash_ != hash) continue;
    if ((answer->keys != nullptr) != is_jwt) continue;
    if (!is_jwt || answer->text_.Reveal() == credential) return answer;
  }
  return nullptr;
}

void AnswerTable::Hit(const Answer& answer, absl::Duration now) {
  const int64_t nanos = absl::ToInt64Nanoseconds(now);
  if (nanos - answer.hit_nanos_.load(std::memory_order_relaxed) >=
      kHitGrainNanos) {
    answer.hit_nanos_.store(nanos, std::memory_order_relaxed);
  }
}

void AnswerTable::Insert(absl::string_view credential,
                         std::unique_ptr<Answer> answer) {
  const bool is_jwt = answer->keys != nullptr;
  answer->hash_ = HashOf(credential, is_jwt);
  if (is_jwt) answer->text_ = SecretBytes(credential);
  answer->bytes_ = sizeof(Answer) + answer->text_.size() +
                   BytesOf(*answer->principal) + sizeof(UseMark) +
                   kOverheadBytes;
  MutexLock lock(&mutex_);
  Slot& slot = SlotFor(*answer);
  Remove(slot);
  MakeRoom(answer->bytes_);
  if (bytes_ + answer->bytes_ > max_bytes_) return;
  bytes_ += answer->bytes_;
  ++size_;
  slot.tag.store(answer->hash_.bits[0], std::memory_order_relaxed);
  slot.answer.store(answer.release(), std::memory_order_release);
}

AnswerTable::Slot& AnswerTable::SlotFor(const Answer& answer) {
  Slot* chosen = nullptr;
  int64_t oldest = 0;
  for (Slot& slot : BucketOf(answer.hash_).slots) {
    const Answer* const other = slot.answer.load(std::memory_order_relaxed);
    if (other != nullptr && other->hash_ == answer.hash_ &&
        (other->keys != nullptr) == (answer.keys != nullptr)) {
      return slot;
    }
    const int64_t hit = other == nullptr
                            ? -1
                            : other->hit_nanos_.load(std::memory_order_relaxed);
    if (chosen == nullptr || hit < oldest) {
      chosen = &slot;
      oldest = hit;
    }
  }
  return *chosen;
}

void AnswerTable::Remove(Slot& slot) {
  const Answer* const old =
      slot.answer.exchange(nullptr, std::memory_order_acq_rel);
  if (old == nullptr) return;
  bytes_ -= old->bytes_;
  --size_;
  if (removed_ == nullptr) removed_ = std::make_shared<Removed>();
  removed_->emplace_back(old);
}

void AnswerTable::MakeRoom(size_t bytes) {
  while (size_ > 0 && bytes_ + bytes > max_bytes_) {
    for (Slot& slot : buckets_[next_evicted_ & mask_].slots) Remove(slot);
    ++next_evicted_;
  }
}

std::shared_ptr<const void> AnswerTable::TakeRemoved() {
  MutexLock lock(&mutex_);
  return std::exchange(removed_, nullptr);
}

void AnswerTable::Sweep(absl::Time now, size_t buckets) {
  MutexLock lock(&mutex_);
  for (size_t i = 0; i < std::min(buckets, mask_ + 1); ++i) {
    for (Slot& slot : buckets_[next_swept_++ & mask_].slots) {
      const Answer* const answer = slot.answer.load(std::memory_order_relaxed);
      if (answer != nullptr && now >= answer->until) Remove(slot);
    }
  }
}

size_t AnswerTable::size() const {
  MutexLock lock(&mutex_);
  return size_;
}

size_t AnswerTable::Bytes() const {
  MutexLock lock(&mutex_);
  return bytes_ + (mask_ + 1) * sizeof(Bucket);
}

}  // namespace latchkey
