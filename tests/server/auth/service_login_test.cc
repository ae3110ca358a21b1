// What Login promises to services: other proofs than a password, one answer
// for all refusals, no hash, and what is taken away is refused at once.
#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "server/base/error.h"
#include "server/credential/digest.h"
#include "server/credential/opaque_id.h"
#include "tests/server/auth/world.h"
#include "tests/support/token_maker.h"

namespace latchkey {
namespace {

LoginCommand AssertionLogin(const std::string& account,
                            const std::string& assertion) {
  LoginCommand command = World::LoginOf(account, CredentialForm::kOpaque, "");
  command.proof = LoginCommand::Proof::kAssertion;
  command.client_assertion = SecretBytes(assertion);
  return command;
}

LoginCommand CertificateLogin(const std::string& account,
                              std::vector<std::string> names) {
  LoginCommand command = World::LoginOf(account, CredentialForm::kOpaque, "");
  command.proof = LoginCommand::Proof::kCertificate;
  command.certificate_names = std::move(names);
  return command;
}

// A good assertion of billing, but for its jti.
std::string AssertionOf(World& world, const std::string& jti = "1") {
  const int64_t now = absl::ToUnixSeconds(world.clock().Now());
  return TokenMaker().Make(
      R"({"alg":"EdDSA","kid":"ed-1"})",
      absl::StrCat(R"({"iss":"billing","sub":"billing","aud":")",
                   World::issuer(), R"(","iat":)", now, R"(,"exp":)", now + 300,
                   R"(,"jti":")", jti, R"("})"));
}

ClientSecretId OnlySecret(World& world, const std::string& account) {
  return world.accounts().Get(account)->secrets.at(0).id;
}

TEST(ServiceLogin, BySecretCarriesRolesAndTakesNoHash) {
  World world;
  const std::string secret = world.CreateService("billing", {"b", "a"});
  const int before = world.hooks().calls;
  const Grant grant =
      world.Login(World::SecretLogin("billing", secret, CredentialForm::kJwt));
  EXPECT_EQ(world.hooks().calls, before);
  EXPECT_EQ(grant.session.roles, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(grant.session.amr, std::vector<std::string>{"client_secret"});
  EXPECT_EQ(grant.session.account_kind, AccountKind::kService);
  const auto answer = world.TryValidate(grant.credential);
  ASSERT_TRUE(answer.ok() && answer->active);
  EXPECT_EQ(answer->session.profile->account_kind, AccountKind::kService);
  EXPECT_EQ(answer->session.profile->traits->roles, grant.session.roles);
}

TEST(ServiceLogin, RefusesAlikeWhateverIsWrong) {
  World world;
  const std::string secret = world.CreateService("billing");
  const std::string disabled = world.CreateService("mail");
  ASSERT_TRUE(world.accounts().SetDisabled("mail", true, Origin()).ok());
  ASSERT_TRUE(world.accounts().CreateService("bare", {}, Origin()).ok());
  ASSERT_TRUE(
      world.accounts().SetJwks("mail", TokenMaker::kJwks, Origin()).ok());
  world.CreateAccount("alice");
  std::vector<LoginCommand> commands;
  commands.push_back(World::SecretLogin("nobody", secret));
  commands.push_back(World::SecretLogin(
      "billing", MintOpaque(OpaqueKind::kClientSecret).text.Reveal()));
  commands.push_back(World::SecretLogin("billing", ""));
  commands.push_back(World::SecretLogin("billing", secret + "0"));
  commands.push_back(World::SecretLogin("billing", disabled));
  commands.push_back(World::SecretLogin("mail", disabled));
  commands.push_back(World::SecretLogin("bare", secret));
  commands.push_back(World::SecretLogin("alice", "pw"));
  commands.push_back(World::SecretLogin("alice", secret));
  commands.push_back(AssertionLogin("nobody", AssertionOf(world)));
  commands.push_back(AssertionLogin("alice", AssertionOf(world)));
  commands.push_back(AssertionLogin("mail", AssertionOf(world)));
  commands.push_back(AssertionLogin("billing", AssertionOf(world)));
  commands.push_back(CertificateLogin("nobody", {"uri:x"}));
  commands.push_back(CertificateLogin("alice", {"uri:x"}));
  commands.push_back(CertificateLogin("billing", {}));
  commands.push_back(CertificateLogin("billing", {"uri:x"}));
  commands.push_back(
      World::LoginOf("billing", CredentialForm::kOpaque, secret));
  for (size_t i = 0; i < commands.size(); ++i) {
    const absl::Status refused =
        world.TryLogin(std::move(commands[i])).status();
    EXPECT_EQ(refused, LoginRefused()) << i << ": " << refused;
  }
}

TEST(ServiceLogin, APasswordForAServiceTakesAsLongAsForNobody) {
  World world;
  world.CreateService("billing");
  const int before = world.hooks().calls;
  EXPECT_EQ(world.TryLogin(World::LoginOf("billing")).status(), LoginRefused());
  EXPECT_EQ(world.hooks().calls, before + 1);
}

TEST(ServiceLogin, SecretsAreRotatedTwoAtATime) {
  World world;
  const std::string first = world.CreateService("billing");
  const ClientSecretId first_id = OnlySecret(world, "billing");
  const std::string second = world.AddSecret("billing");
  EXPECT_NE(first, second);
  const auto third = world.accounts().AddClientSecret("billing", Origin());
  EXPECT_EQ(ReasonOf(third.status()), Reason::kTooManySecrets);
  const Grant by_first = world.Login(World::SecretLogin("billing", first));
  world.Login(World::SecretLogin("billing", second));

  ASSERT_TRUE(world.accounts()
                  .RemoveClientSecret("billing", first_id, false, Origin())
                  .ok());
  EXPECT_EQ(world.TryLogin(World::SecretLogin("billing", first)).status(),
            LoginRefused());
  world.Login(World::SecretLogin("billing", second));
  // Rotating a secret is no reason to throw out who logged in by it.
  EXPECT_TRUE(world.Active(by_first.credential));
  world.Login(World::SecretLogin("billing", world.AddSecret("billing")));
}

TEST(ServiceLogin, RemovingALeakedSecretEndsSessionsIfAsked) {
  World world;
  const std::string secret = world.CreateService("billing");
  const Grant grant = world.Login(World::SecretLogin("billing", secret));
  const auto removed = world.accounts().RemoveClientSecret(
      "billing", OnlySecret(world, "billing"), true, Origin());
  ASSERT_TRUE(removed.ok()) << removed.status();
  EXPECT_FALSE(world.Active(grant.credential));
  EXPECT_EQ(world.accounts()
                .RemoveClientSecret("billing", ClientSecretId(), true, Origin())
                .status()
                .code(),
            absl::StatusCode::kNotFound);
}

TEST(ServiceLogin, OnlyADigestOfTheSecretIsKept) {
  World world;
  const std::string secret = world.CreateService("billing");
  const Account stored = *world.accounts().Get("billing");
  EXPECT_EQ(stored.secrets.at(0).digest.view(), DigestOf(secret).view());
  EXPECT_TRUE(stored.password_phc.empty());
  EXPECT_EQ(ReasonOf(world.SetPassword("billing", "pw").status()),
            Reason::kWrongAccountKind);
}

TEST(ServiceLogin, AnAbandonedCallOpensNoSession) {
  World world;
  LoginCommand command =
      World::SecretLogin("billing", world.CreateService("billing"));
  command.abandoned = [] { return true; };
  EXPECT_EQ(ReasonOf(world.TryLogin(std::move(command)).status()),
            Reason::kCancelled);
  EXPECT_TRUE(
      world.sessions().List("billing", std::nullopt, 10)->sessions.empty());
}

TEST(ServiceLogin, WhatCannotBeKnownIsNoRefusal) {
  World world;
  const std::string secret = world.CreateService("billing");
  world.failing_accounts().failure = absl::DataLossError("bad bytes");
  EXPECT_TRUE(absl::IsDataLoss(
      world.TryLogin(World::SecretLogin("billing", secret)).status()));
}

TEST(ServiceLogin, DoesNotWaitForPasswordsThatAreBeingHashed) {
  World world;
  world.CreateAccount("alice");
  const std::string secret = world.CreateService("billing");
  Notification started, release, ended;
  world.hooks().on_match = [&] {
    started.Notify();
    release.Wait();
  };
  world.authority().Login(World::LoginOf("alice"),
                          [&](absl::StatusOr<Grant> grant) {
                            EXPECT_TRUE(grant.ok()) << grant.status();
                            ended.Notify();
                          });
  started.Wait();
  world.Login(World::SecretLogin("billing", secret));
  release.Notify();
  ended.Wait();
}

TEST(ServiceLogin, HoldsNoWorkerWhileItsSessionIsWritten) {
  World world;
  const std::string secret = world.CreateService("billing");
  const std::string held_secret = world.CreateService("mail");
  constexpr size_t kLogins = 10;  // more than there are workers
  world.failing().Hold();
  std::atomic<size_t> granted = 0;
  for (size_t i = 0; i < kLogins; ++i) {
    world.authority().Login(World::SecretLogin("mail", held_secret),
                            [&](const absl::StatusOr<Grant>& grant) {
                              EXPECT_TRUE(grant.ok()) << grant.status();
                              ++granted;
                            });
  }
  while (world.failing().held() < kLogins) std::this_thread::yield();
  // A worker is there to say no to another.
  EXPECT_TRUE(absl::IsUnauthenticated(
      world.TryLogin(World::SecretLogin("billing", held_secret)).status()));
  EXPECT_EQ(granted, 0u);
  world.failing().Release();
  while (granted < kLogins) std::this_thread::yield();
  EXPECT_TRUE(world.TryLogin(World::SecretLogin("billing", secret)).ok());
}

// --- Assertions ---

TEST(ServiceLogin, ByAssertionOpensOneSession) {
  World world;
  world.CreateService("billing", {"r"});
  ASSERT_TRUE(
      world.accounts().SetJwks("billing", TokenMaker::kJwks, Origin()).ok());
  const Grant grant =
      world.Login(AssertionLogin("billing", AssertionOf(world)));
  EXPECT_EQ(grant.session.amr, std::vector<std::string>{"swk"});
  EXPECT_EQ(grant.session.roles, std::vector<std::string>{"r"});
  EXPECT_EQ(
      world.TryLogin(AssertionLogin("billing", AssertionOf(world))).status(),
      LoginRefused());
  world.Login(AssertionLogin("billing", AssertionOf(world, "2")));
}

TEST(ServiceLogin, AReplayIsRefusedUntilTheAssertionHasExpired) {
  World world;
  world.CreateService("billing");
  ASSERT_TRUE(
      world.accounts().SetJwks("billing", TokenMaker::kJwks, Origin()).ok());
  const std::string assertion = AssertionOf(world);
  world.Login(AssertionLogin("billing", assertion));
  // 300 s of life and 10 s of skew, to the last microsecond and beyond.
  for (const absl::Duration step : {absl::Seconds(310) - absl::Microseconds(1),
                                    absl::Microseconds(1), absl::Hours(2)}) {
    world.clock().Advance(step);
    EXPECT_EQ(world.TryLogin(AssertionLogin("billing", assertion)).status(),
              LoginRefused());
  }
}

TEST(ServiceLogin, OfSixtyFourReplaysAtOnceOneWins) {
  World world;
  world.CreateService("billing");
  ASSERT_TRUE(
      world.accounts().SetJwks("billing", TokenMaker::kJwks, Origin()).ok());
  const std::string assertion = AssertionOf(world);
  std::atomic<int> granted = 0, refused = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 64; ++i) {
    threads.emplace_back([&] {
      const auto grant = world.TryLogin(AssertionLogin("billing", assertion));
      ++(grant.ok() ? granted : refused);
      EXPECT_TRUE(grant.ok() || grant.status() == LoginRefused())
          << grant.status();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(granted, 1);
  EXPECT_EQ(refused, 63);
  EXPECT_EQ(
      world.sessions().List("billing", std::nullopt, 100)->sessions.size(), 1u);
}

TEST(ServiceLogin, KeysThatWereReplacedAreRefused) {
  World world;
  world.CreateService("billing");
  ASSERT_TRUE(
      world.accounts().SetJwks("billing", TokenMaker::kJwks, Origin()).ok());
  ASSERT_TRUE(world.accounts().SetJwks("billing", "", Origin()).ok());
  EXPECT_EQ(
      world.TryLogin(AssertionLogin("billing", AssertionOf(world))).status(),
      LoginRefused());
}

// --- Certificates ---

TEST(ServiceLogin, ByCertificateTakesAnyRegisteredName) {
  World world;
  world.CreateService("billing");
  ASSERT_TRUE(world.accounts()
                  .SetCertificateNames(
                      "billing",
                      {"uri:spiffe://x/billing", "dns:billing.example"},
                      Origin())
                  .ok());
  for (const char* name : {"uri:spiffe://x/billing", "dns:billing.example"}) {
    const Grant grant =
        world.Login(CertificateLogin("billing", {"dns:other", name}));
    EXPECT_EQ(grant.session.amr, std::vector<std::string>{"swk"});
  }
  for (const char* name : {"uri:spiffe://x/billing/", "uri:spiffe://y/billing",
                           "dns:spiffe://x/billing", "uri:billing.example",
                           "dns:a.billing.example", "billing.example"}) {
    EXPECT_EQ(world.TryLogin(CertificateLogin("billing", {name})).status(),
              LoginRefused())
        << name;
  }
  ASSERT_TRUE(
      world.accounts().SetCertificateNames("billing", {}, Origin()).ok());
  EXPECT_EQ(world.TryLogin(CertificateLogin("billing", {"dns:billing.example"}))
                .status(),
            LoginRefused());
}

// --- What is registered ---

TEST(ServiceAccount, KeysThatCouldNotBeUsedAreNotRegistered) {
  World world;
  world.CreateService("billing");
  const auto refused = [&](const std::string& jwks) {
    const auto set = world.accounts().SetJwks("billing", jwks, Origin());
    EXPECT_EQ(ReasonOf(set.status()), Reason::kInvalidField) << jwks;
    return FieldViolationsOf(set.status()).size() == 1;
  };
  EXPECT_TRUE(refused("{"));
  EXPECT_TRUE(refused("[]"));
  EXPECT_TRUE(refused(R"({"keys":[{"kty":"oct","k":"AA","kid":"a"}]})"));
  EXPECT_TRUE(refused(R"({"keys":[{"kty":"RSA","kid":"a"}]})"));
  std::string many = R"({"keys":[)";
  for (size_t i = 0; i <= kMaxAccountKeys; ++i) {
    absl::StrAppend(&many, i == 0 ? "" : ",",
                    R"({"kty":"OKP","crv":"Ed25519","kid":")", i,
                    R"(","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})");
  }
  EXPECT_TRUE(refused(many + "]}"));
  EXPECT_TRUE(world.accounts().Get("billing")->jwks.empty());
  ASSERT_TRUE(
      world.accounts().SetJwks("billing", R"({"keys":[]})", Origin()).ok());
  EXPECT_TRUE(world.accounts().Get("billing")->jwks.empty());
}

// --- ServiceAccountOf ---

TEST(ServiceAccountOf, NamesTheServiceBehindALiveCredential) {
  World world;
  const std::string secret = world.CreateService("billing");
  world.CreateAccount("alice");
  const auto name_of = [&](const SecretBytes& credential) {
    const auto name = world.authority().ServiceAccountOf(
        credential.Reveal(), world.clock().Now(), Reach::kDisk);
    EXPECT_TRUE(name.ok()) << name.status();
    return name->value_or("nobody");
  };
  const Grant opaque = world.Login(World::SecretLogin("billing", secret));
  const Grant jwt =
      world.Login(World::SecretLogin("billing", secret, CredentialForm::kJwt));
  const Grant person = world.Login(World::LoginOf("alice"));
  EXPECT_EQ(name_of(opaque.credential), "billing");
  EXPECT_EQ(name_of(jwt.credential), "billing");
  EXPECT_EQ(name_of(jwt.refresh_credential), "nobody");
  EXPECT_EQ(name_of(person.credential), "nobody");
  EXPECT_EQ(name_of(SecretBytes(secret)), "nobody");
  EXPECT_EQ(name_of(SecretBytes("")), "nobody");
  ASSERT_TRUE(world.accounts().SetDisabled("billing", true, Origin()).ok());
  EXPECT_EQ(name_of(opaque.credential), "nobody");
}

TEST(ServiceAccountOf, ACredentialForOthersIsNotForThisServer) {
  World world;
  const std::string secret = world.CreateService("billing");
  for (const bool for_us : {false, true}) {
    LoginCommand command = World::SecretLogin("billing", secret);
    command.audiences = {"mail"};
    if (for_us) command.audiences.push_back(World::issuer());
    const Grant grant = world.Login(std::move(command));
    const auto name = world.authority().ServiceAccountOf(
        grant.credential.Reveal(), world.clock().Now(), Reach::kDisk);
    ASSERT_TRUE(name.ok());
    EXPECT_EQ(name->has_value(), for_us);
  }
}

TEST(ServiceAccountOf, CountsAsActivity) {
  World world({.session_ttl = absl::Hours(12), .idle_ttl = absl::Minutes(30)});
  const Grant grant = world.Login(
      World::SecretLogin("billing", world.CreateService("billing")));
  for (int i = 0; i < 3; ++i) {
    world.clock().Advance(absl::Minutes(20));
    const auto name = world.authority().ServiceAccountOf(
        grant.credential.Reveal(), world.clock().Now(), Reach::kDisk);
    ASSERT_TRUE(name.ok());
    EXPECT_EQ(*name, "billing");
  }
}

TEST(ServiceAccountOf, NotKnowingIsAnError) {
  World world;
  const Grant grant = world.Login(
      World::SecretLogin("billing", world.CreateService("billing")));
  world.failing().readiness = absl::UnavailableError("stopped");
  EXPECT_FALSE(world.authority()
                   .ServiceAccountOf(grant.credential.Reveal(),
                                     world.clock().Now(), Reach::kMemory)
                   .ok());
}

}  // namespace
}  // namespace latchkey
