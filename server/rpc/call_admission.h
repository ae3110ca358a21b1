#ifndef LATCHKEY_SERVER_RPC_CALL_ADMISSION_H_
#define LATCHKEY_SERVER_RPC_CALL_ADMISSION_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <utility>

#include "server/rpc/method.h"

namespace latchkey {

// CallAdmission bounds, method by method, how many calls are under way at a
// time. gRPC's limit of streams counts those that are open; a call whose
// stream was reset still works here. This counts work: a place is taken before
// the request is even parsed, and given back when nobody works on the call any
// more. So no method can take all of the queues it shares with others.
//
// Safe from any thread; never blocks.
class CallAdmission {
 public:
  // Place is one call's; it is given back when it goes.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept
        : taken_(std::exchange(other.taken_, nullptr)) {}
    Place& operator=(Place&& other) noexcept {
      std::swap(taken_, other.taken_);
      return *this;
    }
    ~Place() {
      if (taken_ != nullptr) taken_->fetch_sub(1, std::memory_order_relaxed);
    }

    bool valid() const { return taken_ != nullptr; }

   private:
    friend class CallAdmission;
    explicit Place(std::atomic<int>* taken) : taken_(taken) {}
    std::atomic<int>* taken_ = nullptr;
  };

  explicit CallAdmission(int limit) : limit_(limit) {}

  // TryEnter returns a place, invalid if all of the method's are taken, or it
  // is not in the table. It must not outlive this.
  Place TryEnter(Method method) {
    if (static_cast<size_t>(method) >= taken_.size()) return Place();
    std::atomic<int>& taken = taken_[static_cast<size_t>(method)];
    if (taken.fetch_add(1, std::memory_order_relaxed) < limit_) {
      return Place(&taken);
    }
    taken.fetch_sub(1, std::memory_order_relaxed);
    return Place();
  }

  // UnderWay returns how many places of `method` are taken.
  int UnderWay(Method method) const {
    return taken_[static_cast<size_t>(method)].load(std::memory_order_relaxed);
  }

  // AnyUnderWay tells whether a place of any method is taken.
  bool AnyUnderWay() const {
    return std::any_of(taken_.begin(), taken_.end(), [](const auto& taken) {
      return taken.load(std::memory_order_relaxed) > 0;
    });
  }

 private:
  const int limit_;
  std::array<std::atomic<int>, kMethodRules.size()> taken_{};
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_CALL_ADMISSION_H_
