// What the audit log is told, and what is left where it cannot be.
#include "server/auth/audited.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "server/base/error.h"
#include "tests/server/auth/world.h"

namespace latchkey {
namespace {

Origin Operator() {
  return {.caller = {.kind = Caller::Kind::kOperator,
                     .name = "operator",
                     .permissions = {}},
          .address = "",
          .correlation_id = "call-1"};
}

class AuditedTest : public ::testing::Test {
 protected:
  AuditedTest() {
    world_.CreateAccount("alice");
    audit().TakeWritten();
  }

  RecordingAudit& audit() { return world_.audit(); }
  static LoginCommand LoginOf(CredentialForm form = CredentialForm::kOpaque) {
    LoginCommand command = World::LoginOf("alice", form);
    command.origin = {
        .caller = {}, .address = "192.0.2.1", .correlation_id = "call-2"};
    command.client.ip_address = "198.51.100.7";
    return command;
  }
  Grant Login(CredentialForm form = CredentialForm::kOpaque) {
    Grant grant = world_.Login(LoginOf(form));
    audit().TakeWritten();
    return grant;
  }
  static std::string NameOf(const Grant& grant) {
    return AuditTarget("alice", grant.session.id);
  }
  static void ExpectAuditUnavailable(const absl::Status& status) {
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
    EXPECT_EQ(ReasonOf(status), Reason::kAuditUnavailable) << status;
  }
  size_t LiveSessions() {
    return world_.sessions().List("alice", std::nullopt, 100)->sessions.size();
  }

  World world_;
};

TEST_F(AuditedTest, ALoginHasALine) {
  const Grant grant = world_.Login(LoginOf(CredentialForm::kJwt));
  const auto written = audit().TakeWritten();
  ASSERT_EQ(written.size(), 1u);
  const AuditEvent& event = written[0];
  EXPECT_EQ(event.kind, AuditKind::kLogin);
  EXPECT_EQ(event.outcome, AuditOutcome::kDone);
  EXPECT_EQ(event.target, NameOf(grant));
  EXPECT_EQ(event.origin.address, "192.0.2.1");
  EXPECT_EQ(event.origin.correlation_id, "call-2");
  EXPECT_EQ(event.details,
            (decltype(event.details){{"credential", "jwt"},
                                     {"amr", "pwd"},
                                     {"claimed_address", "198.51.100.7"}}));
  EXPECT_TRUE(audit().TakeNoted().empty());
}

TEST_F(AuditedTest, ALoginWithoutALineLeavesNoSession) {
  for (const auto form : {CredentialForm::kOpaque, CredentialForm::kJwt}) {
    audit().FailAfter(0);
    ExpectAuditUnavailable(world_.TryLogin(LoginOf(form)).status());
    EXPECT_EQ(LiveSessions(), 0u);
    const auto noted = audit().TakeNoted();
    ASSERT_EQ(noted.size(), 1u);
    EXPECT_EQ(noted[0].outcome, AuditOutcome::kFailed);
    EXPECT_EQ(noted[0].reason, "AUDIT_UNAVAILABLE");
  }
  audit().Mend();
  EXPECT_TRUE(world_.Active(Login().credential));
}

// The credential that nobody was given must not be good either.
TEST_F(AuditedTest, ASessionWithoutALineIsInactive) {
  SessionKey made;
  world_.failing().on_create = [&](const SessionKey& key) { made = key; };
  audit().FailAfter(0);
  ExpectAuditUnavailable(world_.TryLogin(LoginOf()).status());
  EXPECT_NE(made, SessionKey());
  EXPECT_TRUE(absl::IsNotFound(
      world_.cache().Find(made, absl::InfinitePast()).status()));
  EXPECT_TRUE(absl::IsNotFound(
      world_.memory().sessions().Find(made, absl::InfinitePast()).status()));
}

TEST_F(AuditedTest, SaysWhyALoginWasRefused) {
  world_.CreateAccount("bob");
  ASSERT_TRUE(world_.accounts().SetDisabled("bob", true, {}).ok());
  audit().TakeWritten();
  struct Row {
    std::string account, password, reason, target;
  };
  for (const Row& row : {Row{"alice", "wrong", "WRONG_PROOF", "accounts/alice"},
                         Row{"bob", "pw", "ACCOUNT_DISABLED", "accounts/bob"},
                         // Might be a password in the wrong field.
                         Row{"hunter2", "pw", "UNKNOWN_ACCOUNT", ""}}) {
    EXPECT_FALSE(world_
                     .TryLogin(World::LoginOf(
                         row.account, CredentialForm::kOpaque, row.password))
                     .ok());
    const auto noted = audit().TakeNoted();
    ASSERT_EQ(noted.size(), 1u);
    EXPECT_EQ(noted[0].kind, AuditKind::kLogin);
    EXPECT_EQ(noted[0].outcome, AuditOutcome::kRefused);
    EXPECT_EQ(noted[0].reason, row.reason);
    EXPECT_EQ(noted[0].target, row.target);
  }
  EXPECT_TRUE(audit().TakeWritten().empty());
}

TEST_F(AuditedTest, ARefreshHasALineOrNoAnswer) {
  const Grant login = Login(CredentialForm::kJwt);
  ASSERT_TRUE(
      world_.authority().Refresh(login.refresh_credential.Reveal(), {}).ok());
  const auto written = audit().TakeWritten();
  ASSERT_EQ(written.size(), 1u);
  EXPECT_EQ(written[0].kind, AuditKind::kRefresh);
  EXPECT_EQ(written[0].target, NameOf(login));
  audit().FailAfter(0);
  ExpectAuditUnavailable(world_.authority()
                             .Refresh(login.refresh_credential.Reveal(), {})
                             .status());
  EXPECT_EQ(audit().TakeNoted().size(), 1u);
  // The session is none the worse for it.
  EXPECT_TRUE(world_.Active(login.credential));
  EXPECT_FALSE(world_.authority().Refresh("lkr_x", {}).ok());
  const auto noted = audit().TakeNoted();
  ASSERT_EQ(noted.size(), 1u);
  EXPECT_EQ(noted[0].reason, "REFRESH_REFUSED");
  EXPECT_EQ(noted[0].outcome, AuditOutcome::kRefused);
}

TEST_F(AuditedTest, ALogoutIsDoneWhateverComesOfItsLine) {
  const Grant grant = Login();
  audit().FailAfter(0);
  ExpectAuditUnavailable(
      world_.authority()
          .Logout(grant.credential.Reveal(), LogoutScope::kThisSession, {})
          .status());
  EXPECT_FALSE(world_.Active(grant.credential));
  // Noted: its line comes when it can be written.
  const auto noted = audit().TakeNoted();
  ASSERT_EQ(noted.size(), 1u);
  EXPECT_EQ(noted[0].kind, AuditKind::kLogout);
  EXPECT_EQ(noted[0].outcome, AuditOutcome::kDone);
  EXPECT_EQ(noted[0].target, NameOf(grant));
  // A retry is harmless, with the log or without it.
  const auto again = world_.authority().Logout(grant.credential.Reveal(),
                                               LogoutScope::kThisSession, {});
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->ended, 0);
}

TEST_F(AuditedTest, ALogoutSaysWhatItEnded) {
  const Grant first = Login();
  Login();
  ASSERT_TRUE(world_.authority()
                  .Logout(first.credential.Reveal(), LogoutScope::kAllSessions,
                          Operator())
                  .ok());
  auto written = audit().TakeWritten();
  ASSERT_EQ(written.size(), 1u);
  EXPECT_EQ(written[0].kind, AuditKind::kLogout);
  EXPECT_EQ(written[0].details,
            (decltype(written[0].details){{"scope", "all_sessions"},
                                          {"ended", "2"}}));
  const Grant third = Login();
  ASSERT_TRUE(world_.authority()
                  .LogoutByName("alice", third.session.id,
                                LogoutScope::kThisSession, Operator())
                  .ok());
  written = audit().TakeWritten();
  ASSERT_EQ(written.size(), 1u);
  EXPECT_EQ(written[0].kind, AuditKind::kRevokeSession);
  EXPECT_EQ(written[0].origin.caller.name, "operator");
  EXPECT_EQ(written[0].target, NameOf(third));
}

TEST_F(AuditedTest, ALogoutOfNothingIsNoEvent) {
  const Grant grant = Login();
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(
        world_.authority()
            .Logout(grant.credential.Reveal(), LogoutScope::kThisSession, {})
            .ok());
  }
  ASSERT_TRUE(
      world_.authority().Logout("junk", LogoutScope::kThisSession, {}).ok());
  EXPECT_EQ(audit().TakeWritten().size(), 1u);
  EXPECT_TRUE(audit().TakeNoted().empty());
}

TEST_F(AuditedTest, WhatTakesPowerAwayIsDoneWithoutTheLog) {
  const Grant grant = Login();
  audit().FailAfter(0);
  ExpectAuditUnavailable(
      world_.accounts().SetDisabled("alice", true, Operator()).status());
  EXPECT_TRUE(world_.accounts().Get("alice")->disabled);
  EXPECT_FALSE(world_.Active(grant.credential));
  ExpectAuditUnavailable(
      world_.accounts().Delete("alice", Operator()).status());
  EXPECT_FALSE(world_.accounts().Get("alice").ok());
  const auto noted = audit().TakeNoted();
  ASSERT_EQ(noted.size(), 2u);
  EXPECT_EQ(noted[0].kind, AuditKind::kDisableAccount);
  EXPECT_EQ(noted[1].kind, AuditKind::kDeleteAccount);
  for (const AuditEvent& event : noted) {
    EXPECT_EQ(event.outcome, AuditOutcome::kDone);
    EXPECT_EQ(event.target, "accounts/alice");
    EXPECT_EQ(event.origin.correlation_id, "call-1");
  }
}

TEST_F(AuditedTest, WhatGivesPowerIsNotBegunWithoutTheLog) {
  ASSERT_TRUE(world_.accounts().SetDisabled("alice", true, {}).ok());
  const Account before = *world_.accounts().Get("alice");
  audit().FailAfter(0);
  ExpectAuditUnavailable(
      world_.accounts().SetDisabled("alice", false, Operator()).status());
  ExpectAuditUnavailable(
      world_.accounts().SetRoles("alice", {"ops"}, Operator()).status());
  ExpectAuditUnavailable(world_.SetPassword("alice", "new").status());
  EXPECT_EQ(*world_.accounts().Get("alice"), before);
  ExpectAuditUnavailable(world_.TryCreateAccount("bob").status());
  EXPECT_FALSE(world_.accounts().Get("bob").ok());
  const auto noted = audit().TakeNoted();
  ASSERT_EQ(noted.size(), 4u);
  for (const AuditEvent& event : noted) {
    EXPECT_EQ(event.outcome, AuditOutcome::kFailed);
    EXPECT_EQ(event.reason, "AUDIT_UNAVAILABLE");
  }
}

TEST_F(AuditedTest, WhatGivesPowerHasALineBeforeAndOneAfter) {
  const auto expect_two = [this](AuditKind kind, const std::string& target) {
    const auto written = audit().TakeWritten();
    ASSERT_EQ(written.size(), 2u);
    EXPECT_EQ(written[0].outcome, AuditOutcome::kBegun);
    EXPECT_EQ(written[1].outcome, AuditOutcome::kDone);
    for (const AuditEvent& event : written) {
      EXPECT_EQ(event.kind, kind);
      EXPECT_EQ(event.target, target);
    }
  };
  ASSERT_TRUE(world_.TryCreateAccount("bob").ok());
  expect_two(AuditKind::kCreateAccount, "accounts/bob");
  ASSERT_TRUE(world_.SetPassword("bob", "new").ok());
  expect_two(AuditKind::kSetPassword, "accounts/bob");
  ASSERT_TRUE(world_.accounts().SetRoles("bob", {"b", "a"}, Operator()).ok());
  expect_two(AuditKind::kUpdateAccount, "accounts/bob");
  ASSERT_TRUE(world_.accounts().SetDisabled("bob", false, Operator()).ok());
  expect_two(AuditKind::kEnableAccount, "accounts/bob");
}

TEST_F(AuditedTest, AChangeWhoseSecondLineFailsStaysAndIsNoted) {
  audit().FailAfter(1);
  ExpectAuditUnavailable(
      world_.accounts().SetRoles("alice", {"ops"}, Operator()).status());
  EXPECT_EQ(world_.accounts().Get("alice")->roles,
            std::vector<std::string>{"ops"});
  const auto noted = audit().TakeNoted();
  ASSERT_EQ(noted.size(), 1u);
  EXPECT_EQ(noted[0].outcome, AuditOutcome::kDone);
}

TEST_F(AuditedTest, SaysWhyAChangeFailed) {
  EXPECT_FALSE(world_.accounts().Delete("nobody", Operator()).ok());
  EXPECT_FALSE(world_.TryCreateAccount("alice").ok());
  const auto noted = audit().TakeNoted();
  ASSERT_EQ(noted.size(), 2u);
  EXPECT_EQ(noted[0].reason, "ACCOUNT_NOT_FOUND");
  EXPECT_EQ(noted[1].reason, "ACCOUNT_EXISTS");
  for (const AuditEvent& event : noted) {
    EXPECT_EQ(event.outcome, AuditOutcome::kFailed);
  }
}

}  // namespace
}  // namespace latchkey
