#include "server/rpc/peer_certificate.h"

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace latchkey {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Only a child of it can make one.
struct NoProperties : grpc::AuthPropertyIterator {};

// A connection as the transport describes it.
class Peer final : public grpc::AuthContext {
 public:
  using Properties = std::vector<std::pair<std::string, std::string>>;
  Peer(bool authenticated, Properties properties)
      : authenticated_(authenticated), properties_(std::move(properties)) {}

  bool IsPeerAuthenticated() const override { return authenticated_; }
  std::vector<grpc::string_ref> GetPeerIdentity() const override { return {}; }
  std::string GetPeerIdentityPropertyName() const override { return ""; }
  std::vector<grpc::string_ref> FindPropertyValues(
      const std::string& name) const override {
    std::vector<grpc::string_ref> values;
    for (const auto& [key, value] : properties_) {
      if (key == name) values.emplace_back(value);
    }
    return values;
  }
  grpc::AuthPropertyIterator begin() const override { return NoProperties(); }
  grpc::AuthPropertyIterator end() const override { return NoProperties(); }
  void AddProperty(const std::string&, const grpc::string_ref&) override {}
  bool SetPeerIdentityPropertyName(const std::string&) override {
    return false;
  }

 private:
  const bool authenticated_;
  const Properties properties_;
};

TEST(CertificateNamesOf, TakesUrisAndHostNamesAndNothingElse) {
  EXPECT_THAT(CertificateNamesOf(Peer(
                  true, {{"peer_uri", "spiffe://x/billing"},
                         {"peer_dns", "Billing.Example"},
                         {"peer_dns", "mail.example"},
                         {"x509_common_name", "admin"},
                         {"x509_subject_alternative_name", "spiffe://x/admin"},
                         {"peer_ip", "192.0.2.1"},
                         {"peer_email", "a@example"}})),
              ElementsAre("uri:spiffe://x/billing", "dns:billing.example",
                          "dns:mail.example"));
}

TEST(CertificateNamesOf, ANameOfOneKindIsNoneOfAnother) {
  EXPECT_THAT(CertificateNamesOf(Peer(true, {{"peer_dns", "spiffe://x/a"},
                                             {"peer_uri", "a.example"},
                                             {"peer_dns", "*.example"}})),
              IsEmpty());
}

TEST(CertificateNamesOf, TwoUrisAreNoSpiffeId) {
  EXPECT_THAT(
      CertificateNamesOf(Peer(true, {{"peer_uri", "spiffe://x/billing"},
                                     {"peer_uri", "SPIFFE://x/mail"},
                                     {"peer_uri", "https://example.org/x"},
                                     {"peer_dns", "billing.example"}})),
      ElementsAre("uri:https://example.org/x", "dns:billing.example"));
}

TEST(CertificateNamesOf, WithoutAVerifiedCertificateThereAreNone) {
  EXPECT_THAT(
      CertificateNamesOf(Peer(false, {{"peer_uri", "spiffe://x/billing"}})),
      IsEmpty());
}

}  // namespace
}  // namespace latchkey
