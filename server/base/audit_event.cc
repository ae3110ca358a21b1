#include "server/base/audit_event.h"

#include <cstddef>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

#include "client/base/utf8.h"

namespace latchkey {
namespace {

absl::string_view CallerKindName(Caller::Kind kind) {
  switch (kind) {
    case Caller::Kind::kUnknown:
      return "unknown";
    case Caller::Kind::kOperator:
      return "operator";
    case Caller::Kind::kCertificate:
      return "certificate";
    case Caller::Kind::kServiceAccount:
      return "service_account";
  }
  return "unknown";
}

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", time, absl::UTCTimeZone());
}

// Appends one well-formed character. Control characters of both sets are
// escaped: a terminal that shows the file must not obey it.
void AppendCharacter(absl::string_view character, std::string* json) {
  const auto first = static_cast<unsigned char>(character[0]);
  if (character == "\"" || character == "\\") {
    absl::StrAppend(json, "\\", character);
  } else if (first < 0x20 || first == 0x7f) {
    absl::StrAppend(json, "\\u00", absl::BytesToHexString(character));
  } else if (HasControlCharacter(character)) {  // U+0080 to U+009F
    absl::StrAppend(json, "\\u00", absl::BytesToHexString(character.substr(1)));
  } else {
    absl::StrAppend(json, character);
  }
}

void AppendText(absl::string_view text, std::string* json) {
  *json += '"';
  while (!text.empty()) {
    const size_t size = Utf8SequenceSize(text);
    if (size == 0) {
      *json += "\\ufffd";
      text.remove_prefix(1);
      continue;
    }
    AppendCharacter(text.substr(0, size), json);
    text.remove_prefix(size);
  }
  *json += '"';
}

void AppendField(absl::string_view name, absl::string_view value,
                 std::string* json) {
  if (value.empty()) return;
  absl::StrAppend(json, json->size() > 1 ? "," : "", "\"", name, "\":");
  AppendText(value, json);
}

}  // namespace

absl::string_view AuditKindName(AuditKind kind) {
  switch (kind) {
    case AuditKind::kLogin:
      return "login";
    case AuditKind::kRefresh:
      return "refresh";
    case AuditKind::kLogout:
      return "logout";
    case AuditKind::kRevokeSession:
      return "session.revoke";
    case AuditKind::kCreateAccount:
      return "account.create";
    case AuditKind::kUpdateAccount:
      return "account.update";
    case AuditKind::kSetPassword:
      return "account.set_password";
    case AuditKind::kDisableAccount:
      return "account.disable";
    case AuditKind::kEnableAccount:
      return "account.enable";
    case AuditKind::kDeleteAccount:
      return "account.delete";
    case AuditKind::kAddClientSecret:
      return "account.secret.add";
    case AuditKind::kRemoveClientSecret:
      return "account.secret.remove";
    case AuditKind::kSetJwks:
      return "account.jwks.set";
    case AuditKind::kSetCertificateNames:
      return "account.certificate.set";
    case AuditKind::kRotateKey:
      return "key.rotate";
    case AuditKind::kRevokeKey:
      return "key.revoke";
    case AuditKind::kCall:
      return "call";
  }
  return "unknown";
}

absl::string_view AuditOutcomeName(AuditOutcome outcome) {
  switch (outcome) {
    case AuditOutcome::kBegun:
      return "begun";
    case AuditOutcome::kDone:
      return "done";
    case AuditOutcome::kRefused:
      return "refused";
    case AuditOutcome::kFailed:
      return "failed";
  }
  return "failed";
}

std::string ToJsonLine(const AuditEvent& event) {
  std::string json = "{";
  AppendField("time", TimeText(event.time), &json);
  AppendField("event", AuditKindName(event.kind), &json);
  AppendField("outcome", AuditOutcomeName(event.outcome), &json);
  AppendField("reason", event.reason, &json);
  AppendField("actor_kind", CallerKindName(event.origin.caller.kind), &json);
  AppendField("actor", event.origin.caller.name, &json);
  AppendField("target", event.target, &json);
  AppendField("address", event.origin.address, &json);
  AppendField("correlation_id", event.origin.correlation_id, &json);
  for (const auto& [name, value] : event.details) {
    AppendField(name, value, &json);
  }
  if (event.count > 1) {
    absl::StrAppend(&json, ",\"count\":", event.count);
    AppendField("last_time", TimeText(event.last_time), &json);
  }
  json += "}\n";
  return json;
}

}  // namespace latchkey
