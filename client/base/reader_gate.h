#ifndef LATCHKEY_CLIENT_BASE_READER_GATE_H_
#define LATCHKEY_CLIENT_BASE_READER_GATE_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace latchkey {

// ReaderGate lets threads read what another one replaces, without a lock: what
// was replaced is destroyed once every visit that could see it has ended.
//
//   reader: Visit, load an atomic pointer, read what it points to, end
//   writer: store a new pointer, Retire the old object, Collect now and then
//
// A visit counts itself in and out in a cache line of the processor it began
// on, so readers on different processors share no line that is written: their
// throughput adds up.
//
//   phase 0   | readers inside | retired: waiting  |
//   phase 1   | readers inside | retired: draining |   the phase that is left
//
// New visits enter the current phase. What is retired waits until the other
// phase is empty and the phases change; then it drains until the phase it was
// retired in is empty, too.
//
// Visits: from any thread, also within one another. Retire and Collect: from
// one thread at a time. All visits must have ended before it is destroyed.
class ReaderGate {
 public:
  ReaderGate() = default;
  // Destroys what is retired.
  ~ReaderGate() = default;
  ReaderGate(const ReaderGate&) = delete;
  ReaderGate& operator=(const ReaderGate&) = delete;

  // Visit is one reading. What was loaded during it stays until it ends; keep
  // it short, since memory is held meanwhile.
  class Visit {
   public:
    explicit Visit(const ReaderGate& gate);
    ~Visit() { inside_.fetch_sub(1, std::memory_order_release); }
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;

   private:
    std::atomic<uint32_t>& inside_;
  };

  // Retire destroys `object`, to which no pointer leads any more, when no
  // visit can see it: not before, and not later than a Collect after that.
  void Retire(std::shared_ptr<const void> object);

  // Collect destroys what has waited long enough. Never blocks.
  void Collect();

  // Retired returns how many objects wait for their end.
  size_t Retired() const { return waiting_.size() + draining_.size(); }

 private:
  // A line for each of the first so many processors; further ones share.
  static constexpr size_t kLines = 64;
  struct alignas(64) Line {
    std::array<std::atomic<uint32_t>, 2> inside = {};
  };

  std::atomic<uint32_t>& Enter() const;
  bool IsEmpty(size_t phase) const;

  mutable std::array<Line, kLines> lines_;
  std::atomic<size_t> phase_{0};
  // The writer's:
  std::vector<std::shared_ptr<const void>> waiting_;
  std::vector<std::shared_ptr<const void>> draining_;
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_BASE_READER_GATE_H_
