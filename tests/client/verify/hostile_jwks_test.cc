// Every set of tests/vectors/hostile_jwks.json is treated as its `must` says.

#include <functional>
#include <map>
#include <string>

#include "absl/strings/match.h"
#include "gtest/gtest.h"

#include "client/verify/key_set.h"
#include "tests/support/vectors.h"

namespace latchkey {
namespace {

using Json = nlohmann::ordered_json;
using Loaded = absl::StatusOr<KeySet>;

std::string TextOf(const Json& hostile) {
  if (hostile.contains("jwks_text")) return hostile.at("jwks_text");
  return hostile.at("jwks").dump();
}

size_t EntriesOf(const Json& hostile) {
  return hostile.at("jwks").at("keys").size();
}

// The set is refused, or the key is not in it. All such sets have one key.
bool KeyIsRefused(const Json& hostile, const Loaded& loaded) {
  EXPECT_EQ(EntriesOf(hostile), 1u);
  return !loaded.ok() || loaded->size() == 0;
}

bool SetIsRefused(const Json&, const Loaded& loaded) {
  return loaded.status().code() == absl::StatusCode::kInvalidArgument;
}

bool SetIsRefusedWithAlarm(const Json&, const Loaded& loaded) {
  return loaded.status().code() == absl::StatusCode::kFailedPrecondition;
}

bool SetIsRefusedAnyhow(const Json&, const Loaded& loaded) {
  return !loaded.ok();
}

bool AllAreAccepted(const Json& hostile, const Loaded& loaded) {
  return loaded.ok() && loaded->size() == EntriesOf(hostile) &&
         loaded->left_out().empty();
}

bool Es1IsAcceptedAndTheOtherIgnored(const Json&, const Loaded& loaded) {
  return loaded.ok() && loaded->size() == 1 &&
         loaded->Find("es-1") != nullptr && loaded->left_out().size() == 1;
}

bool EmptySetIsAccepted(const Json&, const Loaded& loaded) {
  return loaded.ok() && loaded->size() == 0;
}

bool KeyIsBoundToRs256(const Json&, const Loaded& loaded) {
  return loaded.ok() && loaded->size() == 1 &&
         loaded->keys().front().algorithm() == Algorithm::kRs256;
}

TEST(HostileJwks, EverySetIsTreatedAsItMust) {
  const std::map<std::string, std::function<bool(const Json&, const Loaded&)>>
      musts = {
          {"accept all", AllAreAccepted},
          {"accept es-1, ignore the other", Es1IsAcceptedAndTheOtherIgnored},
          {"accept, then every token is refused", EmptySetIsAccepted},
          {"accept or refuse; never fetch", AllAreAccepted},
          {"either: accept bound to RS256 only, or refuse", KeyIsBoundToRs256},
          {"refuse key", KeyIsRefused},
          {"refuse key (our rule)", KeyIsRefused},
          {"refuse key (our rule: e=65537 or larger than 2^16, odd)",
           KeyIsRefused},
          {"refuse key (RFC 7518 6.3.1.1: no extra octet; note: some issuers "
           "do it)",
           KeyIsRefused},
          {"refuse set", SetIsRefusedAnyhow},
          {"refuse set or ignore the entry", SetIsRefused},
          {"refuse set, keep the old one", SetIsRefused},
          {"refuse set and raise an alarm", SetIsRefusedWithAlarm},
      };
  const Json vectors = ReadVectors("hostile_jwks.json");
  ASSERT_EQ(vectors.at("cases").size(), 74u);
  for (const Json& hostile : vectors.at("cases")) {
    const std::string name = hostile.at("name");
    const std::string must = hostile.at("must");
    ASSERT_TRUE(musts.contains(must)) << name << ": unknown word: " << must;
    const Loaded loaded = KeySet::FromJwks(TextOf(hostile));
    EXPECT_TRUE(musts.at(must)(hostile, loaded))
        << name << " must: " << must << "; got " << loaded.status();
  }
}

TEST(HostileJwks, RefusedKeysAreRefusedForTheirRule) {
  const std::map<std::string, std::string> rules = {
      {"ed25519-31-bytes", "must have 32 bytes"},
      {"ed25519-not-on-curve", "off the curve"},
      {"ed25519-x-padded", "not base64url"},
      {"ed25519-crv-x25519", "type or curve"},
      {"ed25519-alg-es256", "alg is not"},
      {"use-enc", "use is not sig"},
      {"key-ops-encrypt", "key_ops"},
      {"use-and-key-ops-disagree", "key_ops"},
      {"no-kid", "kid must be"},
      {"kid-5000", "kid must be"},
      {"kid-control-char", "kid must be"},
      {"ec-not-on-curve", "not on P-256"},
      {"ec-x-31-bytes", "must have 32 bytes"},
      {"ec-missing-y", "missing"},
      {"rsa-1024", "2048 to 4096"},
      {"rsa-2047", "2048 to 4096"},
      {"rsa-16384", "2048 to 4096"},
      {"rsa-e3", "exponent"},
      {"rsa-e-zero", "zero byte"},
      {"rsa-e-huge", "exponent"},
      {"rsa-n-even", "must be odd"},
      {"rsa-n-leading-zero", "zero byte"},
      {"rsa-n-empty", "must not be empty"},
      {"oct-key", "secret key"},
      {"duplicate-kid-other-key", "same kid"},
      {"set-null-key", "no object"},
      {"set-html", "strict JSON"},
  };
  const Json vectors = ReadVectors("hostile_jwks.json");
  size_t seen = 0;
  for (const Json& hostile : vectors.at("cases")) {
    const auto rule = rules.find(hostile.at("name"));
    if (rule == rules.end()) continue;
    ++seen;
    const Loaded loaded = KeySet::FromJwks(TextOf(hostile));
    EXPECT_TRUE(absl::StrContains(loaded.status().message(), rule->second))
        << rule->first << ": " << loaded.status();
  }
  EXPECT_EQ(seen, rules.size());
}

TEST(HostileJwks, RefusedKeyBesideAGoodOneIsLeftOutAndNamed) {
  const Json vectors = ReadVectors("hostile_jwks.json");
  const Json good = vectors.at("cases").at(0).at("jwks").at("keys").at(1);
  ASSERT_EQ(good.at("kid"), "es-1");
  for (const Json& hostile : vectors.at("cases")) {
    if (!absl::StartsWith(hostile.at("must").get<std::string>(),
                          "refuse key") ||
        hostile.at("name") == "oct-key") {
      continue;
    }
    Json bad = hostile.at("jwks").at("keys").at(0);
    if (bad.contains("kid") && bad.at("kid") == "es-1") bad["kid"] = "bad";
    const Json set = {{"keys", {good, bad}}};
    const Loaded loaded = KeySet::FromJwks(set.dump());
    ASSERT_TRUE(loaded.ok()) << hostile.at("name") << loaded.status();
    EXPECT_EQ(loaded->size(), 1u) << hostile.at("name");
    EXPECT_NE(loaded->Find("es-1"), nullptr);
    ASSERT_EQ(loaded->left_out().size(), 1u);
    EXPECT_TRUE(absl::StartsWith(loaded->left_out().front(), "key 2: "));
  }
}

TEST(HostileJwks, ForgedSignatureUnderASmallOrderKeyFindsNoKey) {
  const Json vectors = ReadVectors("hostile_jwks.json");
  const Json key = {{"kty", "OKP"},
                    {"crv", "Ed25519"},
                    {"x", vectors.at("forgery_example").at("key_x")},
                    {"kid", "forged"}};
  EXPECT_FALSE(PublicKey::FromJwk(key.dump()).ok());
}

}  // namespace
}  // namespace latchkey
