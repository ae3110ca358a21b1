#include "tools/jwt_verify/jwt_verify.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <limits>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

#include "client/verify/json_text.h"
#include "client/verify/jwt_verifier.h"

namespace latchkey {
namespace {

constexpr int kExitGood = 0;
constexpr int kExitRefused = 1;
constexpr int kExitUnusable = 2;

// LineReader gives the lines of a stream and holds no more of one than a
// token may have.
class LineReader {
 public:
  explicit LineReader(std::istream& in) : in_(in) {}

  // Next returns the next line without its end, valid until the next call, or
  // nullopt at the end. A line that is too long is cut to one byte more than a
  // token may have, which is enough to refuse it.
  std::optional<absl::string_view> Next() {
    if (in_.eof()) return std::nullopt;
    // Room for the line's end, which becomes a NUL.
    in_.getline(buffer_.data(), buffer_.size());
    const auto count = static_cast<size_t>(in_.gcount());
    if (in_.eof()) {
      if (count == 0 && !first_) return std::nullopt;
      return Line(count);
    }
    if (!in_.fail()) return Line(count - 1);
    if (in_.bad() || count == 0) return std::nullopt;
    in_.clear();
    in_.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
    return Line(count);
  }

 private:
  absl::string_view Line(size_t size) {
    first_ = false;
    return absl::string_view(buffer_.data(), size);
  }

  std::istream& in_;
  bool first_ = true;
  std::array<char, kMaxTokenBytes + 2> buffer_;
};

absl::StatusOr<KeySet> ReadKeySet(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  // One byte more than a set may have, so that a larger one is seen as such.
  std::string text(kMaxJwksBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad()) {
    return absl::NotFoundError("the file cannot be read");
  }
  text.resize(static_cast<size_t>(file.gcount()));
  return KeySet::FromJwks(text);
}

absl::Status CheckOptions(const JwtVerifyOptions& options) {
  if (options.signature_only) return absl::OkStatus();
  if (options.issuer.empty()) {
    return absl::InvalidArgumentError("an issuer is required");
  }
  if (options.audience.has_value() == options.allow_any_audience) {
    return absl::InvalidArgumentError(
        "either an audience or any audience must be asked for");
  }
  if (options.clock_skew < absl::ZeroDuration() ||
      options.clock_skew > kMaxClockSkew) {
    return absl::InvalidArgumentError("the clock skew must be 0 to 60 s");
  }
  return absl::OkStatus();
}

void AppendName(absl::string_view name, std::string* out) {
  if (out->back() != '{') out->push_back(',');
  absl::StrAppend(out, "\"", name, "\":");
}

void AppendText(absl::string_view name, absl::string_view text,
                std::string* out) {
  AppendName(name, out);
  AppendJsonString(text, out);
}

void AppendTexts(absl::string_view name, const std::vector<std::string>& texts,
                 std::string* out) {
  AppendName(name, out);
  out->push_back('[');
  for (const std::string& text : texts) {
    if (out->back() != '[') out->push_back(',');
    AppendJsonString(text, out);
  }
  out->push_back(']');
}

void AppendTime(absl::string_view name, absl::Time time, std::string* out) {
  AppendName(name, out);
  absl::StrAppend(out, absl::ToUnixSeconds(time));
}

void AppendClaims(const VerifiedClaims& claims, std::string* out) {
  AppendName("claims", out);
  out->push_back('{');
  AppendText("iss", claims.issuer, out);
  AppendText("sub", claims.subject, out);
  AppendTexts("aud", claims.audiences, out);
  AppendTime("exp", claims.expire_time, out);
  AppendTime("iat", claims.issue_time, out);
  if (claims.not_before) AppendTime("nbf", *claims.not_before, out);
  AppendText("jti", claims.jti, out);
  if (!claims.account.empty()) AppendText("account", claims.account, out);
  if (!claims.client_id.empty()) AppendText("client_id", claims.client_id, out);
  if (claims.session_id) AppendText("sid", claims.session_id->ToHex(), out);
  if (claims.generation) {
    AppendName("gen", out);
    absl::StrAppend(out, *claims.generation);
  }
  if (claims.auth_time) AppendTime("auth_time", *claims.auth_time, out);
  if (!claims.amr.empty()) AppendTexts("amr", claims.amr, out);
  if (!claims.roles.empty()) AppendTexts("roles", claims.roles, out);
  out->push_back('}');
}

// Judges tokens by one key set and one set of options.
class Judge {
 public:
  Judge(const KeySet& keys, const Clock& clock, const JwtVerifyOptions& options)
      : keys_(keys), clock_(clock), options_(options) {
    expect_.issuer = options.issuer;
    expect_.audience = options.audience;
    expect_.allow_any_audience = options.allow_any_audience;
    expect_.clock_skew = options.clock_skew;
  }

  // Appends the verdict's members to `out`; returns whether the token is good.
  bool Append(absl::string_view token, std::string* out) const {
    if (options_.signature_only) {
      const SignatureResult result = VerifySignatureOnly(token, keys_);
      if (!result.ok()) return AppendRefusal(result.refusal(), out);
      AppendKey(result.kid(), out);
      return true;
    }
    const VerifyResult result = VerifyJwt(
        token, keys_, expect_, options_.now ? *options_.now : clock_.Now());
    if (!result.ok()) return AppendRefusal(result.refusal(), out);
    AppendKey(result.claims().kid, out);
    AppendClaims(result.claims(), out);
    return true;
  }

 private:
  static bool AppendRefusal(Refusal refusal, std::string* out) {
    absl::StrAppend(out, ",\"ok\":false,\"reason\":\"", RefusalName(refusal),
                    "\"");
    return false;
  }

  void AppendKey(absl::string_view kid, std::string* out) const {
    absl::StrAppend(out, ",\"ok\":true");
    AppendText("kid", kid, out);
    AppendText("alg", AlgorithmName(keys_.Find(kid)->algorithm()), out);
  }

  const KeySet& keys_;
  const Clock& clock_;
  const JwtVerifyOptions& options_;
  Expectations expect_;
};

}  // namespace

int RunJwtVerify(std::istream& in, std::ostream& out, std::ostream& err,
                 const Clock& clock, const JwtVerifyOptions& options) {
  if (const absl::Status status = CheckOptions(options); !status.ok()) {
    err << "latchkey: " << status.message() << "\n";
    return kExitUnusable;
  }
  const absl::StatusOr<KeySet> keys = ReadKeySet(options.jwks_path);
  if (!keys.ok()) {
    std::string path;
    AppendJsonString(options.jwks_path, &path);
    err << "latchkey: the key set " << path
        << " cannot be used: " << keys.status().message() << "\n";
    return kExitUnusable;
  }
  for (const std::string& line : keys->left_out()) {
    err << "latchkey: a key of the set is left out: " << line << "\n";
  }

  const Judge judge(*keys, clock, options);
  LineReader lines(in);
  bool all_good = true;
  uint64_t number = 0;
  while (const auto token = lines.Next()) {
    std::string verdict = absl::StrCat("{\"line\":", ++number);
    if (!judge.Append(*token, &verdict)) all_good = false;
    out << verdict << "}" << std::endl;
    if (!out) {
      err << "latchkey: the answer cannot be written\n";
      return kExitUnusable;
    }
  }
  if (in.bad()) {
    err << "latchkey: the tokens cannot be read\n";
    return kExitUnusable;
  }
  return all_good ? kExitGood : kExitRefused;
}

}  // namespace latchkey
