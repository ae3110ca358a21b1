#include "server/rpc/convert.h"

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/time_util.h"

#include "client/verify/revision.h"

namespace latchkey {

google::protobuf::Timestamp ToProto(absl::Time time) {
  return google::protobuf::util::TimeUtil::MicrosecondsToTimestamp(
      absl::ToUnixMicros(time));
}

google::protobuf::Duration ToProto(absl::Duration duration) {
  return google::protobuf::util::TimeUtil::NanosecondsToDuration(
      absl::ToInt64Nanoseconds(duration));
}

v1::PropagationReport ToProto(const PropagationReport& report) {
  v1::PropagationReport proto;
  proto.set_complete(report.complete);
  proto.set_verifiers(report.verifiers);
  proto.set_acknowledged(report.acknowledged);
  proto.set_lease_expired(report.lease_expired);
  *proto.mutable_elapsed() = ToProto(report.elapsed);
  return proto;
}

v1::Revision ToProto(const Epoch& epoch, uint64_t revision) {
  v1::Revision proto;
  proto.set_token(RevisionToken(epoch, revision));
  return proto;
}

std::string AccountResourceName(absl::string_view account) {
  return absl::StrCat("accounts/", account);
}

v1::Session ToProto(const Session& session) {
  v1::Session proto;
  const std::string account = AccountResourceName(session.account);
  proto.set_name(absl::StrCat(account, "/sessions/", session.id.ToHex()));
  proto.set_account(account);
  *proto.mutable_create_time() = ToProto(session.create_time);
  *proto.mutable_auth_time() = ToProto(session.auth_time);
  *proto.mutable_last_seen_time() = ToProto(session.last_seen_time);
  *proto.mutable_idle_expire_time() = ToProto(session.idle_expire_time());
  *proto.mutable_expire_time() = ToProto(session.expire_time);
  for (const std::string& audience : session.audiences) {
    proto.add_audiences(audience);
  }
  for (const std::string& role : session.roles) proto.add_roles(role);
  for (const std::string& method : session.amr) proto.add_amr(method);
  if (session.client != ClientInfo()) {
    proto.mutable_client()->set_user_agent(session.client.user_agent);
    proto.mutable_client()->set_ip_address(session.client.ip_address);
    proto.mutable_client()->set_device_label(session.client.device_label);
  }
  return proto;
}

v1::Session ToProto(const LiveSession& session) {
  return ToProto(session.ToSession());
}

v1::Account ToProto(const Account& account) {
  v1::Account proto;
  proto.set_name(AccountResourceName(account.name));
  proto.set_uid(account.uid.ToHex());
  proto.set_disabled(account.disabled);
  for (const std::string& role : account.roles) proto.add_roles(role);
  *proto.mutable_create_time() = ToProto(account.create_time);
  *proto.mutable_update_time() = ToProto(account.update_time);
  proto.set_kind(account.kind == AccountKind::kService
                     ? v1::ACCOUNT_KIND_SERVICE
                     : v1::ACCOUNT_KIND_PERSON);
  proto.set_jwks(account.jwks);
  for (const std::string& name : account.certificate_names) {
    proto.add_certificate_names(name);
  }
  return proto;
}

v1::ClientSecret ToProto(absl::string_view account,
                         const ClientSecret& secret) {
  v1::ClientSecret proto;
  proto.set_name(absl::StrCat(AccountResourceName(account), "/secrets/",
                              secret.id.ToHex()));
  *proto.mutable_create_time() = ToProto(secret.create_time);
  return proto;
}

// The two are the same numbers; the names are held to it here.
v1::InactiveReason ToProto(InactiveReason reason) {
#define LATCHKEY_SAME(ours, theirs) \
  static_assert(static_cast<int>(InactiveReason::ours) == v1::theirs)
  LATCHKEY_SAME(kUntold, INACTIVE_REASON_UNSPECIFIED);
  LATCHKEY_SAME(kUnknown, INACTIVE_REASON_UNKNOWN);
  LATCHKEY_SAME(kExpired, INACTIVE_REASON_EXPIRED);
  LATCHKEY_SAME(kIdle, INACTIVE_REASON_IDLE);
  LATCHKEY_SAME(kSessionEnded, INACTIVE_REASON_SESSION_ENDED);
  LATCHKEY_SAME(kAccountDisabled, INACTIVE_REASON_ACCOUNT_DISABLED);
  LATCHKEY_SAME(kAccountDeleted, INACTIVE_REASON_ACCOUNT_DELETED);
  LATCHKEY_SAME(kAudience, INACTIVE_REASON_AUDIENCE);
  LATCHKEY_SAME(kAuthTooOld, INACTIVE_REASON_AUTH_TOO_OLD);
#undef LATCHKEY_SAME
  return static_cast<v1::InactiveReason>(reason);
}

}  // namespace latchkey
