// Ten million sources, each another network: the guard takes no more memory
// than at its start, nobody shakes off failures, and others still get in.
#include <cstddef>
#include <cstdio>
#include <fstream>
#include <string>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "server/account/login_guard.h"

namespace latchkey {
namespace {

constexpr int kSources = 10'000'000;

size_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  size_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * static_cast<size_t>(getpagesize());
}

// Tells whether a try that fails was let in.
bool Fails(LoginGuard& guard, const std::string& account,
           const std::string& address, absl::Duration now) {
  const auto ticket = guard.Admit(account, SourceNetwork::OfPeer(address), now);
  if (!ticket.ok()) return false;
  guard.Settle(*ticket, LoginOutcome::kFailed, now);
  return true;
}

TEST(LoginGuardMemory, TenMillionSourcesTakeNoneAndResetNobody) {
  LoginGuard::Options options;
  // What they guess at is not the question here.
  options.account_burst = options.global_burst = 100'000'000;
  EXPECT_LT(LoginGuard::BytesFor(options), size_t{20} << 20);
  LoginGuard guard(options);
  absl::Duration now = absl::Hours(1);
  const char attacker[] = "192.0.2.1";
  for (int i = 0; i < 60; ++i) {
    Fails(guard, "alice", attacker, now);
    now += absl::Seconds(1);
  }
  ASSERT_FALSE(Fails(guard, "alice", attacker, now));

  const size_t before = ResidentBytes();
  int let_in = 0;
  for (int i = 0; i < kSources; ++i) {
    // A million a second, so that next to nothing is forgiven meanwhile.
    if (i % 1000 == 0) now += absl::Milliseconds(1);
    char address[32];
    std::snprintf(address, sizeof(address), "2001:db8:%x:%x::1", i >> 16,
                  i & 0xffff);
    let_in += Fails(guard, absl::StrCat("name", i % 1000), address, now);
  }
  EXPECT_LT(ResidentBytes(), before + (size_t{1} << 20));
  // The first try of a network is let in, whatever was forgotten.
  EXPECT_EQ(let_in, kSources);
  EXPECT_GT(guard.counts().evicted, 9'000'000u);
  // The attacker still waits, and has at most one try more if it was forgotten.
  EXPECT_FALSE(Fails(guard, "alice", attacker, now) &&
               Fails(guard, "alice", attacker, now));
  // The owner does not.
  const auto owner =
      guard.Admit("alice", SourceNetwork::OfPeer("198.51.100.1"), now);
  ASSERT_TRUE(owner.ok());
  guard.Settle(*owner, LoginOutcome::kSucceeded, now);
}

}  // namespace
}  // namespace latchkey
