#include "client/highest_revision.h"

#include <array>
#include <cstdint>
#include <string>

#include "gtest/gtest.h"

#include "client/verify/revision.h"

namespace latchkey {
namespace {

Epoch EpochOf(uint8_t first) { return Epoch(std::array<uint8_t, 16>{first}); }

TEST(HighestRevision, NothingSeenIsNoToken) {
  HighestRevision highest;
  EXPECT_EQ(highest.Token(), "");
  highest.Saw("");
  highest.Saw("no token");
  EXPECT_EQ(highest.Token(), "");
}

TEST(HighestRevision, NeverGoesBack) {
  HighestRevision highest;
  highest.Saw(RevisionToken(EpochOf(1), 8));
  highest.Saw(RevisionToken(EpochOf(1), 7));
  EXPECT_EQ(highest.Token(), RevisionToken(EpochOf(1), 8));
  highest.Saw(RevisionToken(EpochOf(1), 9));
  EXPECT_EQ(highest.Token(), RevisionToken(EpochOf(1), 9));
}

TEST(HighestRevision, FollowsARestoredServerToItsNewEpoch) {
  HighestRevision highest;
  highest.Saw(RevisionToken(EpochOf(2), 8));
  highest.Saw(RevisionToken(EpochOf(1), 3));
  EXPECT_EQ(highest.Token(), RevisionToken(EpochOf(1), 3));
}

}  // namespace
}  // namespace latchkey
