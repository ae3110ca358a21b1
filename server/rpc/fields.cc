#include "server/rpc/fields.h"

#include <cstdint>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "client/base/utf8.h"
#include "client/verify/base64url.h"
#include "client/verify/revision.h"
#include "client/verify/token_limits.h"
#include "server/account/account.h"

namespace latchkey {
namespace {

// google.protobuf.Duration's own range: 10,000 years.
constexpr int64_t kMaxDurationSeconds = 315576000000;

constexpr absl::string_view kAccountPrefix = "accounts/";
constexpr absl::string_view kSessionInfix = "/sessions/";
constexpr absl::string_view kSecretInfix = "/secrets/";

}  // namespace

void FieldChecks::Fail(absl::string_view field, absl::string_view description) {
  violations_.push_back({std::string(field), std::string(description)});
}

void FieldChecks::AccountId(absl::string_view field, absl::string_view value) {
  if (!IsAccountName(value)) {
    Fail(field, "must be 1 to 64 of [a-z0-9._-], the first a letter or digit");
  }
}

void FieldChecks::Password(absl::string_view field, const SecretBytes& value) {
  if (value.empty() || value.size() > kMaxPasswordBytes) {
    Fail(field, "must be 1 to 1,024 bytes");
  }
}

void FieldChecks::Credential(absl::string_view field, absl::string_view value) {
  if (value.size() > kMaxCredentialBytes) {
    Fail(field, "must be at most 8,192 bytes");
  }
}

void FieldChecks::Audience(absl::string_view field, absl::string_view value) {
  Text(field, value, kMaxAudienceBytes);
}

void FieldChecks::Audiences(
    absl::string_view field,
    const google::protobuf::RepeatedPtrField<std::string>& values) {
  if (values.size() > static_cast<int>(kMaxAudiences)) {
    Fail(field, "must be at most 16");
    return;
  }
  absl::flat_hash_set<std::string> seen;
  for (int i = 0; i < values.size(); ++i) {
    const std::string path = absl::StrCat(field, "[", i, "]");
    if (values[i].empty()) Fail(path, "must not be empty");
    Text(path, values[i], kMaxAudienceBytes);
    if (!seen.insert(values[i]).second) Fail(path, "is there twice");
  }
}

void FieldChecks::Roles(
    absl::string_view field,
    const google::protobuf::RepeatedPtrField<std::string>& values) {
  if (values.size() > static_cast<int>(kMaxAccountRoles)) {
    Fail(field, "must be at most 64");
    return;
  }
  absl::flat_hash_set<std::string> seen;
  for (int i = 0; i < values.size(); ++i) {
    const std::string path = absl::StrCat(field, "[", i, "]");
    if (!IsRoleName(values[i])) {
      Fail(path, "must be 1 to 64 of [A-Za-z0-9._:/-]");
    }
    if (!seen.insert(values[i]).second) Fail(path, "is there twice");
  }
}

void FieldChecks::Client(absl::string_view field, const v1::ClientInfo& value) {
  Text(absl::StrCat(field, ".user_agent"), value.user_agent(),
       kMaxClientInfoBytes);
  Text(absl::StrCat(field, ".ip_address"), value.ip_address(),
       kMaxClientInfoBytes);
  Text(absl::StrCat(field, ".device_label"), value.device_label(),
       kMaxClientInfoBytes);
}

void FieldChecks::CertificateNames(
    absl::string_view field,
    const google::protobuf::RepeatedPtrField<std::string>& values) {
  if (values.size() > static_cast<int>(kMaxCertificateNames)) {
    Fail(field, "must be at most 16");
    return;
  }
  absl::flat_hash_set<std::string> seen;
  for (int i = 0; i < values.size(); ++i) {
    const std::string path = absl::StrCat(field, "[", i, "]");
    if (!IsCertificateName(values[i])) {
      Fail(
          path,
          "must be uri:{URI} or dns:{lower-case host name}, at most 256 bytes");
    }
    if (!seen.insert(values[i]).second) Fail(path, "is there twice");
  }
}

std::string FieldChecks::AccountName(absl::string_view field,
                                     absl::string_view value) {
  if (!absl::ConsumePrefix(&value, kAccountPrefix) || !IsAccountName(value)) {
    Fail(field, "must be accounts/{account}");
  }
  return std::string(value);
}

template <typename Id>
bool FieldChecks::ReadChildName(absl::string_view value,
                                absl::string_view infix, std::string* account,
                                Id* id) {
  const bool prefixed = absl::ConsumePrefix(&value, kAccountPrefix);
  const size_t at = value.find(infix);
  if (!prefixed || at == absl::string_view::npos ||
      !IsAccountName(value.substr(0, at))) {
    return false;
  }
  const auto read = Id::FromHex(value.substr(at + infix.size()));
  if (!read.has_value()) return false;
  *account = std::string(value.substr(0, at));
  *id = *read;
  return true;
}

FieldChecks::SessionRef FieldChecks::SessionName(absl::string_view field,
                                                 absl::string_view value) {
  SessionRef ref;
  if (!ReadChildName(value, kSessionInfix, &ref.account, &ref.id)) {
    Fail(field,
         "must be accounts/{account}/sessions/{32 lower-case hex digits}");
  }
  return ref;
}

FieldChecks::SecretRef FieldChecks::SecretName(absl::string_view field,
                                               absl::string_view value) {
  SecretRef ref;
  if (!ReadChildName(value, kSecretInfix, &ref.account, &ref.id)) {
    Fail(field,
         "must be accounts/{account}/secrets/{16 lower-case hex digits}");
  }
  return ref;
}

int FieldChecks::PageSize(absl::string_view field, int value) {
  if (value < 0 || value > kMaxPageSize) {
    Fail(field, "must be 1 to 1,000, or 0 for the default");
  }
  return value == 0 ? kDefaultPageSize : value;
}

absl::Duration FieldChecks::Duration(absl::string_view field,
                                     const google::protobuf::Duration& value,
                                     absl::Duration least) {
  const bool in_range = value.seconds() <= kMaxDurationSeconds &&
                        value.seconds() >= -kMaxDurationSeconds &&
                        value.nanos() < 1000000000 &&
                        value.nanos() > -1000000000;
  const bool one_sign = (value.seconds() >= 0 && value.nanos() >= 0) ||
                        (value.seconds() <= 0 && value.nanos() <= 0);
  if (!in_range || !one_sign) {
    Fail(field, "is not a valid duration");
    return least;
  }
  const absl::Duration duration = absl::Trunc(
      absl::Seconds(value.seconds()) + absl::Nanoseconds(value.nanos()),
      absl::Microseconds(1));
  if (duration < least) {
    Fail(field, absl::StrCat("must be at least ", absl::FormatDuration(least)));
  }
  return duration;
}

void FieldChecks::Kid(absl::string_view field, absl::string_view value) {
  constexpr size_t kThumbprintBytes = 32;  // SHA-256, RFC 7638
  const auto bytes = Base64UrlDecode(value.substr(0, 2 * kThumbprintBytes));
  if (!bytes.has_value() || bytes->size() != kThumbprintBytes) {
    Fail(field, "must be a key id as ListKeys has it");
  }
}

uint64_t FieldChecks::RevisionNumber(absl::string_view field,
                                     const v1::Revision& value,
                                     const Epoch& epoch) {
  const auto point = ReadRevisionToken(value.token());
  if (!point.has_value()) {
    Fail(field, "is not the token of a revision that an answer carried");
    return 0;
  }
  if (point->epoch != epoch) other_epoch_ = true;
  return point->number;
}

absl::Status FieldChecks::status() const {
  if (!violations_.empty()) return InvalidFields(violations_);
  if (other_epoch_) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     Reason::kRevisionEpoch,
                     "a revision of other data than this server has");
  }
  return absl::OkStatus();
}

void FieldChecks::Text(absl::string_view field, absl::string_view value,
                       size_t limit) {
  if (value.size() > limit) {
    Fail(field, absl::StrCat("must be at most ", limit, " bytes"));
  } else if (HasControlCharacter(value)) {
    Fail(field, "must not have control characters");
  }
}

SecretBytes MoveSecret(std::string* field) {
  SecretBytes secret(*field);
  WipeMemory(field->data(), field->size());
  field->clear();
  return secret;
}

std::string AccountPageToken(absl::string_view last_name) {
  return Base64UrlEncode(last_name);
}

std::optional<std::string> ReadAccountPageToken(absl::string_view token) {
  std::optional<std::string> name = Base64UrlDecode(token);
  if (!name.has_value() || !IsAccountName(*name)) return std::nullopt;
  return name;
}

std::string SessionPageToken(const SessionId& last_id) {
  return Base64UrlEncode(last_id.view());
}

std::optional<SessionId> ReadSessionPageToken(absl::string_view token) {
  const std::optional<std::string> bytes = Base64UrlDecode(token);
  if (!bytes.has_value()) return std::nullopt;
  return SessionId::FromBytes(*bytes);
}

}  // namespace latchkey
