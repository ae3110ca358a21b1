#include "server/storage/rocks_lease_store.h"

#include "absl/time/time.h"
#include "gtest/gtest.h"

#include "tests/server/storage/committer_in_directory.h"

namespace latchkey {
namespace {

TEST(RocksLeaseStore, KnowsNoLeaseAtFirst) {
  CommitterInDirectory directory;
  const RocksLeaseStore store(directory.db(), directory.committer());
  EXPECT_EQ(*store.LongestTtl(), absl::ZeroDuration());
}

TEST(RocksLeaseStore, TheLongestOutlivesTheObject) {
  CommitterInDirectory directory;
  {
    RocksLeaseStore store(directory.db(), directory.committer());
    EXPECT_TRUE(store.StoreLongestTtl(absl::Seconds(5)).ok());
    EXPECT_EQ(*store.LongestTtl(), absl::Seconds(5));
  }
  const RocksLeaseStore store(directory.db(), directory.committer());
  EXPECT_EQ(*store.LongestTtl(), absl::Seconds(5));
}

TEST(RocksLeaseStore, IsNeverLowered) {
  CommitterInDirectory directory;
  RocksLeaseStore store(directory.db(), directory.committer());
  EXPECT_TRUE(store.StoreLongestTtl(absl::Seconds(5)).ok());
  EXPECT_TRUE(store.StoreLongestTtl(absl::Seconds(2)).ok());
  EXPECT_EQ(*store.LongestTtl(), absl::Seconds(5));
  EXPECT_TRUE(store.StoreLongestTtl(absl::Seconds(6)).ok());
  EXPECT_EQ(*store.LongestTtl(), absl::Seconds(6));
}

TEST(RocksLeaseStore, CutsUpToWholeMicroseconds) {
  CommitterInDirectory directory;
  RocksLeaseStore store(directory.db(), directory.committer());
  EXPECT_TRUE(store.StoreLongestTtl(absl::Nanoseconds(1500)).ok());
  EXPECT_EQ(*store.LongestTtl(), absl::Microseconds(2));
}

}  // namespace
}  // namespace latchkey
