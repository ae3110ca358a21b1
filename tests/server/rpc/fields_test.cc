#include "server/rpc/fields.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace latchkey {
namespace {

using Check = void (FieldChecks::*)(absl::string_view, absl::string_view);

bool Passes(Check check, absl::string_view value) {
  FieldChecks checks;
  (checks.*check)("field", value);
  return checks.status().ok();
}

TEST(FieldChecks, AccountIdHasOneSpelling) {
  for (const std::string& good :
       {std::string("a"), std::string("0"), std::string("a.b_c-d9"),
        std::string(64, 'x')}) {
    EXPECT_TRUE(Passes(&FieldChecks::AccountId, good)) << good;
  }
  for (const std::string& bad :
       {std::string(""), std::string(65, 'x'), std::string("Alice"),
        std::string(".a"), std::string("-a"), std::string("_a"),
        std::string("a b"), std::string("a/b"), std::string("\xc3\xa4"),
        std::string("a\0", 2)}) {
    EXPECT_FALSE(Passes(&FieldChecks::AccountId, bad)) << bad;
  }
}

TEST(FieldChecks, SizesHoldAtBelowAndAboveTheLimit) {
  const auto password_passes = [](absl::string_view value) {
    FieldChecks checks;
    checks.Password("password", SecretBytes(value));
    return checks.status().ok();
  };
  EXPECT_FALSE(password_passes(""));
  EXPECT_TRUE(password_passes("x"));
  EXPECT_TRUE(password_passes(std::string(1024, 'x')));
  EXPECT_FALSE(password_passes(std::string(1025, 'x')));
  EXPECT_TRUE(password_passes(std::string("a\0b", 3)));

  EXPECT_TRUE(Passes(&FieldChecks::Credential, ""));
  EXPECT_TRUE(Passes(&FieldChecks::Credential, std::string(8192, 'x')));
  EXPECT_FALSE(Passes(&FieldChecks::Credential, std::string(8193, 'x')));

  EXPECT_TRUE(Passes(&FieldChecks::Audience, std::string(256, 'x')));
  EXPECT_FALSE(Passes(&FieldChecks::Audience, std::string(257, 'x')));
}

TEST(FieldChecks, RefuseControlCharacters) {
  for (const char* bad : {"a\nb", "\x1b[31m", "a\x7f", "a\xc2\x85z"}) {
    EXPECT_FALSE(Passes(&FieldChecks::Audience, bad));
  }
  EXPECT_TRUE(Passes(&FieldChecks::Audience, "J\xc3\xb6rg \xc2\xa0"));
}

TEST(FieldChecks, AudiencesAreFewNamedAndDifferent) {
  google::protobuf::RepeatedPtrField<std::string> audiences;
  for (int i = 0; i < 16; ++i) *audiences.Add() = absl::StrCat("svc-", i);
  FieldChecks good;
  good.Audiences("audiences", audiences);
  EXPECT_TRUE(good.status().ok());

  *audiences.Add() = "one-more";
  FieldChecks many;
  many.Audiences("audiences", audiences);
  EXPECT_FALSE(many.status().ok());

  google::protobuf::RepeatedPtrField<std::string> bad;
  *bad.Add() = "same";
  *bad.Add() = "same";
  *bad.Add() = "";
  FieldChecks checks;
  checks.Audiences("audiences", bad);
  const auto violations = FieldViolationsOf(checks.status());
  ASSERT_EQ(violations.size(), 2u);
  EXPECT_EQ(violations[0].field, "audiences[1]");
  EXPECT_EQ(violations[1].field, "audiences[2]");
}

TEST(FieldChecks, RolesAreFewSpelledAndDifferent) {
  google::protobuf::RepeatedPtrField<std::string> roles;
  for (int i = 0; i < 64; ++i) *roles.Add() = absl::StrCat("role:", i);
  FieldChecks good;
  good.Roles("roles", roles);
  EXPECT_TRUE(good.status().ok());
  *roles.Add() = "r";
  FieldChecks many;
  many.Roles("roles", roles);
  EXPECT_FALSE(many.status().ok());
  for (const std::string& bad :
       {std::string(""), std::string("a b"), std::string(65, 'x')}) {
    google::protobuf::RepeatedPtrField<std::string> one;
    *one.Add() = bad;
    FieldChecks checks;
    checks.Roles("roles", one);
    EXPECT_FALSE(checks.status().ok()) << bad;
  }
}

TEST(FieldChecks, ClientInfoIsLimitedFieldByField) {
  v1::ClientInfo info;
  info.set_user_agent(std::string(256, 'x'));
  info.set_ip_address(std::string(257, 'x'));
  info.set_device_label("a\tb");
  FieldChecks checks;
  checks.Client("client", info);
  const auto violations = FieldViolationsOf(checks.status());
  ASSERT_EQ(violations.size(), 2u);
  EXPECT_EQ(violations[0].field, "client.ip_address");
  EXPECT_EQ(violations[1].field, "client.device_label");
}

TEST(FieldChecks, ResourceNamesHaveOneSpelling) {
  FieldChecks good;
  EXPECT_EQ(good.AccountName("name", "accounts/alice"), "alice");
  const std::string id = "00112233445566778899aabbccddeeff";
  const auto ref =
      good.SessionName("name", absl::StrCat("accounts/alice/sessions/", id));
  EXPECT_EQ(ref.account, "alice");
  EXPECT_EQ(ref.id.ToHex(), id);
  EXPECT_TRUE(good.status().ok());
  for (const std::string& bad :
       {std::string(""), std::string("alice"), std::string("accounts/"),
        std::string("accounts/Alice"), std::string("Accounts/alice"),
        absl::StrCat("accounts/alice/sessions/", id)}) {
    FieldChecks checks;
    checks.AccountName("name", bad);
    EXPECT_FALSE(checks.status().ok()) << bad;
  }
  for (const std::string& bad :
       {std::string(""), absl::StrCat("accounts//sessions/", id),
        absl::StrCat("accounts/alice/sessions/", id, "0"),
        absl::StrCat("accounts/alice/sessions/", id.substr(1)),
        std::string("accounts/alice/sessions/"
                    "00112233445566778899AABBCCDDEEFF"),
        absl::StrCat("accounts/alice/session/", id),
        absl::StrCat("alice/sessions/", id)}) {
    FieldChecks checks;
    checks.SessionName("name", bad);
    EXPECT_FALSE(checks.status().ok()) << bad;
  }
}

TEST(FieldChecks, SecretNameHasOneSpelling) {
  const std::string id = "0011223344556677";
  FieldChecks good;
  const auto ref =
      good.SecretName("name", absl::StrCat("accounts/billing/secrets/", id));
  EXPECT_TRUE(good.status().ok());
  EXPECT_EQ(ref.account, "billing");
  EXPECT_EQ(ref.id.ToHex(), id);
  for (const std::string& bad :
       {std::string(""), id, absl::StrCat("accounts//secrets/", id),
        absl::StrCat("accounts/billing/secrets/", id, "0"),
        absl::StrCat("accounts/billing/sessions/", id),
        std::string("accounts/billing/secrets/00112233445566FF")}) {
    FieldChecks checks;
    checks.SecretName("name", bad);
    EXPECT_FALSE(checks.status().ok()) << bad;
  }
}

TEST(FieldChecks, CertificateNamesAreSpelledOnceAndAtMostSixteen) {
  const auto passes = [](const std::vector<std::string>& names) {
    const google::protobuf::RepeatedPtrField<std::string> field(names.begin(),
                                                                names.end());
    FieldChecks checks;
    checks.CertificateNames("certificate_names", field);
    return checks.status().ok();
  };
  std::vector<std::string> names;
  EXPECT_TRUE(passes(names));
  for (int i = 0; i < 16; ++i) names.push_back(absl::StrCat("dns:a", i));
  EXPECT_TRUE(passes(names));
  names.push_back("dns:b");
  EXPECT_FALSE(passes(names));
  EXPECT_FALSE(passes({"dns:a", "dns:a"}));
  EXPECT_FALSE(passes({"a"}));
}

TEST(FieldChecks, PageSizeHasADefaultAndALimit) {
  FieldChecks good;
  EXPECT_EQ(good.PageSize("page_size", 0), 100);
  EXPECT_EQ(good.PageSize("page_size", 1), 1);
  EXPECT_EQ(good.PageSize("page_size", 1000), 1000);
  EXPECT_TRUE(good.status().ok());
  for (const int bad : {-1, 1001, INT32_MIN, INT32_MAX}) {
    FieldChecks checks;
    checks.PageSize("page_size", bad);
    EXPECT_FALSE(checks.status().ok()) << bad;
  }
}

struct DurationRow {
  int64_t seconds;
  int32_t nanos;
  bool good;
};

TEST(FieldChecks, DurationsAreValidAndLongEnough) {
  for (const DurationRow& row :
       std::initializer_list<DurationRow>{{1, 0, true},
                                          {1, 999999999, true},
                                          {0, 999999999, false},
                                          {0, 0, false},
                                          {-1, 0, false},
                                          {1, -1, false},
                                          {1, 1000000000, false},
                                          {315576000000, 0, true},
                                          {315576000001, 0, false},
                                          {INT64_MAX, 0, false},
                                          {INT64_MIN, 0, false}}) {
    google::protobuf::Duration proto;
    proto.set_seconds(row.seconds);
    proto.set_nanos(row.nanos);
    FieldChecks checks;
    checks.Duration("requested_ttl", proto, kMinSessionTtl);
    EXPECT_EQ(checks.status().ok(), row.good)
        << row.seconds << "s " << row.nanos << "ns";
  }
}

TEST(FieldChecks, DurationsAreCutToMicroseconds) {
  google::protobuf::Duration proto;
  proto.set_seconds(1);
  proto.set_nanos(1999);
  FieldChecks checks;
  EXPECT_EQ(checks.Duration("d", proto, kMinSessionTtl),
            absl::Seconds(1) + absl::Microseconds(1));
}

TEST(FieldChecks, TellEverythingAtOnce) {
  FieldChecks checks;
  checks.AccountId("account", "");
  checks.Password("password", SecretBytes());
  EXPECT_EQ(FieldViolationsOf(checks.status()).size(), 2u);
}

TEST(PageTokens, AreReadBackAndOtherwiseRefused) {
  EXPECT_EQ(ReadAccountPageToken(AccountPageToken("alice")), "alice");
  EXPECT_FALSE(ReadAccountPageToken("!").has_value());
  EXPECT_FALSE(ReadAccountPageToken(AccountPageToken("Alice")).has_value());
  const auto id = SessionId::FromHex("00112233445566778899aabbccddeeff");
  EXPECT_EQ(ReadSessionPageToken(SessionPageToken(*id)), id);
  EXPECT_FALSE(ReadSessionPageToken(AccountPageToken("alice")).has_value());
}

TEST(MoveSecret, LeavesNothingInTheField) {
  std::string field = "a password longer than the small buffer of a string";
  const char* where = field.data();
  const size_t size = field.size();
  const SecretBytes secret = MoveSecret(&field);
  EXPECT_EQ(secret.size(), size);
  EXPECT_TRUE(field.empty());
  EXPECT_EQ(std::string(where, 8), std::string(8, '\0'));
}

}  // namespace
}  // namespace latchkey
