#include "server/rpc/grants.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace latchkey {
namespace {

using ::testing::HasSubstr;

constexpr PermissionSet kNothing;
constexpr PermissionSet kValidator =
    PermissionSet().With(Permission::kValidate);
constexpr PermissionSet kAdmin = PermissionSet().With(Permission::kAdminister);

Grants Of(std::initializer_list<const char*> texts) {
  Grants grants;
  for (const char* text : texts) {
    const absl::Status added = grants.Add(text);
    EXPECT_TRUE(added.ok()) << added;
  }
  return grants;
}

struct GoodCase {
  const char* name;
  const char* grant;
};

class GoodGrant : public ::testing::TestWithParam<GoodCase> {};

TEST_P(GoodGrant, IsTaken) {
  Grants grants;
  const absl::Status added = grants.Add(GetParam().grant);
  EXPECT_TRUE(added.ok()) << added;
  EXPECT_NE(grants.OfAny(), kNothing);
}

INSTANTIATE_TEST_SUITE_P(
    Grants, GoodGrant,
    ::testing::Values(
        GoodCase{"Spiffe", "uri:spiffe://example.org/billing=validator"},
        GoodCase{"TrustDomain", "uri:spiffe://example.org=validator"},
        GoodCase{"BelowAPath", "uri:spiffe://example.org/ns/prod/*=validator"},
        GoodCase{"BelowADomain", "uri:spiffe://example.org/*=validator"},
        GoodCase{"UpperCasePath", "uri:spiffe://example.org/Billing=reason"},
        GoodCase{"OtherUri", "uri:https://example.org:8443/x?y=z=admin"},
        GoodCase{"Urn", "uri:urn:uuid:3f1c=admin"},
        GoodCase{"DnsName", "dns:billing.example.org=validator"},
        GoodCase{"OneLabel", "dns:billing=validator"},
        GoodCase{"Account", "account:billing.svc_2=validator"},
        GoodCase{"AllRoles", "account:a=on_behalf,reason,admin,validator"}),
    [](const auto& row) { return row.param.name; });

struct BadCase {
  const char* name;
  const char* grant;
  const char* says;
};

class BadGrant : public ::testing::TestWithParam<BadCase> {};

TEST_P(BadGrant, IsRefusedInOneLineThatShowsIt) {
  Grants grants;
  const absl::Status added = grants.Add(GetParam().grant);
  ASSERT_TRUE(absl::IsInvalidArgument(added)) << added;
  const std::string message(added.message());
  EXPECT_THAT(message, HasSubstr(GetParam().says));
  EXPECT_EQ(message.find('\n'), std::string::npos);
  EXPECT_EQ(grants.OfAny(), kNothing);
}

INSTANTIATE_TEST_SUITE_P(
    Grants, BadGrant,
    ::testing::Values(
        BadCase{"Empty", "", "must be IDENTITY=ROLE"},
        BadCase{"NoRole", "dns:a", "must be IDENTITY=ROLE"},
        BadCase{"EmptyRole", "dns:a=", "roles are"},
        BadCase{"EmptyRoleInList", "dns:a=admin,", "roles are"},
        BadCase{"UnknownRole", "dns:a=root", "roles are"},
        BadCase{"UpperCaseRole", "dns:a=Admin", "roles are"},
        BadCase{"RoleTwice", "dns:a=admin,admin", "twice"},
        BadCase{"NoKind", "billing=admin", "must be IDENTITY=ROLE"},
        BadCase{"CommonName", "cn:billing=admin", "must be IDENTITY=ROLE"},
        BadCase{"UpperCaseKind", "DNS:billing=admin", "must be IDENTITY=ROLE"},
        BadCase{"AnyDns", "dns:*=admin", "without *"},
        BadCase{"DnsWildcard", "dns:*.example.org=admin", "without *"},
        BadCase{"EmptyDns", "dns:=admin", "DNS name"},
        BadCase{"UpperCaseDns", "dns:A.example=admin", "lower case"},
        BadCase{"TrailingDot", "dns:a.example.=admin", "trailing dot"},
        BadCase{"EmptyLabel", "dns:a..b=admin", "DNS name"},
        BadCase{"LabelEndsInHyphen", "dns:a-.b=admin", "DNS name"},
        BadCase{"Underscore", "dns:a_b=admin", "DNS name"},
        BadCase{"EmptyUri", "uri:=admin", "scheme"},
        BadCase{"AnyUri", "uri:*=admin", "last path segment"},
        BadCase{"AnyPath", "uri:/*=admin", "scheme"},
        BadCase{"NoScheme", "uri:example.org/a=admin", "scheme"},
        BadCase{"UpperCaseScheme", "uri:SPIFFE://d/a=admin", "scheme"},
        BadCase{"AnyDomain", "uri:spiffe://*=admin", "host"},
        BadCase{"AnyDomainBelow", "uri:spiffe:///*=admin", "host"},
        BadCase{"DomainWildcard", "uri:spiffe://*.a/b=admin", "last path"},
        BadCase{"StarInTheMiddle", "uri:spiffe://d/*/b=admin", "last path"},
        BadCase{"PartOfASegment", "uri:spiffe://d/a*=admin", "last path"},
        BadCase{"TwoStars", "uri:spiffe://d/**=admin", "last path"},
        BadCase{"UpperCaseDomain", "uri:spiffe://D/a=admin", "trust domain"},
        BadCase{"DomainWithPort", "uri:spiffe://d:1/a=admin", "trust domain"},
        BadCase{"NoDomain", "uri:spiffe:///a=admin", "host"},
        BadCase{"SpiffeWithoutSlashes", "uri:spiffe:d/a=admin", "host"},
        BadCase{"TrailingSlash", "uri:spiffe://d/a/=admin", "segments"},
        BadCase{"DoubledSlash", "uri:spiffe://d//a=admin", "segments"},
        BadCase{"DoubledBeforeStar", "uri:spiffe://d//*=admin", "segments"},
        BadCase{"Dot", "uri:spiffe://d/./a=admin", "segments"},
        BadCase{"DotDot", "uri:spiffe://d/a/../b=admin", "segments"},
        BadCase{"Percent", "uri:spiffe://d/a%2Fb=admin", "segments"},
        BadCase{"Query", "uri:spiffe://d/a?b=admin", "segments"},
        BadCase{"UrnBelow", "uri:urn:a/*=admin", "scheme://host"},
        BadCase{"Blank", "uri:spiffe://d/a b=admin", "visible"},
        BadCase{"LineBreak", "dns:a\nb=admin", "\\n"},
        BadCase{"NotAscii", "uri:spiffe://d/\xc3\xa9=admin", "visible"},
        BadCase{"EmptyAccount", "account:=admin", "account name"},
        BadCase{"UpperCaseAccount", "account:Billing=admin", "account name"},
        BadCase{"AnyAccount", "account:*=admin", "account name"},
        BadCase{"AccountPath", "account:accounts/a=admin", "account name"}),
    [](const auto& row) { return row.param.name; });

TEST(Grants, RolesArePermissions) {
  const Grants grants = Of({"account:v=validator", "account:a=admin",
                            "account:r=reason", "account:o=on_behalf",
                            "account:all=validator,admin,reason,on_behalf"});
  EXPECT_EQ(grants.OfAccount("v"), kValidator);
  EXPECT_EQ(grants.OfAccount("a"), kAdmin);
  EXPECT_EQ(grants.OfAccount("r"),
            PermissionSet().With(Permission::kSeeReason));
  EXPECT_EQ(grants.OfAccount("o"),
            PermissionSet().With(Permission::kLoginOnBehalf));
  EXPECT_EQ(grants.OfAccount("all"), PermissionSet::All());
  EXPECT_EQ(grants.OfAccount("x"), kNothing);
  EXPECT_EQ(grants.OfAccount(""), kNothing);
}

TEST(Grants, AnExactUriMeansThatOne) {
  const Grants grants = Of({"uri:spiffe://d/a/b=validator"});
  EXPECT_EQ(grants.OfUri("spiffe://d/a/b"), kValidator);
  for (const char* other :
       {"", "spiffe://d/a", "spiffe://d/a/", "spiffe://d/a/b/",
        "spiffe://d/a/b/c", "spiffe://d/a/bc", "spiffe://d/a/B",
        "spiffe://D/a/b", "SPIFFE://d/a/b", "spiffe://d//a/b",
        "spiffe://d/a/./b", "spiffe://d/a%2Fb", "spiffe://d/a/b?",
        "spiffe://d/a/b#", "d/a/b", "spiffe://d.evil/a/b",
        "spiffe://evil/spiffe://d/a/b"}) {
    EXPECT_EQ(grants.OfUri(other), kNothing) << other;
  }
  const std::string with_nul("spiffe://d/a/b\0", 15);
  EXPECT_EQ(grants.OfUri(with_nul), kNothing);
}

TEST(Grants, AStarMeansWhatLiesBelowAndNothingElse) {
  const Grants grants = Of({"uri:spiffe://d/a/*=validator"});
  for (const char* below :
       {"spiffe://d/a/b", "spiffe://d/a/b/c/d", "spiffe://d/a/a"}) {
    EXPECT_EQ(grants.OfUri(below), kValidator) << below;
  }
  for (const char* other :
       {"spiffe://d/a", "spiffe://d/a/", "spiffe://d/ab", "spiffe://d/ab/c",
        "spiffe://d/b/a/c", "spiffe://d/A/b", "spiffe://e/a/b",
        "spiffe://d.evil/a/b", "spiffe://evil/d/a/b", "spiffe://d/a/*",
        // Where a reader of paths might end up elsewhere.
        "spiffe://d/a/../b", "spiffe://d/a/..", "spiffe://d/a/./b",
        "spiffe://d/a//b", "spiffe://d/a/b/", "spiffe://d/a/%2e%2e/b",
        "spiffe://d/a/b%2Fc", "spiffe://d/a/b?c", "spiffe://d/a/b#c",
        "spiffe://d//a/b", "spiffe://d%2Fa/b"}) {
    EXPECT_EQ(grants.OfUri(other), kNothing) << other;
  }
}

TEST(Grants, AStarUnderADomainMeansThatDomain) {
  const Grants grants = Of({"uri:spiffe://d/*=validator"});
  EXPECT_EQ(grants.OfUri("spiffe://d/a"), kValidator);
  EXPECT_EQ(grants.OfUri("spiffe://d"), kNothing);
  EXPECT_EQ(grants.OfUri("spiffe://d/"), kNothing);
  EXPECT_EQ(grants.OfUri("spiffe://d.e/a"), kNothing);
  EXPECT_EQ(grants.OfUri("https://d/a"), kNothing);
}

TEST(Grants, TooDeepOrTooLongIsBelowNothing) {
  const Grants grants = Of({"uri:spiffe://d/*=validator"});
  std::string deep = "spiffe://d";
  for (int i = 0; i < kMaxUriSegments; ++i) deep += "/a";
  EXPECT_EQ(grants.OfUri(deep), kValidator);
  EXPECT_EQ(grants.OfUri(deep + "/a"), kNothing);
  const std::string head = "spiffe://d/";
  const std::string full =
      head + std::string(kMaxGrantedUriBytes - head.size(), 'a');
  EXPECT_EQ(grants.OfUri(full), kValidator);
  EXPECT_EQ(grants.OfUri(full + "a"), kNothing);
}

TEST(Grants, AllThatFitAddUp) {
  const Grants grants =
      Of({"uri:spiffe://d/*=validator", "uri:spiffe://d/a/*=reason",
          "uri:spiffe://d/a/b=on_behalf", "uri:spiffe://d/a/b=admin"});
  EXPECT_EQ(grants.OfUri("spiffe://d/a/b"), PermissionSet::All());
  EXPECT_EQ(grants.OfUri("spiffe://d/b"), kValidator);
}

TEST(Grants, DnsNamesKnowNoCase) {
  const Grants grants = Of({"dns:a.example.org=validator"});
  EXPECT_EQ(grants.OfDns("a.example.org"), kValidator);
  EXPECT_EQ(grants.OfDns("A.Example.ORG"), kValidator);
  for (const char* other :
       {"", "example.org", "b.a.example.org", "a.example.org.", "*.example.org",
        "a_example.org"}) {
    EXPECT_EQ(grants.OfDns(other), kNothing) << other;
  }
}

TEST(Grants, KindsAreNotMixed) {
  const Grants grants = Of({"dns:billing=admin", "account:bob=validator"});
  EXPECT_EQ(grants.OfAccount("billing"), kNothing);
  EXPECT_EQ(grants.OfUri("billing"), kNothing);
  EXPECT_EQ(grants.OfDns("bob"), kNothing);
  EXPECT_EQ(grants.OfAny(), kAdmin.And(kValidator));
  EXPECT_EQ(grants.OfAnyAccount(), kValidator);
}

TEST(Grants, TakeNoMoreThanTheirLimit) {
  Grants grants;
  for (size_t i = 0; i < kMaxGrants; ++i) {
    ASSERT_TRUE(
        grants.Add("account:a" + std::to_string(i) + "=validator").ok());
  }
  EXPECT_FALSE(grants.Add("account:one-more=validator").ok());
  std::string uri = "uri:spiffe://d/";
  uri += std::string(kMaxGrantedUriBytes, 'a') + "=admin";
  EXPECT_FALSE(Grants().Add(uri).ok());
}

}  // namespace
}  // namespace latchkey
