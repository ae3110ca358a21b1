#include "server/auth/janitor.h"

#include "gtest/gtest.h"

#include "tests/server/auth/world.h"

namespace latchkey {
namespace {

constexpr Janitor::Options kOptions = {
    .flush_interval = absl::Seconds(15),
    .sweep_interval = absl::Seconds(60),
    .sweep_limit = 100,
    .backlog_interval = absl::Milliseconds(100),
    .key_interval = absl::Minutes(1),
};

class JanitorTest : public ::testing::Test {
 protected:
  JanitorTest() { world_.CreateAccount("alice"); }

  // Does what is due now.
  void Run() { janitor_.RunDue(world_.clock().SinceBoot()); }

  World world_;
  Janitor janitor_{world_.cache(), world_.keys(), world_.forward_clock(),
                   world_.log(), kOptions};
};

TEST_F(JanitorTest, SavesActivityWhenItIsDueAndNotBefore) {
  const Grant grant = world_.Login(World::LoginOf("alice"));
  const absl::Time start = world_.clock().Now();
  world_.clock().Advance(absl::Seconds(104));
  Run();
  ASSERT_TRUE(world_.Active(grant.credential));
  world_.clock().Advance(absl::Seconds(14));
  Run();
  const auto list = [&] {
    return world_.memory().sessions().List(grant.session.account_uid, {}, 10,
                                           world_.clock().Now());
  };
  EXPECT_EQ(list()->at(0).session.last_seen_time, start);
  world_.clock().Advance(absl::Seconds(1));
  Run();
  EXPECT_EQ(list()->at(0).session.last_seen_time, start + absl::Seconds(104));

  // Soon after that it waits.
  world_.clock().Advance(absl::Seconds(1));
  ASSERT_TRUE(world_.Active(grant.credential));
  world_.clock().Advance(absl::Seconds(75));
  Run();
  EXPECT_EQ(list()->at(0).session.last_seen_time, start + absl::Seconds(104));
  world_.clock().Advance(absl::Seconds(15));
  Run();
  EXPECT_EQ(list()->at(0).session.last_seen_time, start + absl::Seconds(120));
}

TEST_F(JanitorTest, FreesTheDeadAndLooksAtMemoryFirst) {
  const Grant idle = world_.Login(World::LoginOf("alice"));
  const Grant used = world_.Login(World::LoginOf("alice"));
  world_.clock().Advance(absl::Minutes(29));
  ASSERT_TRUE(world_.Active(used.credential));
  world_.clock().Advance(absl::Minutes(3));
  Run();
  EXPECT_EQ(*world_.memory().sessions().Count(), 1u);
  EXPECT_TRUE(world_.Active(used.credential));
  EXPECT_FALSE(world_.Active(idle.credential));
}

TEST_F(JanitorTest, SweepsABacklogSoonAgainAndThenRests) {
  Janitor::Options options = kOptions;
  options.sweep_limit = 2;
  options.flush_interval = options.key_interval = absl::Hours(1);
  Janitor janitor(world_.cache(), world_.keys(), world_.forward_clock(),
                  world_.log(), options);
  for (int i = 0; i < 5; ++i) world_.Login(World::LoginOf("alice"));
  world_.clock().Advance(absl::Minutes(40));
  const auto left_after = [&](absl::Duration next) {
    const absl::Duration now = world_.clock().SinceBoot();
    EXPECT_EQ(janitor.RunDue(now), now + next);
    // Not before it is due.
    EXPECT_EQ(janitor.RunDue(now), now + next);
    world_.clock().Advance(next);
    return *world_.memory().sessions().Count();
  };
  EXPECT_EQ(left_after(options.backlog_interval), 3u);
  EXPECT_EQ(left_after(options.backlog_interval), 1u);
  EXPECT_EQ(left_after(options.sweep_interval), 0u);
  EXPECT_EQ(left_after(options.sweep_interval), 0u);
}

TEST_F(JanitorTest, GivesTheKeyRingItsTurn) {
  ASSERT_EQ(world_.keys().List(world_.clock().Now()).size(), 1u);
  world_.clock().Advance(absl::Hours(24 * 30));
  Run();
  EXPECT_EQ(world_.keys().List(world_.clock().Now()).size(), 2u);
}

TEST_F(JanitorTest, SaysWhenToCallAgain) {
  const absl::Duration now = world_.clock().SinceBoot();
  EXPECT_EQ(janitor_.RunDue(now), now + absl::Seconds(15));
}

TEST_F(JanitorTest, StopsWhileItWaits) {
  janitor_.Start();
  janitor_.Stop();
  janitor_.Stop();
}

TEST(FlushInterval, IsATenthOfTheIdleTimeoutWithinBounds) {
  EXPECT_EQ(Janitor::FlushIntervalFor(absl::Minutes(30)), absl::Seconds(15));
  EXPECT_EQ(Janitor::FlushIntervalFor(absl::Seconds(100)), absl::Seconds(10));
  EXPECT_EQ(Janitor::FlushIntervalFor(absl::Milliseconds(100)),
            absl::Milliseconds(100));
}

}  // namespace
}  // namespace latchkey
