#include "server/account/account.h"

#include <string>

#include "gtest/gtest.h"

namespace latchkey {
namespace {

TEST(AccountName, IsOneTo64OfAFewCharacters) {
  EXPECT_FALSE(IsAccountName(""));
  EXPECT_TRUE(IsAccountName("a"));
  EXPECT_TRUE(IsAccountName("7"));
  EXPECT_TRUE(IsAccountName("build-bot_2.prod"));
  EXPECT_TRUE(IsAccountName(std::string(64, 'a')));
  EXPECT_FALSE(IsAccountName(std::string(65, 'a')));
}

TEST(AccountName, BeginsWithALetterOrDigitAndHasNoUpperCase) {
  for (const char* name : {".a", "_a", "-a", "Alice", "alicE", "a b", "a/b",
                           "a\n", "\xc3\xa4", "a@b"}) {
    EXPECT_FALSE(IsAccountName(name)) << name;
  }
  EXPECT_FALSE(IsAccountName(absl::string_view("a\0", 2)));
}

TEST(RoleName, IsOneTo64OfItsCharacters) {
  EXPECT_FALSE(IsRoleName(""));
  EXPECT_TRUE(IsRoleName("Billing.read:eu/west-1_x"));
  EXPECT_TRUE(IsRoleName(std::string(64, 'r')));
  EXPECT_FALSE(IsRoleName(std::string(65, 'r')));
  for (const char* role : {"a b", "a,b", "a\"b", "\xc3\xa4", "a\n"}) {
    EXPECT_FALSE(IsRoleName(role)) << role;
  }
}

TEST(CertificateName, SaysWhichKindOfNameItIs) {
  for (const char* name : {"uri:spiffe://example.org/billing", "uri:urn:x",
                           "dns:a", "dns:billing-2.example.org"}) {
    EXPECT_TRUE(IsCertificateName(name)) << name;
  }
  for (const char* name :
       {"", "uri:", "dns:", "uri:billing", "uri::x", "uri:a b:c", "uri:a:\n",
        "uri:a:\xc3\xa4", "dns:Billing", "dns:*.example.org", "dns:a b",
        "spiffe://example.org/billing", "billing.example.org", "URI:urn:x",
        "cn:billing", " dns:a"}) {
    EXPECT_FALSE(IsCertificateName(name)) << name;
  }
  EXPECT_TRUE(IsCertificateName("dns:" + std::string(252, 'a')));
  EXPECT_FALSE(IsCertificateName("dns:" + std::string(253, 'a')));
}

TEST(HasSecret, FindsEitherAndNoOther) {
  Account account;
  ClientSecretDigest first, second, other;
  second.array()[31] = 1;
  other.array()[0] = 1;
  EXPECT_FALSE(HasSecret(account, first));
  account.secrets = {{.digest = first}, {.digest = second}};
  EXPECT_TRUE(HasSecret(account, first));
  EXPECT_TRUE(HasSecret(account, second));
  EXPECT_FALSE(HasSecret(account, other));
}

TEST(SessionsHold, OnlyWhileUidAndGenerationStandAndTheAccountIsEnabled) {
  Account account;
  account.uid = *AccountUid::FromHex("000102030405060708090a0b0c0d0e0f");
  account.generation = 7;
  AccountUid other = account.uid;
  other.array()[0] ^= 1;
  EXPECT_TRUE(SessionsHold(account, account.uid, 7));
  EXPECT_FALSE(SessionsHold(account, account.uid, 6));
  EXPECT_FALSE(SessionsHold(account, account.uid, 8));
  EXPECT_FALSE(SessionsHold(account, other, 7));
  account.disabled = true;
  EXPECT_FALSE(SessionsHold(account, account.uid, 7));
}

}  // namespace
}  // namespace latchkey
