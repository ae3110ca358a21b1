#include "tools/latchkey/show.h"

#include <iostream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "google/protobuf/util/json_util.h"

#include "tools/latchkey/plain_text.h"

namespace latchkey {

std::string TimeText(const google::protobuf::Timestamp& time) {
  if (time.seconds() == 0 && time.nanos() == 0) return "";
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ",
                          absl::FromUnixSeconds(time.seconds()),
                          absl::UTCTimeZone());
}

std::string DurationText(const google::protobuf::Duration& duration) {
  return absl::FormatDuration(absl::Seconds(duration.seconds()) +
                              absl::Nanoseconds(duration.nanos()));
}

std::string Joined(
    const google::protobuf::RepeatedPtrField<std::string>& list) {
  return absl::StrJoin(list, " ");
}

void AddSession(const v1::Session& session, Record* record) {
  record->Add("session", session.name());
  record->Add("account", session.account());
  record->Add("roles", Joined(session.roles()));
  record->Add("audiences", Joined(session.audiences()));
  record->Add("proof", Joined(session.amr()));
  record->Add("opened", TimeText(session.create_time()));
  record->Add("proved", TimeText(session.auth_time()));
  record->Add("last seen", TimeText(session.last_seen_time()));
  record->Add("ends if idle", TimeText(session.idle_expire_time()));
  record->Add("ends", TimeText(session.expire_time()));
  record->Add("user agent", session.client().user_agent());
  record->Add("address", session.client().ip_address());
  record->Add("device", session.client().device_label());
}

std::string StateText(const v1::Account& account) {
  return account.disabled() ? "disabled" : "enabled";
}

std::string AccountText(const v1::Account& account) {
  const bool service = account.kind() == v1::ACCOUNT_KIND_SERVICE;
  Record record;
  record.Add("account", account.name());
  record.Add("kind", service ? "service" : "");
  record.Add("state", StateText(account));
  record.Add("roles", Joined(account.roles()));
  record.Add("keys", account.jwks());
  record.Add("certificates", Joined(account.certificate_names()));
  record.Add("uid", account.uid());
  record.Add("created", TimeText(account.create_time()));
  record.Add("changed", TimeText(account.update_time()));
  return record.Text();
}

ExitCode Show(const Invocation& invocation,
              const google::protobuf::Message& message,
              absl::string_view text) {
  if (!invocation.json) {
    std::cout.write(text.data(), static_cast<std::streamsize>(text.size()));
    return ExitCode::kYes;
  }
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string json;
  const auto status =
      google::protobuf::util::MessageToJsonString(message, &json, options);
  if (!status.ok()) {
    std::cerr << "latchkey: the answer has no JSON form\n";
    return ExitCode::kNoAnswer;
  }
  std::cout << json;
  return ExitCode::kYes;
}

ExitCode Complain(const absl::Status& status) {
  std::cerr << "latchkey: " << PlainText(status.message()) << "\n";
  return ExitCode::kUsage;
}

std::string AccountResource(absl::string_view account) {
  if (absl::StartsWith(account, "accounts/")) return std::string(account);
  return absl::StrCat("accounts/", account);
}

}  // namespace latchkey
