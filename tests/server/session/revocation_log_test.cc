#include "server/session/revocation_log.h"

#include <vector>

#include "absl/time/time.h"
#include "gtest/gtest.h"

#include "client/verify/revocation.h"
#include "tests/support/memory_archive.h"

namespace latchkey {
namespace {

const absl::Time kExpire = absl::FromUnixSeconds(1893456000);

Revocation Ended(uint8_t id) {
  SessionId session;
  session.array().fill(id);
  return Revocation::OfSession(session, kExpire);
}

// A log over an archive that is written first, as the disk is.
class RevocationLogTest : public ::testing::Test {
 protected:
  // Makes a log that begins with what the archive holds.
  void Restart(size_t max_entries) {
    log_ = std::make_unique<RevocationLog>(
        RevocationLog::Options{.max_entries = max_entries}, archive_.newest,
        archive_);
  }
  // One change that ends sessions of these numbers.
  void Publish(uint64_t revision, const std::vector<uint8_t>& ids) {
    RevocationsAt change = {.revision = revision, .revocations = {}};
    for (const uint8_t id : ids) change.revocations.push_back(Ended(id));
    archive_.Add(change);
    log_->Publish(revision, {change});
  }
  // Everything behind `revision`, in batches of `limit`.
  std::vector<uint8_t> ReadAll(uint64_t revision, size_t limit) {
    std::vector<uint8_t> ids;
    while (true) {
      const auto batch = log_->ReadAfter(revision, limit);
      EXPECT_TRUE(batch.ok());
      EXPECT_EQ(batch->after, revision);
      for (const Revocation& one : batch->revocations) {
        ids.push_back(one.session.array()[0]);
      }
      if (batch->through == revision) return ids;
      EXPECT_GT(batch->through, revision);
      revision = batch->through;
    }
  }

  MemoryArchive archive_;
  std::unique_ptr<RevocationLog> log_;
};

using Numbers = std::vector<uint8_t>;

TEST_F(RevocationLogTest, HandsOutWhatIsBehindARevision) {
  Restart(100);
  Publish(1, {1});
  Publish(4, {2, 3});
  Publish(7, {4});
  EXPECT_EQ(ReadAll(0, 10), (Numbers{1, 2, 3, 4}));
  EXPECT_EQ(ReadAll(1, 10), (Numbers{2, 3, 4}));
  EXPECT_EQ(ReadAll(3, 10), (Numbers{2, 3, 4}));
  EXPECT_EQ(ReadAll(4, 10), (Numbers{4}));
  EXPECT_EQ(ReadAll(7, 10), (Numbers{}));
  EXPECT_EQ(archive_.reads, 0);
}

TEST_F(RevocationLogTest, RevisionsThatRevokedNothingCountAsRead) {
  Restart(100);
  log_->Publish(5, {});
  EXPECT_EQ(log_->Head(), 5u);
  EXPECT_EQ(log_->ReadAfter(2, 10)->through, 5u);
  EXPECT_TRUE(log_->ReadAfter(2, 10)->revocations.empty());
}

TEST_F(RevocationLogTest, NeverPartsWhatOneChangeRevoked) {
  Restart(100);
  Publish(1, {1, 2, 3});
  Publish(2, {4});
  EXPECT_EQ(log_->ReadAfter(0, 2)->revocations.size(), 3u);
  EXPECT_EQ(log_->ReadAfter(0, 2)->through, 1u);
  EXPECT_EQ(log_->ReadAfter(0, 3)->through, 1u);
  EXPECT_EQ(log_->ReadAfter(0, 4)->through, 2u);
}

TEST_F(RevocationLogTest, MemoryIsBoundedAndTheDiskHasTheRest) {
  Restart(3);
  for (uint8_t i = 1; i <= 20; ++i) {
    Publish(i, {i});
    EXPECT_LE(log_->Entries(), 3u);
  }
  EXPECT_TRUE(log_->ReadsDisk(0));
  EXPECT_TRUE(log_->ReadsDisk(16));
  EXPECT_FALSE(log_->ReadsDisk(17));
  EXPECT_EQ(ReadAll(17, 10), (Numbers{18, 19, 20}));
  EXPECT_EQ(archive_.reads, 0);
  for (const size_t limit : {1, 2, 5, 100}) {
    EXPECT_EQ(ReadAll(0, limit).size(), 20u) << limit;
    EXPECT_EQ(ReadAll(16, limit), (Numbers{17, 18, 19, 20}));
  }
  EXPECT_GT(archive_.reads, 0);
}

TEST_F(RevocationLogTest, ForgetsAChangeAsAWhole) {
  Restart(3);
  Publish(1, {1, 2});
  Publish(2, {3, 4});
  EXPECT_EQ(log_->Entries(), 2u);
  EXPECT_TRUE(log_->ReadsDisk(0));
  EXPECT_FALSE(log_->ReadsDisk(1));
  // One that is larger than all of it is read from the disk.
  Publish(3, {5, 6, 7, 8});
  EXPECT_EQ(log_->Entries(), 0u);
  EXPECT_EQ(ReadAll(0, 1), (Numbers{1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST_F(RevocationLogTest, BeginsAfterARestartWithWhatIsOnTheDisk) {
  Restart(100);
  Publish(1, {1});
  Publish(5, {2});
  Restart(100);
  EXPECT_EQ(log_->Head(), 5u);
  Publish(6, {3});
  EXPECT_EQ(ReadAll(0, 1), (Numbers{1, 2, 3}));
  EXPECT_EQ(ReadAll(1, 1), (Numbers{2, 3}));
}

TEST_F(RevocationLogTest, WhatIsDurableButNotPublishedIsNotReadYet) {
  Restart(100);
  Publish(1, {1});
  Restart(1);
  archive_.Add({.revision = 2, .revocations = {Ended(2)}});
  EXPECT_EQ(ReadAll(0, 10), (Numbers{1}));
  EXPECT_EQ(log_->ReadAfter(0, 10)->through, 1u);
  log_->Publish(2, {{.revision = 2, .revocations = {Ended(2)}}});
  EXPECT_EQ(ReadAll(0, 10), (Numbers{1, 2}));
}

TEST_F(RevocationLogTest, ABrokenDiskIsAnErrorBehindTheFloorOnly) {
  Restart(1);
  Publish(1, {1});
  Publish(2, {2});
  archive_.failure = absl::DataLossError("bad");
  EXPECT_EQ(log_->ReadAfter(0, 10).status().code(),
            absl::StatusCode::kDataLoss);
  EXPECT_TRUE(log_->ReadAfter(1, 10).ok());
}

TEST_F(RevocationLogTest, DiesRatherThanPassARevisionBy) {
  Restart(100);
  Publish(5, {1});
  const RevocationsAt late = {.revision = 5, .revocations = {Ended(2)}};
  EXPECT_DEATH(log_->Publish(6, {late}), "");
  const RevocationsAt beyond = {.revision = 8, .revocations = {Ended(2)}};
  EXPECT_DEATH(log_->Publish(7, {beyond}), "");
}

}  // namespace
}  // namespace latchkey
