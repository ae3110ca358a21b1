#ifndef LATCHKEY_SERVER_BASE_FOUND_AT_H_
#define LATCHKEY_SERVER_BASE_FOUND_AT_H_

#include <atomic>
#include <cstdint>

namespace latchkey {

// FoundAt is a note that readers leave with an immutable value that they
// share: at which count of changes elsewhere something was last found true of
// it. While the count is still the same, it need not be found out again.
//
// It is no part of the value: copies begin without a note, and two are equal
// always. Counts are not 0. Any thread.
class FoundAt {
 public:
  FoundAt() = default;
  FoundAt(const FoundAt&) {}
  FoundAt& operator=(const FoundAt&) { return *this; }

  bool Is(uint64_t count) const {
    return count_.load(std::memory_order_relaxed) == count;
  }
  void Set(uint64_t count) const {
    count_.store(count, std::memory_order_relaxed);
  }

  friend bool operator==(const FoundAt&, const FoundAt&) { return true; }

 private:
  mutable std::atomic<uint64_t> count_ = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_BASE_FOUND_AT_H_
