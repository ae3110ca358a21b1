#include "server/session/block_pool.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace latchkey {
namespace {

struct Block {
  char* memory;
  size_t bytes;
  char mark;
};

Block TakeMarked(BlockPool& pool, size_t bytes, char mark) {
  const Block block{static_cast<char*>(pool.Take(bytes)), bytes, mark};
  std::memset(block.memory, mark, bytes);
  return block;
}

bool IsIntact(const Block& block) {
  for (size_t i = 0; i < block.bytes; ++i) {
    if (block.memory[i] != block.mark) return false;
  }
  return true;
}

TEST(BlockPool, BlocksOfAnySizeKeepOutOfEachOthersWay) {
  BlockPool pool;
  std::mt19937_64 random(1);
  std::vector<Block> blocks;
  for (int step = 0; step < 3000; ++step) {
    if (blocks.size() < 20 || random() % 2 == 0) {
      const size_t bytes = 1 + (random() % BlockPool::kMost >> random() % 20);
      blocks.push_back(TakeMarked(pool, bytes, static_cast<char>(step)));
      ASSERT_EQ(reinterpret_cast<uintptr_t>(blocks.back().memory) %
                    alignof(std::max_align_t),
                0u);
      continue;
    }
    std::swap(blocks[random() % blocks.size()], blocks.back());
    ASSERT_TRUE(IsIntact(blocks.back()));
    pool.GiveBack(blocks.back().memory, blocks.back().bytes);
    blocks.pop_back();
  }
  for (const Block& block : blocks) {
    ASSERT_TRUE(IsIntact(block));
    pool.GiveBack(block.memory, block.bytes);
  }
}

TEST(BlockPool, UsesAgainWhatIsGivenBackWhosePagesAreTheKernelsMeanwhile) {
  BlockPool pool;
  const Block before = TakeMarked(pool, 8192, 'a');
  const Block block = TakeMarked(pool, 5000, 'b');
  const Block behind = TakeMarked(pool, 8192, 'c');
  pool.GiveBack(block.memory, block.bytes);
  // A whole block, of which all was used.
  auto* const again = static_cast<char*>(pool.Take(8192));
  EXPECT_EQ(again, block.memory);
  if (sysconf(_SC_PAGESIZE) == 4096) {
    for (size_t i = 0; i < 8192; ++i) ASSERT_EQ(again[i], 0);
  }
  EXPECT_TRUE(IsIntact(before));
  EXPECT_TRUE(IsIntact(behind));
}

TEST(BlockPool, HoldsTheArrayOfAVector) {
  BlockPool pool;
  using Array = std::vector<uint64_t, BlockAllocator<uint64_t>>;
  Array array;
  array = Array(4, BlockAllocator<uint64_t>(pool));
  for (uint64_t i = 4; i < 100000; ++i) array.push_back(i);
  for (uint64_t i = 4; i < array.size(); ++i) ASSERT_EQ(array[i], i);
  const Array old = std::exchange(
      array, Array(size_t{1} << 17, BlockAllocator<uint64_t>(pool)));
  EXPECT_EQ(old.size(), 100000u);
  EXPECT_EQ(array[12345], 0u);
}

TEST(BlockPool, ThreadsTakeAndGiveBackAtOnce) {
  BlockPool pool;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&pool, t] {
      for (size_t i = 0; i < 2000; ++i) {
        const Block block =
            TakeMarked(pool, size_t{64} << i % 9, static_cast<char>(t));
        ASSERT_TRUE(IsIntact(block));
        pool.GiveBack(block.memory, block.bytes);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace latchkey
