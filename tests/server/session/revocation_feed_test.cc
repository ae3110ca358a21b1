#include "server/session/revocation_feed.h"

#include "gtest/gtest.h"

#include "client/verify/revocation.h"
#include "tests/support/fake_clock.h"
#include "tests/support/memory_archive.h"

namespace latchkey {
namespace {

TEST(RevocationFeed, WakesStreamsWhenLogAndTableKnow) {
  FakeClock clock;
  MemoryArchive archive;
  MemoryLeaseStore store;
  RevocationLog log({}, 10, archive);
  const auto leases = *LeaseTable::Open({}, 10, store, clock);
  const auto stream = *leases->OpenStream();
  int woken = 0;
  RevocationFeed feed(log, *leases, [&] {
    ++woken;
    EXPECT_EQ(log.Head(), 12u);
    EXPECT_EQ(leases->Heartbeat(stream, 10)->revision, 12u);
  });
  const RevocationsAt change = {
      .revision = 11,
      .revocations = {Revocation::OfKey("kid", absl::InfiniteFuture())}};
  feed.Committed(12, {change});
  EXPECT_EQ(woken, 1);
  EXPECT_EQ(log.ReadAfter(10, 10)->revocations.size(), 1u);
  feed.Committed(20, {});
  EXPECT_EQ(woken, 1);
  EXPECT_EQ(log.Head(), 20u);
}

}  // namespace
}  // namespace latchkey
