// Checking tokens in process: as a service that holds the keys does, and as
// one that also follows what is taken back.
#include <algorithm>
#include <functional>
#include <memory>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

#include "client/base/status_macros.h"
#include "client/verify/base64url.h"
#include "client/verify/jwt_verifier.h"
#include "client/verify/key_set.h"
#include "client/verify/token_hash.h"
#include "client/verify/verdict_cache.h"
#include "server/base/random.h"
#include "server/credential/signing_key.h"
#include "tools/bench/interrupt.h"
#include "tools/bench/local_checks.h"
#include "tools/bench/parts.h"
#include "tools/bench/stats.h"

namespace latchkey::bench {
namespace {

constexpr char kSection[] = "local";
constexpr int kTokens = 1000;
constexpr int kRsaBits = 2048;
// 600 characters each, as a JWT of the server's has.
constexpr size_t kTokenBytes = 450;
constexpr size_t kManyTokens = 100'000;
constexpr absl::Duration kLife = absl::Hours(12);
// Tokens that a verifier is asked about in turn.
constexpr size_t kAskedAbout[] = {1, 1000};

using Sign = std::function<absl::StatusOr<std::string>(absl::string_view)>;

// Signer is a key of one algorithm: ours, or an RSA key as other issuers have.
struct Signer {
  std::string jwk;
  std::string kid;
  std::string algorithm;
  Sign sign;
};

struct KeyFree {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};

absl::StatusOr<Signer> OurSigner(KeyAlgorithm algorithm) {
  LATCHKEY_ASSIGN_OR_RETURN(std::shared_ptr<const SigningKey> key,
                            SigningKey::Generate(algorithm));
  return Signer{
      .jwk = key->public_key().ToJwk(),
      .kid = key->kid(),
      .algorithm = std::string(AlgorithmName(key->public_key().algorithm())),
      .sign = [key](absl::string_view input) { return key->Sign(input); }};
}

std::string RsaNumber(EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &number) != 1) return "";
  std::string bytes(BN_num_bytes(number), '\0');
  BN_bn2bin(number, reinterpret_cast<unsigned char*>(bytes.data()));
  BN_free(number);
  return Base64UrlEncode(bytes);
}

absl::StatusOr<std::string> RsaSign(EVP_PKEY* key, absl::string_view input) {
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(),
                                                             EVP_MD_CTX_free);
  std::string signature(kRsaBits / 8, '\0');
  size_t size = signature.size();
  if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key) !=
          1 ||
      EVP_DigestSign(context.get(),
                     reinterpret_cast<unsigned char*>(signature.data()), &size,
                     reinterpret_cast<const unsigned char*>(input.data()),
                     input.size()) != 1) {
    return absl::InternalError("RSA signing failed");
  }
  return signature;
}

absl::StatusOr<Signer> RsaSigner() {
  std::shared_ptr<EVP_PKEY> key(EVP_RSA_gen(kRsaBits), KeyFree());
  if (key == nullptr) return absl::InternalError("no RSA key could be made");
  Signer signer;
  signer.kid = "rsa-1";
  signer.algorithm = "RS256";
  signer.jwk =
      absl::StrCat(R"({"kty":"RSA","kid":"rsa-1","alg":"RS256","n":")",
                   RsaNumber(key.get(), OSSL_PKEY_PARAM_RSA_N), R"(","e":")",
                   RsaNumber(key.get(), OSSL_PKEY_PARAM_RSA_E), R"("})");
  signer.sign = [key](absl::string_view input) {
    return RsaSign(key.get(), input);
  };
  return signer;
}

struct Token {
  std::string text;
  std::string input;      // what is signed
  std::string signature;  // raw
};

// A token with the claims that the server's own have.
absl::StatusOr<Token> MakeToken(const Signer& signer, absl::Time now) {
  const int64_t seconds = absl::ToUnixSeconds(now);
  const std::string uid = RandomBytes<AccountUid>().ToHex();
  const std::string payload = absl::StrCat(
      R"({"iss":"latchkey:bench","sub":")", uid,
      R"(","account":"u0000001","client_id":"u0000001",)",
      R"("aud":"latchkey:bench","exp":)", seconds + absl::ToInt64Seconds(kLife),
      R"(,"iat":)", seconds, R"(,"jti":")", RandomBytes<SessionId>().ToHex(),
      R"(","sid":")", RandomBytes<SessionId>().ToHex(),
      R"(","gen":1,"auth_time":)", seconds,
      R"(,"amr":["pwd"],"roles":["reader"]})");
  const std::string header =
      absl::StrCat(R"({"alg":")", signer.algorithm, R"(","kid":")", signer.kid,
                   R"(","typ":"at+jwt"})");
  Token token;
  token.input =
      absl::StrCat(Base64UrlEncode(header), ".", Base64UrlEncode(payload));
  LATCHKEY_ASSIGN_OR_RETURN(token.signature, signer.sign(token.input));
  token.text = absl::StrCat(token.input, ".", Base64UrlEncode(token.signature));
  return token;
}

// Seconds per call of `check`, over `tokens` in turn, for about `duration`;
// 0 if one was refused.
double TimeOf(const std::vector<Token>& tokens, absl::Duration duration,
              const std::function<bool(const Token&)>& check) {
  const absl::Time begin = absl::Now();
  uint64_t calls = 0;
  while (absl::Now() < begin + duration) {
    for (int i = 0; i < 16; ++i) {
      if (!check(tokens[calls++ % tokens.size()])) return 0;
    }
  }
  return absl::ToDoubleSeconds(absl::Now() - begin) /
         static_cast<double>(calls);
}

absl::Status MeasureSigner(const Bench& bench, const Signer& signer) {
  bench.progress.Step(absl::StrCat("local: ", signer.algorithm));
  const absl::Time now = bench.clock.Now();
  LATCHKEY_ASSIGN_OR_RETURN(
      const KeySet keys,
      KeySet::FromJwks(absl::StrCat(R"({"keys":[)", signer.jwk, "]}")));
  std::vector<Token> tokens;
  for (int i = 0; i < kTokens; ++i) {
    LATCHKEY_ASSIGN_OR_RETURN(Token token, MakeToken(signer, now));
    tokens.push_back(std::move(token));
  }
  Expectations expect;
  expect.issuer = expect.audience.emplace("latchkey:bench");
  const PublicKey& key = *keys.Find(signer.kid);
  const auto raw = [&](const Token& token) {
    return key.Verify(token.input, token.signature);
  };
  const auto verify = [&](const Token& token) {
    return VerifyJwt(token.text, keys, expect, now).ok();
  };
  std::vector<double> ratios, verify_seconds, raw_seconds;
  for (int quad = 0; quad < bench.options.quads; ++quad) {
    if (Interrupted()) return absl::CancelledError("interrupted");
    const absl::Duration block = bench.options.block / 4;
    const double raw_before = TimeOf(tokens, block, raw);
    const double one = TimeOf(tokens, block, verify);
    const double two = TimeOf(tokens, block, verify);
    const double raw_after = TimeOf(tokens, block, raw);
    if (std::min({raw_before, one, two, raw_after}) == 0) {
      return absl::AbortedError(absl::StrCat("a good ", signer.algorithm,
                                             " token was refused in process"));
    }
    ratios.push_back((one + two) / (raw_before + raw_after));
    verify_seconds.push_back((one + two) / 2);
    raw_seconds.push_back((raw_before + raw_after) / 2);
  }
  const Spread ratio = SpreadOf(ratios);
  bench.report.Add(
      {.section = kSection,
       .name = absl::StrCat("VerifyJwt uncached / bare signature check, ",
                            signer.algorithm),
       .measured = ratio.median,
       .unit = "x",
       .at_least = 1.10,
       .aim = 1.04,
       .higher_is_better = false,
       .spread = ratio,
       .note = absl::StrCat(FormatFigure(Median(verify_seconds), "s"), " and ",
                            FormatFigure(Median(raw_seconds), "s"))});
  return absl::OkStatus();
}

// Tokens whose verdict is known: a few that stay in the processor's caches, and
// more than these hold. The tokens are not real: to the cache a text is a text.
absl::Status MeasureCachedVerdict(const Bench& bench) {
  bench.progress.Step("local: cached verdict");
  const absl::Time now = bench.clock.Now();
  const auto keys = std::make_shared<const KeySet>();
  for (const size_t count : {size_t{1000}, kManyTokens}) {
    VerdictCache<SessionId> cache({.max_entries = 2 * count});
    std::vector<Token> tokens(count);
    for (Token& token : tokens) {
      token.text = Base64UrlEncode(std::string(
          RandomBytes<FixedBytes<kTokenBytes, struct TokenTag>>().view()));
      cache.Insert(token.text, keys, {now, now + kLife}, SessionId());
    }
    std::vector<double> seconds;
    size_t missed = 0;
    for (int quad = 0; quad < bench.options.quads; ++quad) {
      if (Interrupted()) return absl::CancelledError("interrupted");
      seconds.push_back(
          TimeOf(tokens, bench.options.block / 4, [&](const Token& token) {
            if (!cache.Find(token.text, keys, now).has_value()) ++missed;
            return true;
          }));
    }
    const Spread spread = SpreadOf(seconds);
    bench.report.Add(
        {.section = kSection,
         .name = absl::StrCat("JWT verify, cached verdict, ", count, " tokens"),
         .measured = spread.median,
         .unit = "s",
         .at_least = 700e-9,
         .aim = 400e-9,
         .higher_is_better = false,
         .spread = spread,
         .note = absl::StrCat(tokens[0].text.size(), " bytes; evicted: ",
                              missed == 0 ? "none" : "some")});
  }
  return absl::OkStatus();
}

void AddCheckRows(const Bench& bench, size_t tokens,
                  const std::vector<double>& seconds,
                  const std::vector<double>& gains,
                  const std::vector<double>& hash_gains) {
  const std::string name =
      absl::StrCat("OfflineValidator, JWT seen before, ", tokens,
                   tokens == 1 ? " token" : " tokens");
  bench.report.Add({.section = kSection,
                    .name = absl::StrCat(name, ", one thread"),
                    .measured = Median(seconds),
                    .unit = "s",
                    .at_least = 300e-9,
                    .aim = 150e-9,
                    .higher_is_better = false,
                    .spread = SpreadOf(seconds)});
  bench.report.Add(
      {.section = kSection,
       .name = absl::StrCat(name, ", two threads / one"),
       .measured = Median(gains),
       .unit = "x",
       .aim = 2,
       .spread = SpreadOf(gains),
       .note = absl::StrCat("a hash of the text, sharing nothing: ",
                            FormatFigure(Median(hash_gains), "x"))});
}

// Checks per second of `work` on two threads for each on one.
absl::StatusOr<double> Gain(const Bench& bench,
                            const std::vector<std::string>& tokens,
                            absl::FunctionRef<bool(const std::string&)> work,
                            double* seconds) {
  const absl::Duration block = bench.options.block / 4;
  LATCHKEY_ASSIGN_OR_RETURN(const double before,
                            RatePerSecond(tokens, 1, block, work));
  LATCHKEY_ASSIGN_OR_RETURN(const double two,
                            RatePerSecond(tokens, 2, 2 * block, work));
  LATCHKEY_ASSIGN_OR_RETURN(const double after,
                            RatePerSecond(tokens, 1, block, work));
  *seconds = (1 / before + 1 / after) / 2;
  return two * *seconds;
}

// Checks as OfflineValidator makes them, over a server that it follows.
absl::Status MeasureOfflineValidator(const Bench& bench) {
  Stage::Setup setup;
  setup.population.live = kTokens * Population::kJwtEvery;
  LATCHKEY_ASSIGN_OR_RETURN(const std::unique_ptr<Stage> stage,
                            Stage::SeedAndStart(bench, std::move(setup)));
  LATCHKEY_ASSIGN_OR_RETURN(const auto validator, StartValidator(*stage));
  const TokenHasher hasher;
  const auto check = [&](const std::string& token) {
    return IsAccepted(*validator, token);
  };
  const auto hash = [&](const std::string& token) {
    return hasher.Hash(token).length == token.size();
  };
  for (const size_t count : kAskedAbout) {
    bench.progress.Step(
        absl::StrCat("local: OfflineValidator, ", count, " in turn"));
    LATCHKEY_ASSIGN_OR_RETURN(const std::vector<std::string> tokens,
                              MintTokens(bench, *stage, count));
    LATCHKEY_RETURN_IF_ERROR(
        RatePerSecond(tokens, 1, absl::Milliseconds(500), check).status());
    std::vector<double> seconds, gains, hash_gains;
    for (int quad = 0; quad < bench.options.quads; ++quad) {
      if (Interrupted()) return absl::CancelledError("interrupted");
      bench.progress.Part(quad, bench.options.quads);
      double one = 0, hash_one = 0;
      LATCHKEY_ASSIGN_OR_RETURN(const double gain,
                                Gain(bench, tokens, check, &one));
      LATCHKEY_ASSIGN_OR_RETURN(const double hash_gain,
                                Gain(bench, tokens, hash, &hash_one));
      seconds.push_back(one);
      gains.push_back(gain);
      hash_gains.push_back(hash_gain);
    }
    AddCheckRows(bench, count, seconds, gains, hash_gains);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status RunLocal(const Bench& bench) {
  LATCHKEY_ASSIGN_OR_RETURN(const Signer es256,
                            OurSigner(KeyAlgorithm::kEs256));
  LATCHKEY_ASSIGN_OR_RETURN(const Signer eddsa,
                            OurSigner(KeyAlgorithm::kEdDsa));
  LATCHKEY_ASSIGN_OR_RETURN(const Signer rs256, RsaSigner());
  for (const Signer* signer : {&es256, &eddsa, &rs256}) {
    LATCHKEY_RETURN_IF_ERROR(MeasureSigner(bench, *signer));
  }
  LATCHKEY_RETURN_IF_ERROR(MeasureCachedVerdict(bench));
  return MeasureOfflineValidator(bench);
}

}  // namespace latchkey::bench
