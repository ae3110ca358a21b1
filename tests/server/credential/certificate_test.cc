#include "server/credential/certificate.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/server/credential/certificate_maker.h"
#include "tests/support/fake_clock.h"

namespace latchkey {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const absl::Time kNow = FakeClock().Now();
const absl::Time kBegin = kNow - absl::Hours(1);
const absl::Time kEnd = kNow + absl::Hours(24);

MadeCertificate Make(CertificateRequest request,
                     const MadeCertificate* issuer = nullptr) {
  if (request.begin == absl::Time()) request.begin = kBegin;
  if (request.end == absl::Time()) request.end = kEnd;
  return MakeCertificate(request, issuer);
}

MadeCertificate MakeCa(const std::string& name = "ca") {
  return Make({.name = name, .ca = true, .usage = ""});
}

CertificatePem Pem(const MadeCertificate& made,
                   const std::string& client_ca = "") {
  return {made.certificate, SecretBytes(made.key), client_ca};
}

void ExpectRefused(CertificatePem pem, const char* why, absl::Time now = kNow) {
  const auto checked = ServerCertificate::Check(pem.Copy(), now);
  EXPECT_EQ(checked.status().code(), absl::StatusCode::kFailedPrecondition);
  const std::string message(checked.status().message());
  EXPECT_THAT(message, HasSubstr(why));
  EXPECT_THAT(message, Not(HasSubstr("\n")));
  EXPECT_THAT(message, Not(HasSubstr("-----")));
}

TEST(ServerCertificate, AGoodPairIsTakenAndSaysWhenItExpires) {
  const MadeCertificate ca = MakeCa();
  const auto checked =
      ServerCertificate::Check(Pem(Make({}, &ca), ca.certificate), kNow);
  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_EQ(checked->expire_time(), kEnd);
  EXPECT_EQ(checked->digest().size(), 32u);
  EXPECT_EQ(checked->pem().client_ca, ca.certificate);
}

TEST(ServerCertificate, ADigestTellsTwoApart) {
  const auto one = ServerCertificate::Check(Pem(Make({})), kNow);
  const auto other = ServerCertificate::Check(Pem(Make({})), kNow);
  ASSERT_TRUE(one.ok() && other.ok());
  EXPECT_NE(one->digest(), other->digest());
}

TEST(ServerCertificate, IsGoodFromItsFirstInstantToBeforeItsLast) {
  const CertificatePem pem = Pem(Make({}));
  const absl::Duration step = absl::Microseconds(1);
  EXPECT_TRUE(ServerCertificate::Check(pem.Copy(), kBegin).ok());
  EXPECT_TRUE(ServerCertificate::Check(pem.Copy(), kEnd - step).ok());
  ExpectRefused(pem.Copy(), "not valid before 2029-12-31T23:00:00Z",
                kBegin - step);
  ExpectRefused(pem.Copy(), "has expired at 2030-01-02T00:00:00Z", kEnd);
}

TEST(ServerCertificate, AChainIsTakenInOrderAndExpiresWithItsFirst) {
  const MadeCertificate root = MakeCa("root");
  const MadeCertificate middle = Make(
      {.name = "middle", .end = kNow + absl::Hours(2), .ca = true, .usage = ""},
      &root);
  const MadeCertificate leaf = Make({}, &middle);
  CertificatePem pem = Pem(leaf);
  pem.chain = absl::StrCat(leaf.certificate, middle.certificate);
  const auto checked = ServerCertificate::Check(pem.Copy(), kNow);
  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_EQ(checked->expire_time(), kNow + absl::Hours(2));

  ExpectRefused(pem.Copy(), "certificate 2 of the chain has expired",
                kNow + absl::Hours(2));
  pem.chain = absl::StrCat(leaf.certificate, root.certificate);
  ExpectRefused(pem.Copy(), "did not issue");
  pem.chain = absl::StrCat(middle.certificate, leaf.certificate);
  ExpectRefused(std::move(pem), "did not issue");
}

TEST(ServerCertificate, AnIssuerOfTheSameNameButAnotherKeyIsRefused) {
  const MadeCertificate ca = MakeCa(), impostor = MakeCa();
  const MadeCertificate leaf = Make({}, &ca);
  CertificatePem pem = Pem(leaf);
  pem.chain += impostor.certificate;
  ExpectRefused(std::move(pem), "did not issue");
}

TEST(ServerCertificate, AKeyMustBelongToIt) {
  CertificatePem pem = Pem(Make({}));
  pem.key = SecretBytes(Make({}).key);
  ExpectRefused(std::move(pem), "does not belong");
}

TEST(ServerCertificate, AKeyMustBeAPlainPemKey) {
  const MadeCertificate made = Make({});
  CertificatePem pem = Pem(made);
  for (const std::string& key :
       {std::string(), std::string("no key"), made.certificate,
        made.key.substr(0, made.key.size() / 2), EncryptKey(made.key)}) {
    pem.key = SecretBytes(key);
    ExpectRefused(pem.Copy(), "is no PEM private key, or is encrypted");
  }
}

TEST(ServerCertificate, AWeakKeyIsRefusedHere) {
  EXPECT_TRUE(
      ServerCertificate::Check(Pem(Make({.rsa_bits = 2048})), kNow).ok());
  ExpectRefused(Pem(Make({.rsa_bits = 512})), "key too small");
}

TEST(ServerCertificate, MustBeForServers) {
  ExpectRefused(Pem(Make({.usage = "clientAuth"})), "not for servers");
  for (const char* usage : {"", "serverAuth,clientAuth"}) {
    EXPECT_TRUE(
        ServerCertificate::Check(Pem(Make({.usage = usage})), kNow).ok());
  }
}

TEST(ServerCertificate, WhatIsNoPemIsRefused) {
  const MadeCertificate made = Make({});
  CertificatePem pem = Pem(made);
  for (const std::string& chain :
       {std::string(), std::string("text"), made.key}) {
    pem.chain = chain;
    ExpectRefused(pem.Copy(), "has no certificate");
  }
  std::string broken = made.certificate;
  broken[broken.size() / 2] = '!';
  for (const std::string& chain :
       {broken, made.certificate.substr(0, made.certificate.size() / 2),
        // A good one does not hide what follows.
        absl::StrCat(made.certificate, broken)}) {
    pem.chain = chain;
    ExpectRefused(pem.Copy(), "cannot be read");
  }
  pem.chain = made.certificate + std::string(1, '\0');
  ExpectRefused(std::move(pem), "is not PEM");
}

TEST(ServerCertificate, HasLimits) {
  const MadeCertificate made = Make({});
  CertificatePem pem = Pem(made);
  pem.chain.resize(kMaxChainBytes, '\n');
  EXPECT_TRUE(ServerCertificate::Check(pem.Copy(), kNow).ok());
  pem.chain += '\n';
  ExpectRefused(pem.Copy(), "the certificate file has over 65536 bytes");

  pem = Pem(made);
  std::string key = made.key;
  key.resize(kMaxKeyBytes, '\n');
  pem.key = SecretBytes(key);
  EXPECT_TRUE(ServerCertificate::Check(pem.Copy(), kNow).ok());
  pem.key = SecretBytes(key + '\n');
  ExpectRefused(pem.Copy(), "the key has over 16384 bytes");

  // The issuer of a self-signed certificate is itself.
  const MadeCertificate ca = MakeCa();
  pem = Pem(ca);
  for (size_t i = 1; i < kMaxChainCertificates; ++i)
    pem.chain += ca.certificate;
  EXPECT_TRUE(ServerCertificate::Check(pem.Copy(), kNow).ok());
  pem.chain += ca.certificate;
  ExpectRefused(pem.Copy(), "over 10 certificates");

  pem = Pem(made);
  for (size_t i = 0; i < kMaxClientCas; ++i) pem.client_ca += ca.certificate;
  EXPECT_TRUE(ServerCertificate::Check(pem.Copy(), kNow).ok());
  pem.client_ca += ca.certificate;
  ExpectRefused(pem.Copy(), "over 100 certificates");
  pem.client_ca.assign(kMaxClientCaBytes + 1, '\n');
  ExpectRefused(std::move(pem), "the client CA file has over 262144 bytes");
}

TEST(ServerCertificate, ClientCasMustBeCas) {
  const MadeCertificate made = Make({});
  ExpectRefused(Pem(made, made.certificate), "not a CA's");
  ExpectRefused(Pem(made, MakeCa().certificate + made.certificate),
                "not a CA's");
  ExpectRefused(Pem(made, "text"), "the client CA file has no certificate");
}

TEST(ServerCertificate, OneClientCaInTimeIsEnough) {
  const MadeCertificate made = Make({});
  const std::string expired =
      Make({.end = kNow - absl::Minutes(1), .ca = true}).certificate;
  const std::string later =
      Make({.begin = kNow + absl::Hours(1), .ca = true}).certificate;
  ExpectRefused(Pem(made, expired), "has expired");
  ExpectRefused(Pem(made, later), "not valid before");
  EXPECT_TRUE(ServerCertificate::Check(
                  Pem(made, expired + MakeCa().certificate + later), kNow)
                  .ok());
}

}  // namespace
}  // namespace latchkey
