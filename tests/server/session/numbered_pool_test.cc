#include "server/session/numbered_pool.h"

#include <cstdint>
#include <cstring>
#include <set>
#include <thread>
#include <unistd.h>
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

struct alignas(4096) Pages {
  char bytes[2 * 4096];
};

TEST(NumberedPool, GivesTheKernelThePagesOfOnePlaceAndOfNoOther) {
  NumberedPool<Pages> pool;
  std::vector<NumberedPool<Pages>::Number> numbers;
  for (int i = 0; i < 3; ++i) {
    numbers.push_back(pool.Take());
    std::memset(pool.At(numbers.back()), 'x', sizeof(Pages));
  }
  pool.GiveBackPages(numbers[1]);
  ASSERT_EQ(pool.Take(), numbers[1]);
  const char given_back = sysconf(_SC_PAGESIZE) == 4096 ? 0 : 'x';
  for (const size_t at : {size_t{0}, sizeof(Pages) - 1}) {
    EXPECT_EQ(pool.At(numbers[0])->bytes[at], 'x');
    EXPECT_EQ(pool.At(numbers[1])->bytes[at], given_back);
    EXPECT_EQ(pool.At(numbers[2])->bytes[at], 'x');
  }
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
