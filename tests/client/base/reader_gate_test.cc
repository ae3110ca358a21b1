#include "client/base/reader_gate.h"

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace latchkey {
namespace {

std::shared_ptr<const void> Watched(std::weak_ptr<const void>* watch) {
  auto object = std::make_shared<const int>(1);
  *watch = object;
  return object;
}

TEST(ReaderGate, DestroysAtOnceWhatNobodyCanSee) {
  ReaderGate gate;
  std::weak_ptr<const void> watch;
  gate.Retire(Watched(&watch));
  EXPECT_TRUE(watch.expired());
  EXPECT_EQ(gate.Retired(), 0u);
}

TEST(ReaderGate, KeepsWhatAVisitMaySee) {
  ReaderGate gate;
  std::weak_ptr<const void> watch;
  std::optional<ReaderGate::Visit> visit(gate);
  gate.Retire(Watched(&watch));
  for (int i = 0; i < 5; ++i) gate.Collect();
  EXPECT_FALSE(watch.expired());
  EXPECT_EQ(gate.Retired(), 1u);
  visit.reset();
  EXPECT_FALSE(watch.expired());  // the writer destroys, not the reader
  gate.Collect();
  EXPECT_TRUE(watch.expired());
}

TEST(ReaderGate, LaterVisitsDoNotHoldWhatWasRetiredBefore) {
  ReaderGate gate;
  std::weak_ptr<const void> watch;
  std::optional<ReaderGate::Visit> early(gate);
  gate.Retire(Watched(&watch));
  const ReaderGate::Visit late(gate);
  early.reset();
  gate.Collect();
  EXPECT_TRUE(watch.expired());
}

TEST(ReaderGate, AVisitHoldsAllThatIsRetiredDuringIt) {
  ReaderGate gate;
  std::vector<std::weak_ptr<const void>> watches(4);
  std::optional<ReaderGate::Visit> visit(gate);
  for (auto& watch : watches) {
    gate.Retire(Watched(&watch));
    const ReaderGate::Visit brief(gate);
  }
  for (const auto& watch : watches) EXPECT_FALSE(watch.expired());
  visit.reset();
  gate.Collect();
  for (const auto& watch : watches) EXPECT_TRUE(watch.expired());
}

TEST(ReaderGate, VisitsNest) {
  ReaderGate gate;
  std::weak_ptr<const void> watch;
  std::optional<ReaderGate::Visit> outer(gate);
  gate.Retire(Watched(&watch));
  { const ReaderGate::Visit inner(gate); }
  gate.Collect();
  EXPECT_FALSE(watch.expired());
  outer.reset();
  gate.Collect();
  EXPECT_TRUE(watch.expired());
}

TEST(ReaderGate, DestroysTheRestAtItsEnd) {
  std::weak_ptr<const void> watch;
  {
    ReaderGate gate;
    const ReaderGate::Visit visit(gate);
    gate.Retire(Watched(&watch));
  }
  EXPECT_TRUE(watch.expired());
}

// Says at its end that nobody may read it any more.
struct Mortal {
  explicit Mortal(uint64_t value_in) : value(value_in) {}
  ~Mortal() { value = 0; }
  uint64_t value;
};

TEST(ReaderGate, ManyReadersSeeNothingThatWasDestroyed) {
  constexpr int kReaders = 4;
  constexpr uint64_t kChanges = 20'000;
  ReaderGate gate;
  std::atomic<Mortal*> current{new Mortal(1)};
  std::atomic<bool> done{false};
  std::atomic<uint64_t> wrong{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < kReaders; ++i) {
    readers.emplace_back([&] {
      uint64_t newest = 0;
      while (!done.load()) {
        const ReaderGate::Visit visit(gate);
        const uint64_t seen = current.load(std::memory_order_acquire)->value;
        if (seen < newest || seen == 0) ++wrong;
        newest = seen;
      }
    });
  }
  for (uint64_t value = 2; value < kChanges; ++value) {
    Mortal* const old =
        current.exchange(new Mortal(value), std::memory_order_acq_rel);
    gate.Retire(std::shared_ptr<const Mortal>(old));
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0u);
  gate.Collect();
  EXPECT_EQ(gate.Retired(), 0u);
  delete current.load();
}

}  // namespace
}  // namespace latchkey
