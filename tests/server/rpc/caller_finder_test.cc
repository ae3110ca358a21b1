#include "server/rpc/caller_finder.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "grpc/grpc_security_constants.h"
#include "gtest/gtest.h"

#include "server/base/error.h"
#include "server/rpc/fields.h"

namespace latchkey {
namespace {

constexpr PermissionSet kNothing;
constexpr PermissionSet kValidator =
    PermissionSet().With(Permission::kValidate);
constexpr PermissionSet kAdmin = PermissionSet().With(Permission::kAdminister);

// Ends an iteration before it begins: nothing here looks at all properties.
struct NoProperties : grpc::AuthPropertyIterator {
  NoProperties() = default;
};

// FakePeer is what the transport says of the other end of a connection.
class FakePeer final : public grpc::AuthContext {
 public:
  using Properties = std::multimap<std::string, std::string>;

  FakePeer() = default;
  explicit FakePeer(Properties properties)
      : properties_(std::move(properties)) {}

  bool IsPeerAuthenticated() const override { return !properties_.empty(); }
  std::vector<grpc::string_ref> GetPeerIdentity() const override { return {}; }
  std::string GetPeerIdentityPropertyName() const override { return ""; }
  std::vector<grpc::string_ref> FindPropertyValues(
      const std::string& name) const override {
    std::vector<grpc::string_ref> values;
    const auto [first, last] = properties_.equal_range(name);
    for (auto it = first; it != last; ++it) values.emplace_back(it->second);
    return values;
  }
  grpc::AuthPropertyIterator begin() const override { return NoProperties(); }
  grpc::AuthPropertyIterator end() const override { return NoProperties(); }
  void AddProperty(const std::string&, const grpc::string_ref&) override {
    ADD_FAILURE() << "the identity of a call is kept with its connection";
  }
  bool SetPeerIdentityPropertyName(const std::string&) override {
    ADD_FAILURE() << "the identity of a call is kept with its connection";
    return false;
  }

 private:
  const Properties properties_{};
};

std::pair<const std::string, std::string> Uri(const std::string& uri) {
  return {GRPC_PEER_URI_PROPERTY_NAME, uri};
}
std::pair<const std::string, std::string> Dns(const std::string& name) {
  return {GRPC_PEER_DNS_PROPERTY_NAME, name};
}

// The accounts behind credentials, and how often they were asked for.
class CallerFinderTest : public ::testing::Test {
 protected:
  CallerFinder Finder(std::initializer_list<const char*> grants,
                      bool open_validate = false,
                      Listener listener = Listener::kNetwork) {
    CallerFinder::Options options{
        .listener = listener,
        .open_validate = open_validate,
        .grants = {},
        .account_behind = [this](absl::string_view credential, Reach reach) {
          return Behind(credential, reach);
        }};
    for (const char* grant : grants) {
      EXPECT_TRUE(options.grants.Add(grant).ok()) << grant;
    }
    return CallerFinder(std::move(options));
  }

  absl::StatusOr<std::optional<std::string>> Behind(
      absl::string_view credential, Reach reach) {
    ++asked_;
    if (!failure_.ok()) return failure_;
    if (credential == "on-disk" && reach == Reach::kMemory) {
      return absl::UnavailableError("needs the disk");
    }
    const auto found = accounts_.find(std::string(credential));
    if (found == accounts_.end()) return std::nullopt;
    return found->second;
  }

  static absl::StatusOr<Caller> Find(const CallerFinder& finder, Method method,
                                     const FakePeer& peer,
                                     std::vector<std::string> headers = {},
                                     Reach reach = Reach::kMemory) {
    CallerFinder::Metadata metadata;
    metadata.emplace("user-agent", "test");
    for (const std::string& header : headers) {
      metadata.emplace("authorization", header);
    }
    return finder.Find(*FindRule(method), peer, metadata, reach);
  }

  // The caller must be found.
  static Caller Found(const CallerFinder& finder, Method method,
                      const FakePeer& peer,
                      std::vector<std::string> headers = {}) {
    const auto caller = Find(finder, method, peer, std::move(headers));
    EXPECT_TRUE(caller.ok()) << caller.status();
    return caller.ok() ? *caller : Caller();
  }

  std::map<std::string, std::string> accounts_ = {
      {"lks_admin", "admin"},
      {"lks_validator", "validator"},
      {"lks_nobody", "nobody"},
      {"on-disk", "admin"}};
  absl::Status failure_;
  int asked_ = 0;
};

TEST_F(CallerFinderTest, TheAdminSocketIsTheOperators) {
  const CallerFinder finder = Finder({}, false, Listener::kAdminSocket);
  EXPECT_EQ(finder.anyone(), PermissionSet::All());
  const Caller caller =
      Found(finder, Method::kListKeys, FakePeer(), {"Bearer rubbish"});
  EXPECT_EQ(caller.kind, Caller::Kind::kOperator);
  EXPECT_EQ(caller.name, "operator");
  EXPECT_EQ(caller.permissions, PermissionSet::All());
  EXPECT_EQ(asked_, 0);
}

TEST_F(CallerFinderTest, WhoShowsNothingIsUnknown) {
  for (const bool open : {false, true}) {
    const CallerFinder finder = Finder({"account:admin=admin"}, open);
    const Caller caller = Found(finder, Method::kValidate, FakePeer());
    EXPECT_EQ(caller.kind, Caller::Kind::kUnknown);
    EXPECT_EQ(caller.name, "");
    EXPECT_EQ(caller.permissions, open ? kValidator : kNothing);
    EXPECT_EQ(finder.anyone(), caller.permissions);
  }
}

TEST_F(CallerFinderTest, ACertificateIsKnownByItsSans) {
  const CallerFinder finder = Finder(
      {"uri:spiffe://d/billing=validator", "dns:admin.example.org=admin"});
  Caller caller =
      Found(finder, Method::kValidate, FakePeer({Uri("spiffe://d/billing")}));
  EXPECT_EQ(caller.kind, Caller::Kind::kCertificate);
  EXPECT_EQ(caller.name, "uri:spiffe://d/billing");
  EXPECT_EQ(caller.permissions, kValidator);

  caller = Found(finder, Method::kListKeys,
                 FakePeer({Dns("other.example"), Dns("Admin.Example.Org")}));
  EXPECT_EQ(caller.name, "dns:Admin.Example.Org");
  EXPECT_EQ(caller.permissions, kAdmin);

  const FakePeer both({Uri("spiffe://d/billing"), Dns("admin.example.org")});
  EXPECT_EQ(Found(finder, Method::kListKeys, both).permissions,
            kAdmin.And(kValidator));
  EXPECT_EQ(finder.OfCertificate(both), kAdmin.And(kValidator));
}

TEST_F(CallerFinderTest, ACertificateWithoutAGrantHasANameAndNoMore) {
  const CallerFinder finder = Finder({"uri:spiffe://d/billing=validator"});
  const Caller caller =
      Found(finder, Method::kValidate,
            FakePeer({Uri("spiffe://elsewhere/billing"), Dns("billing")}));
  EXPECT_EQ(caller.kind, Caller::Kind::kCertificate);
  EXPECT_EQ(caller.name, "uri:spiffe://elsewhere/billing");
  EXPECT_EQ(caller.permissions, kNothing);
}

TEST_F(CallerFinderTest, TheCommonNameIsNobodysName) {
  const CallerFinder finder =
      Finder({"dns:billing=admin", "uri:spiffe://d/billing=admin",
              "account:billing=admin"});
  const FakePeer peer({{GRPC_X509_CN_PROPERTY_NAME, "billing"},
                       {GRPC_X509_CN_PROPERTY_NAME, "spiffe://d/billing"},
                       {GRPC_X509_SUBJECT_PROPERTY_NAME, "CN=billing"},
                       {GRPC_PEER_EMAIL_PROPERTY_NAME, "billing"},
                       {GRPC_PEER_IP_PROPERTY_NAME, "billing"}});
  const Caller caller = Found(finder, Method::kListKeys, peer);
  EXPECT_EQ(caller.kind, Caller::Kind::kUnknown);
  EXPECT_EQ(caller.permissions, kNothing);
  EXPECT_EQ(finder.OfCertificate(peer), kNothing);
}

TEST_F(CallerFinderTest, TwoUrisAreNoSpiffeId) {
  const CallerFinder finder =
      Finder({"uri:spiffe://d/*=admin", "uri:https://example.org/x=validator"});
  const FakePeer peer(
      {Uri("spiffe://d/billing"), Uri("https://example.org/x")});
  EXPECT_EQ(Found(finder, Method::kListKeys, peer).permissions, kValidator);
  EXPECT_EQ(finder.OfCertificate(peer), kValidator);
  EXPECT_EQ(finder.OfCertificate(
                FakePeer({Uri("spiffe://d/a"), Uri("spiffe://d/b")})),
            kNothing);
}

TEST_F(CallerFinderTest, ABearerIsKnownByItsAccount) {
  const CallerFinder finder =
      Finder({"account:admin=admin", "account:validator=validator"});
  for (const char* header :
       {"Bearer lks_admin", "bearer lks_admin", "BEARER lks_admin"}) {
    const Caller caller =
        Found(finder, Method::kListKeys, FakePeer(), {header});
    EXPECT_EQ(caller.kind, Caller::Kind::kServiceAccount);
    EXPECT_EQ(caller.name, "accounts/admin");
    EXPECT_EQ(caller.permissions, kAdmin);
  }
  // Known, and may not.
  EXPECT_EQ(Found(finder, Method::kListKeys, FakePeer(), {"Bearer lks_nobody"})
                .permissions,
            kNothing);
  EXPECT_EQ(
      Found(finder, Method::kListKeys, FakePeer(), {"Bearer lks_validator"})
          .permissions,
      kValidator);
}

struct BadBearer {
  const char* name;
  std::vector<std::string> headers;
};

class BadBearerTest : public CallerFinderTest,
                      public ::testing::WithParamInterface<BadBearer> {};

TEST_P(BadBearerTest, IsRefusedWhereAPermissionIsNeeded) {
  const CallerFinder finder = Finder({"account:admin=admin,validator"});
  const auto caller =
      Find(finder, Method::kListKeys, FakePeer(), GetParam().headers);
  ASSERT_TRUE(absl::IsUnauthenticated(caller.status())) << caller.status();
  EXPECT_EQ(ReasonOf(caller.status()), Reason::kCallerRefused);
}

TEST_P(BadBearerTest, IsNobodyWhereNoneIsNeeded) {
  const CallerFinder finder =
      Finder({"account:admin=admin,validator,reason,on_behalf"}, /*open=*/true);
  for (const Method method : {Method::kLogin, Method::kValidate,
                              Method::kRefresh, Method::kGetJwks}) {
    const Caller caller = Found(finder, method, FakePeer(), GetParam().headers);
    EXPECT_EQ(caller.kind, Caller::Kind::kUnknown);
    EXPECT_EQ(caller.permissions, kValidator);
  }
}

INSTANTIATE_TEST_SUITE_P(
    CallerFinder, BadBearerTest,
    ::testing::Values(
        BadBearer{"Empty", {""}}, BadBearer{"SchemeAlone", {"Bearer"}},
        BadBearer{"NoCredential", {"Bearer "}},
        BadBearer{"NoScheme", {"lks_admin"}},
        BadBearer{"OtherScheme", {"Basic lks_admin"}},
        BadBearer{"TwoBlanks", {"Bearer  lks_admin"}},
        BadBearer{"Tab", {"Bearer\tlks_admin"}},
        BadBearer{"LeadingBlank", {" Bearer lks_admin"}},
        BadBearer{"TrailingBlank", {"Bearer lks_admin "}},
        BadBearer{"Dead", {"Bearer lks_dead"}},
        BadBearer{"TwoInOne", {"Bearer lks_admin, Bearer lks_admin"}},
        BadBearer{"TwoHeaders", {"Bearer lks_admin", "Bearer lks_admin"}},
        BadBearer{"GoodAndBad", {"Bearer lks_admin", ""}},
        BadBearer{"TooLong",
                  {"Bearer " + std::string(kMaxCredentialBytes + 1, 'x')}}),
    [](const auto& row) { return row.param.name; });

TEST_F(CallerFinderTest, NothingIsLookedUpThatCouldMakeNoDifference) {
  const std::vector<std::string> header = {"Bearer lks_admin"};
  const FakePeer validator({Uri("spiffe://d/v")});
  const CallerFinder without = Finder({"uri:spiffe://d/v=validator"});
  EXPECT_TRUE(Find(without, Method::kListKeys, FakePeer(), header).ok());
  const CallerFinder finder =
      Finder({"uri:spiffe://d/v=validator", "account:admin=admin"});
  EXPECT_TRUE(Find(finder, Method::kValidate, validator, header).ok());
  EXPECT_TRUE(Find(finder, Method::kLogin, FakePeer(), header).ok());
  EXPECT_TRUE(Find(finder, Method::kGetJwks, FakePeer(), header).ok());
  EXPECT_EQ(asked_, 0);
  EXPECT_TRUE(Find(finder, Method::kListKeys, validator, header).ok());
  EXPECT_EQ(asked_, 1);
}

TEST_F(CallerFinderTest, TheAccountIsTheCallerUnlessOnlyTheCertificateMayCall) {
  const FakePeer peer({Uri("spiffe://d/v")});
  const CallerFinder finder =
      Finder({"uri:spiffe://d/v=validator", "account:admin=admin",
              "account:validator=validator,reason"});
  // The certificate does not suffice.
  Caller caller = Found(finder, Method::kListKeys, peer, {"Bearer lks_admin"});
  EXPECT_EQ(caller.name, "accounts/admin");
  EXPECT_EQ(caller.permissions, kAdmin);
  // It does, and the account brings more.
  caller = Found(finder, Method::kValidate, peer, {"Bearer lks_validator"});
  EXPECT_EQ(caller.name, "accounts/validator");
  EXPECT_TRUE(caller.permissions.Has(Permission::kSeeReason));
  // It does, and the account could not call at all, or is none.
  for (const char* header :
       {"Bearer lks_admin", "Bearer lks_dead", "Basic x"}) {
    caller = Found(finder, Method::kValidate, peer, {header});
    EXPECT_EQ(caller.name, "uri:spiffe://d/v");
    EXPECT_EQ(caller.permissions, kValidator);
  }
}

TEST_F(CallerFinderTest, AnAccountThatIsNotInMemoryIsAskedForOnAReader) {
  const CallerFinder finder = Finder({"account:admin=admin,on_behalf"});
  for (const Method method : {Method::kListKeys, Method::kLogin}) {
    const auto now = Find(finder, method, FakePeer(), {"Bearer on-disk"});
    EXPECT_TRUE(WantsDisk(now.status())) << now.status();
    const auto late =
        Find(finder, method, FakePeer(), {"Bearer on-disk"}, Reach::kDisk);
    ASSERT_TRUE(late.ok()) << late.status();
    EXPECT_EQ(late->name, "accounts/admin");
  }
}

TEST_F(CallerFinderTest, NotKnowingIsARefusal) {
  failure_ = MakeError(absl::StatusCode::kUnavailable, Reason::kStoreFailed,
                       "the store has failed");
  const CallerFinder finder = Finder({"account:admin=admin,on_behalf"});
  EXPECT_EQ(Find(finder, Method::kListKeys, FakePeer(), {"Bearer lks_admin"})
                .status(),
            failure_);
  // Nobody in particular, where that is enough.
  EXPECT_EQ(
      Found(finder, Method::kLogin, FakePeer(), {"Bearer lks_admin"}).kind,
      Caller::Kind::kUnknown);
}

TEST_F(CallerFinderTest, KnowsWhatSomebodyMayHave) {
  const CallerFinder finder = Finder({"dns:a=reason"}, /*open=*/true);
  EXPECT_TRUE(finder.MayHave(Permission::kSeeReason));
  EXPECT_TRUE(finder.MayHave(Permission::kValidate));
  EXPECT_FALSE(finder.MayHave(Permission::kAdminister));
}

}  // namespace
}  // namespace latchkey
