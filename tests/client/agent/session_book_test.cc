#include "client/agent/session_book.h"

#include <optional>
#include <string>

#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace latchkey {
namespace {

constexpr absl::Time kStart = absl::FromUnixSeconds(1'800'000'000);
constexpr size_t kPlenty = 1 << 20;
constexpr SessionBook::Use kActive = SessionBook::Use::kActive;
constexpr SessionBook::Use kPassive = SessionBook::Use::kPassive;

google::protobuf::Timestamp At(absl::Time time) {
  google::protobuf::Timestamp proto;
  proto.set_seconds(absl::ToUnixSeconds(time));
  proto.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(
      time - absl::FromUnixSeconds(absl::ToUnixSeconds(time)))));
  return proto;
}

SessionId IdOf(uint8_t number) {
  SessionId id;
  id.array()[0] = number;
  return id;
}

// Seen at kStart, idle after 30 minutes, at its end after 2 hours.
v1::Session MakeSession(const std::string& name = "accounts/a/sessions/1") {
  v1::Session session;
  session.set_name(name);
  *session.mutable_create_time() = At(kStart - absl::Hours(1));
  *session.mutable_last_seen_time() = At(kStart);
  *session.mutable_idle_expire_time() = At(kStart + absl::Minutes(30));
  *session.mutable_expire_time() = At(kStart + absl::Hours(2));
  return session;
}

TEST(SessionBook, TellsWhatTheServerTold) {
  SessionBook book(kPlenty);
  book.Keep(IdOf(1), MakeSession());
  const auto told = book.Read(IdOf(1), kStart + absl::Minutes(1), kPassive);
  ASSERT_TRUE(told.has_value());
  EXPECT_EQ(told->SerializeAsString(), MakeSession().SerializeAsString());
  EXPECT_FALSE(book.Read(IdOf(2), kStart, kPassive).has_value());
}

TEST(SessionBook, AUseMovesWhatDependsOnIt) {
  SessionBook book(kPlenty);
  book.Keep(IdOf(1), MakeSession());
  const absl::Time used =
      kStart + absl::Minutes(10) + absl::Microseconds(123456);
  v1::Session expected = MakeSession();
  *expected.mutable_last_seen_time() = At(used);
  *expected.mutable_idle_expire_time() = At(used + absl::Minutes(30));
  for (const auto use : {kActive, kPassive}) {
    const auto told = book.Read(IdOf(1), used, use);
    ASSERT_TRUE(told.has_value());
    EXPECT_EQ(told->SerializeAsString(), expected.SerializeAsString());
  }
  // A clock that went back takes no use away.
  const auto earlier = book.Read(IdOf(1), kStart, kActive);
  ASSERT_TRUE(earlier.has_value());
  EXPECT_EQ(earlier->SerializeAsString(), expected.SerializeAsString());
}

TEST(SessionBook, SaysNothingOfASessionThatMayBeOver) {
  for (const absl::Duration end : {absl::Minutes(30), absl::Hours(2)}) {
    SessionBook book(kPlenty);
    v1::Session session = MakeSession();
    if (end > absl::Hours(1)) {
      *session.mutable_idle_expire_time() = At(kStart + absl::Hours(24));
    }
    book.Keep(IdOf(1), session);
    const absl::Duration tick = absl::Microseconds(1);
    EXPECT_TRUE(book.Read(IdOf(1), kStart + end - tick, kPassive).has_value());
    EXPECT_FALSE(book.Read(IdOf(1), kStart + end, kActive).has_value());
    EXPECT_FALSE(book.Read(IdOf(1), kStart + end + tick, kActive).has_value());
  }
}

TEST(SessionBook, WhatIsToldAnewCountsButForgetsNoUse) {
  SessionBook book(kPlenty);
  book.Keep(IdOf(1), MakeSession());
  const absl::Time used = kStart + absl::Minutes(10);
  ASSERT_TRUE(book.Read(IdOf(1), used, kActive).has_value());
  book.Keep(IdOf(1), MakeSession("accounts/a/sessions/2"));
  const auto told = book.Read(IdOf(1), used, kPassive);
  ASSERT_TRUE(told.has_value());
  EXPECT_EQ(told->name(), "accounts/a/sessions/2");
  EXPECT_EQ(told->last_seen_time().seconds(), absl::ToUnixSeconds(used));
  v1::Session later = MakeSession();
  *later.mutable_last_seen_time() = At(kStart + absl::Minutes(20));
  *later.mutable_idle_expire_time() = At(kStart + absl::Minutes(50));
  book.Keep(IdOf(1), later);
  const auto again = book.Read(IdOf(1), used, kPassive);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->SerializeAsString(), later.SerializeAsString());
}

TEST(SessionBook, HalfASessionIsNotKept) {
  SessionBook book(kPlenty);
  v1::Session session = MakeSession();
  session.clear_idle_expire_time();
  book.Keep(IdOf(1), session);
  EXPECT_EQ(book.size(), 0u);
}

TEST(SessionBook, ForgetsWhatWasNotAskedForLongest) {
  constexpr int kMany = 200;
  SessionBook book(64 << 10);
  book.Keep(IdOf(0), MakeSession());
  size_t most = 0;
  for (int i = 1; i <= kMany; ++i) {
    book.Keep(IdOf(static_cast<uint8_t>(i)), MakeSession());
    // Always in use.
    ASSERT_TRUE(book.Read(IdOf(0), kStart, kPassive).has_value()) << i;
    most = std::max(most, book.size());
  }
  EXPECT_FALSE(book.Read(IdOf(1), kStart, kPassive).has_value());
  EXPECT_TRUE(book.Read(IdOf(kMany), kStart, kPassive).has_value());
  EXPECT_LT(most, size_t{kMany});
}

}  // namespace
}  // namespace latchkey
