// A JWT that was seen before is not looked through again; these are the ways
// in which that must not turn into a yes.
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

#include "client/verify/base64url.h"
#include "server/credential/signing_key.h"
#include "tests/server/auth/world.h"

namespace latchkey {
namespace {

using nlohmann::json;

// The three parts of a JWT, decoded.
struct Parts {
  explicit Parts(const SecretBytes& jwt) {
    const std::vector<std::string> texts =
        absl::StrSplit(std::string(jwt.Reveal()), '.');
    header = json::parse(*Base64UrlDecode(texts[0]));
    payload = json::parse(*Base64UrlDecode(texts[1]));
    input = texts[0] + "." + texts[1];
    signature = *Base64UrlDecode(texts[2]);
  }

  static std::string Join(const std::string& input,
                          const std::string& signature) {
    return absl::StrCat(input, ".", Base64UrlEncode(signature));
  }
  // What would be signed, of the parts as they are now.
  std::string Input() const {
    return absl::StrCat(Base64UrlEncode(header.dump()), ".",
                        Base64UrlEncode(payload.dump()));
  }

  json header;
  json payload;
  std::string input;
  std::string signature;
};

class WarmVerdict : public ::testing::Test {
 protected:
  explicit WarmVerdict(SessionPolicy policy = {}) : world_(policy) {
    world_.CreateAccount("alice", {"dev"});
    world_.CreateAccount("bob", {"admin"});
    grant_ = Login("alice");
  }

  // Logs in, and has the JWT judged good and remembered.
  Grant Login(const std::string& account) {
    const size_t before = world_.verdicts().Entries();
    Grant grant = world_.Login(World::LoginOf(account, CredentialForm::kJwt));
    EXPECT_TRUE(world_.Active(grant.credential));
    EXPECT_EQ(world_.verdicts().Entries(), before + 1);
    return grant;
  }

  // Refused, every time, and nothing is remembered of it.
  void ExpectRefused(const std::string& jwt, const std::string& what) {
    const size_t before = world_.verdicts().Entries();
    for (int i = 0; i < 2; ++i) {
      EXPECT_FALSE(world_.Active(SecretBytes(jwt))) << what;
    }
    EXPECT_EQ(world_.verdicts().Entries(), before) << what;
    EXPECT_TRUE(world_.Active(grant_.credential)) << "after " << what;
  }

  static std::shared_ptr<const SigningKey> ForeignKey() {
    return *SigningKey::Generate(KeyAlgorithm::kEs256);
  }

  World world_;
  Grant grant_;
};

TEST_F(WarmVerdict, AnotherSignatureUnderTheSameTextIsRefused) {
  const Parts parts(grant_.credential);
  for (size_t bit = 0; bit < parts.signature.size() * 8; ++bit) {
    std::string flipped = parts.signature;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    ExpectRefused(Parts::Join(parts.input, flipped), absl::StrCat("bit ", bit));
  }
  ExpectRefused(Parts::Join(parts.input, ""), "no signature");
  ExpectRefused(Parts::Join(parts.input, parts.signature.substr(0, 63)),
                "a short signature");
  ExpectRefused(Parts::Join(parts.input, parts.signature + '\0'),
                "a long signature");
  ExpectRefused(Parts::Join(parts.input, std::string(64, '\0')), "zeros");
  ExpectRefused(Parts::Join(parts.input, *ForeignKey()->Sign(parts.input)),
                "a foreign key's signature");
  const Grant other = Login("bob");
  ExpectRefused(Parts::Join(parts.input, Parts(other.credential).signature),
                "another token's signature");
}

TEST_F(WarmVerdict, TheSameIdWithOtherClaimsIsRefused) {
  const Grant bob = Login("bob");
  const Parts real(grant_.credential);
  const json bobs = Parts(bob.credential).payload;
  const std::shared_ptr<const SigningKey> foreign = ForeignKey();
  const std::vector<std::pair<std::string, json>> claims = {
      {"exp", real.payload["exp"].get<int64_t>() + 86400},
      {"gen", real.payload["gen"].get<int64_t>() + 1},
      {"roles", {"admin"}},
      {"sid", bobs["sid"]},
      {"sub", bobs["sub"]},
      {"account", "bob"},
      {"aud", "elsewhere"}};
  for (const auto& [name, value] : claims) {
    Parts forged = real;
    ASSERT_NE(forged.payload[name], value);
    forged.payload[name] = value;
    ASSERT_EQ(forged.payload["jti"], real.payload["jti"]);
    const std::string input = forged.Input();
    ExpectRefused(Parts::Join(input, real.signature), name + ", not signed");
    ExpectRefused(Parts::Join(input, *foreign->Sign(input)),
                  name + ", signed by a foreign key");
    forged.header["kid"] = foreign->kid();
    const std::string honest = forged.Input();
    ExpectRefused(Parts::Join(honest, *foreign->Sign(honest)),
                  name + ", by a foreign key that says so");
  }
}

TEST_F(WarmVerdict, IsRefusedOnceItsTimeHasCome) {
  world_.clock().Advance(grant_.expire_time - world_.clock().Now() -
                         absl::Microseconds(1));
  EXPECT_TRUE(world_.Active(grant_.credential));
  world_.clock().Advance(absl::Microseconds(1));
  EXPECT_FALSE(world_.Active(grant_.credential));
}

TEST_F(WarmVerdict, IsRefusedOnceItsSessionEnded) {
  const Grant other = Login("alice");
  ASSERT_TRUE(world_.authority()
                  .LogoutByName("alice", grant_.session.id,
                                LogoutScope::kThisSession, {})
                  .ok());
  EXPECT_FALSE(world_.Active(grant_.credential));
  EXPECT_TRUE(world_.Active(other.credential));
}

TEST_F(WarmVerdict, IsRefusedOnceTheGenerationOfItsAccountMoved) {
  const Grant bob = Login("bob");
  ASSERT_TRUE(
      world_.authority()
          .Logout(grant_.credential.Reveal(), LogoutScope::kAllSessions, {})
          .ok());
  EXPECT_FALSE(world_.Active(grant_.credential));
  EXPECT_TRUE(world_.Active(bob.credential));
  // Its session's record is still there; a newer login does not lift it.
  const Grant next = Login("alice");
  EXPECT_FALSE(world_.Active(grant_.credential));
  EXPECT_TRUE(world_.Active(next.credential));
}

TEST_F(WarmVerdict, IsRefusedOnceTheStoreHasFailed) {
  world_.failing().readiness = absl::UnavailableError("failed");
  EXPECT_FALSE(world_.TryValidate(grant_.credential).ok());
  world_.failing().readiness = absl::OkStatus();
  EXPECT_TRUE(world_.Active(grant_.credential));
}

// Sessions that outlive a signing key.
class LongWarmVerdict : public WarmVerdict {
 protected:
  LongWarmVerdict()
      : WarmVerdict({.session_ttl = absl::Hours(24 * 90),
                     .idle_ttl = absl::Hours(24 * 90),
                     .max_session_ttl = absl::Hours(24 * 90)}) {}
};

TEST_F(LongWarmVerdict, IsRefusedOnceItsKeyLeftTheSet) {
  const absl::Time start = world_.clock().Now();
  const auto key = world_.keys().Signer(start);
  ASSERT_TRUE(world_.keys().Rotate(start).ok());
  const KeyInfo info = world_.keys().List(start).front();
  ASSERT_EQ(info.kid, key->kid());
  ASSERT_TRUE(info.gone_time.has_value());
  // No token of ours outlives its key, so one has to be made that does.
  const absl::Time late = *info.gone_time - absl::Hours(1);
  world_.clock().Advance(late - start);
  Parts parts(grant_.credential);
  parts.payload["iat"] = absl::ToUnixSeconds(late);
  parts.payload["exp"] = absl::ToUnixSeconds(late + absl::Hours(10));
  const std::string input = parts.Input();
  const SecretBytes jwt(Parts::Join(input, *key->Sign(input)));
  ASSERT_TRUE(world_.Active(jwt));
  world_.clock().Advance(absl::Hours(1) - absl::Microseconds(1));
  EXPECT_TRUE(world_.Active(jwt));
  world_.clock().Advance(absl::Microseconds(1));
  EXPECT_FALSE(world_.Active(jwt));
  EXPECT_FALSE(world_.Active(jwt)) << "asked again";
}

TEST_F(LongWarmVerdict, OutlivesTheComingOfANewKey) {
  ASSERT_TRUE(world_.keys().Rotate(world_.clock().Now()).ok());
  EXPECT_TRUE(world_.Active(grant_.credential));
  EXPECT_TRUE(world_.Active(grant_.credential)) << "asked again";
}

}  // namespace
}  // namespace latchkey
