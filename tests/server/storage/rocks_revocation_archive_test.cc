#include "server/storage/rocks_revocation_archive.h"

#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

#include "client/verify/revocation.h"
#include "server/session/revocation_log.h"
#include "server/storage/records.h"
#include "server/storage/revocation_rows.h"
#include "tests/server/storage/committer_in_directory.h"

namespace latchkey {
namespace {

const absl::Time kExpire = absl::FromUnixSeconds(1893456000);

SessionId IdOf(uint8_t number) {
  SessionId id;
  id.array().fill(number);
  return id;
}

class RocksRevocationArchiveTest : public ::testing::Test {
 protected:
  // One change that ends sessions of these numbers; its revision.
  uint64_t End(const std::vector<uint8_t>& numbers) {
    std::vector<Revocation> revocations;
    for (const uint8_t number : numbers) {
      revocations.push_back(Revocation::OfSession(IdOf(number), kExpire));
    }
    return *directory_.committer().Commit([&](ChangeView& view) {
      PutRevocations(view, revocations);
      return absl::OkStatus();
    });
  }
  // One change that ends nothing.
  uint64_t Pass() {
    return *directory_.committer().Commit([](ChangeView& view) {
      view.Put(Family::kKeys, "key", "value");
      return absl::OkStatus();
    });
  }
  RevocationPage Read(uint64_t revision, size_t limit) {
    const RocksRevocationArchive archive(directory_.db(),
                                         directory_.revision());
    const auto page = archive.ReadAfter(revision, limit);
    EXPECT_TRUE(page.ok()) << page.status();
    return page.ok() ? *page : RevocationPage();
  }

  CommitterInDirectory directory_;
};

TEST_F(RocksRevocationArchiveTest, IsEmptyAtFirst) {
  EXPECT_TRUE(Read(0, 10).changes.empty());
  EXPECT_EQ(Read(0, 10).through, 0u);
  const uint64_t passed = Pass();
  EXPECT_TRUE(Read(0, 10).changes.empty());
  EXPECT_EQ(Read(0, 10).through, passed);
  EXPECT_TRUE(Read(UINT64_MAX, 10).changes.empty());
}

TEST_F(RocksRevocationArchiveTest, HandsOutWhatIsBehindARevision) {
  const uint64_t first = End({1});
  Pass();
  const uint64_t second = End({2, 3});
  const uint64_t last = Pass();
  const RevocationPage all = Read(0, 10);
  ASSERT_EQ(all.changes.size(), 2u);
  EXPECT_EQ(all.through, last);
  EXPECT_EQ(all.changes[0].revision, first);
  EXPECT_EQ(all.changes[1].revision, second);
  ASSERT_EQ(all.changes[1].revocations.size(), 2u);
  EXPECT_EQ(all.changes[1].revocations[1].session, IdOf(3));
  const RevocationPage rest = Read(first, 10);
  ASSERT_EQ(rest.changes.size(), 1u);
  EXPECT_EQ(rest.changes[0].revision, second);
  EXPECT_TRUE(Read(second, 10).changes.empty());
}

TEST_F(RocksRevocationArchiveTest, APageEndsWithAWholeChange) {
  const uint64_t first = End({1, 2, 3});
  const uint64_t second = End({4});
  const RevocationPage page = Read(0, 2);
  EXPECT_EQ(page.changes.size(), 1u);
  EXPECT_EQ(page.through, first);
  EXPECT_EQ(Read(page.through, 2).changes.size(), 1u);
  EXPECT_EQ(Read(page.through, 2).through, second);
}

TEST_F(RocksRevocationArchiveTest, ALogOverItGivesAllToWhoBeginsAnew) {
  for (uint8_t number = 1; number <= 50; ++number) End({number});
  const RocksRevocationArchive archive(directory_.db(), directory_.revision());
  const RevocationLog log({}, directory_.revision(), archive);
  size_t count = 0;
  for (uint64_t revision = 0; revision < log.Head();) {
    const auto batch = log.ReadAfter(revision, 7);
    ASSERT_TRUE(batch.ok());
    ASSERT_GT(batch->through, revision);
    revision = batch->through;
    count += batch->revocations.size();
  }
  EXPECT_EQ(count, 50u);
}

}  // namespace
}  // namespace latchkey
