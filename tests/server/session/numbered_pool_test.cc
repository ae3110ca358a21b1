#include "server/session/numbered_pool.h"

#include <cstdint>
#include <set>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace latchkey {
namespace {

struct Value {
  uint64_t number;
  char text[100];
};

TEST(NumberedPool, GivesEachTakerMemoryOfItsOwnThatStaysWhereItIs) {
  NumberedPool<Value> pool;
  std::vector<NumberedPool<Value>::Number> numbers;
  std::vector<Value*> places;
  for (uint64_t i = 0; i < 10000; ++i) {
    numbers.push_back(pool.Take());
    places.push_back(pool.At(numbers.back()));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(places.back()) % 64, 0u);
    places.back()->number = i;
    pool.Fetch(numbers.back());
  }
  for (uint64_t i = 0; i < numbers.size(); ++i) {
    ASSERT_EQ(pool.At(numbers[i]), places[i]);
    ASSERT_EQ(places[i]->number, i);
  }
}

TEST(NumberedPool, UsesAgainWhatIsGivenBack) {
  NumberedPool<Value> pool;
  std::set<NumberedPool<Value>::Number> first;
  for (int i = 0; i < 100; ++i) first.insert(pool.Take());
  ASSERT_EQ(first.size(), 100u);
  for (const auto number : first) pool.GiveBack(number);
  for (int i = 0; i < 100; ++i) first.erase(pool.Take());
  EXPECT_TRUE(first.empty());
}

TEST(NumberedPool, ThreadsTakeAndGiveBackAtOnce) {
  NumberedPool<Value> pool;
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&pool, t] {
      for (int i = 0; i < 20000; ++i) {
        const auto one = pool.Take();
        const auto other = pool.Take();
        pool.At(one)->number = t;
        pool.At(other)->number = t + 10;
        ASSERT_EQ(pool.At(one)->number, t);
        pool.GiveBack(one);
        ASSERT_EQ(pool.At(other)->number, t + 10);
        if (i % 8 != 0) pool.GiveBack(other);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace latchkey
