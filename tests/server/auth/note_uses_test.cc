// Activity that verifiers report of sessions that they judged themselves.
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "tests/server/auth/world.h"

namespace latchkey {
namespace {

constexpr absl::Duration kIdle = absl::Minutes(30);

class NoteUsesTest : public testing::Test {
 protected:
  NoteUsesTest() { world_.CreateAccount("alice"); }

  absl::Status Note(const SessionId& id, absl::Duration age) {
    const SessionUse use = {.session = id, .age = age};
    return world_.authority().NoteUses({&use, 1});
  }
  bool Active(const Grant& grant) {
    return world_.Active(grant.credential, {.passive = true});
  }

  World world_{SessionPolicy{.idle_ttl = kIdle}};
};

TEST_F(NoteUsesTest, KeepTheSessionFromIdlingOut) {
  const Grant grant = world_.Login(World::LoginOf("alice"));
  world_.clock().Advance(kIdle - absl::Minutes(1));
  ASSERT_TRUE(Note(grant.session.id, absl::Minutes(4)).ok());
  // From when it was used, not from when that was told.
  world_.clock().Advance(kIdle - absl::Minutes(5));
  EXPECT_TRUE(Active(grant));
  world_.clock().Advance(absl::Minutes(1));
  EXPECT_FALSE(Active(grant));
}

TEST_F(NoteUsesTest, NeverReviveWhatIsIdle) {
  const Grant grant = world_.Login(World::LoginOf("alice"));
  world_.clock().Advance(kIdle);
  ASSERT_FALSE(Active(grant));
  ASSERT_TRUE(Note(grant.session.id, absl::Minutes(1)).ok());
  EXPECT_FALSE(Active(grant));
}

TEST_F(NoteUsesTest, AnOldUseTakesNothingBack) {
  const Grant grant = world_.Login(World::LoginOf("alice"));
  world_.clock().Advance(absl::Minutes(10));
  ASSERT_TRUE(Note(grant.session.id, absl::ZeroDuration()).ok());
  ASSERT_TRUE(Note(grant.session.id, absl::Hours(24 * 365)).ok());
  world_.clock().Advance(kIdle - absl::Minutes(1));
  EXPECT_TRUE(Active(grant));
}

TEST_F(NoteUsesTest, WhatIsUnknownOrEndedIsLeftOut) {
  const Grant grant = world_.Login(World::LoginOf("alice"));
  ASSERT_TRUE(
      world_.authority()
          .Logout(grant.credential.Reveal(), LogoutScope::kThisSession, {})
          .ok());
  EXPECT_TRUE(Note(grant.session.id, absl::ZeroDuration()).ok());
  EXPECT_TRUE(Note(SessionId(), absl::ZeroDuration()).ok());
  EXPECT_FALSE(Active(grant));
}

TEST_F(NoteUsesTest, AStoreThatFailedSaysSo) {
  const Grant grant = world_.Login(World::LoginOf("alice"));
  world_.failing_accounts().failure = absl::DataLossError("bad bytes");
  EXPECT_FALSE(Note(grant.session.id, absl::ZeroDuration()).ok());
}

}  // namespace
}  // namespace latchkey
