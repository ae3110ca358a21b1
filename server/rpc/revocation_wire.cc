#include "server/rpc/revocation_wire.h"

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"

#include "client/base/status_macros.h"
#include "server/rpc/convert.h"
#include "server/rpc/fields.h"

namespace latchkey {
namespace {

void FillProto(const Welcome& welcome, v1::WatchRevocationsResponse* response) {
  v1::Welcome* proto = response->mutable_welcome();
  proto->set_epoch(std::string(welcome.epoch.view()));
  proto->set_after(welcome.after);
  *proto->mutable_heartbeat_interval() = ToProto(welcome.heartbeat_interval);
  *proto->mutable_activity_interval() = ToProto(welcome.activity_interval);
}

void FillProto(const KeySetUpdate& update,
               v1::WatchRevocationsResponse* response) {
  response->mutable_key_set()->set_jwks(update.jwks);
}

void FillProto(const Revocation& revocation, v1::Revocation* proto) {
  switch (revocation.kind) {
    case Revocation::Kind::kSession:
      proto->set_session_id(std::string(revocation.session.view()));
      break;
    case Revocation::Kind::kAccount:
      proto->mutable_account()->set_account_uid(
          std::string(revocation.account.view()));
      proto->mutable_account()->set_lowest_good_generation(
          revocation.lowest_good);
      break;
    case Revocation::Kind::kKey:
      proto->set_kid(revocation.kid);
      break;
    case Revocation::Kind::kEpoch:
      proto->set_epoch(std::string(revocation.epoch.view()));
      break;
  }
  *proto->mutable_drop_time() = ToProto(revocation.drop_time);
}

void FillProto(const RevocationBatch& batch,
               v1::WatchRevocationsResponse* response) {
  v1::RevocationBatch* proto = response->mutable_batch();
  proto->set_after(batch.after);
  proto->set_through(batch.through);
  for (const Revocation& revocation : batch.revocations) {
    FillProto(revocation, proto->add_revocations());
  }
}

void FillProto(const Lease& lease, v1::WatchRevocationsResponse* response) {
  v1::Lease* proto = response->mutable_lease();
  proto->set_nonce(lease.nonce);
  proto->set_revision(lease.revision);
  *proto->mutable_ttl() = ToProto(lease.ttl);
  *proto->mutable_server_time() = ToProto(lease.server_time);
}

Subscribe Read(const v1::Subscribe& proto, FieldChecks* checks) {
  Subscribe subscribe;
  subscribe.resume = proto.resume();
  if (proto.epoch().empty()) return subscribe;
  subscribe.epoch = Epoch::FromBytes(proto.epoch());
  if (!subscribe.epoch.has_value()) {
    checks->Fail("subscribe.epoch", "must be 16 bytes, or empty");
  }
  return subscribe;
}

Heartbeat Read(const v1::Heartbeat& proto, FieldChecks* checks) {
  Heartbeat heartbeat = {.nonce = proto.nonce(), .applied = proto.applied()};
  if (static_cast<size_t>(proto.activity_size()) > kMaxHeartbeatUses) {
    checks->Fail("heartbeat.activity",
                 absl::StrCat("must be at most ", kMaxHeartbeatUses));
    return heartbeat;
  }
  for (const v1::SessionActivity& use : proto.activity()) {
    const auto id = SessionId::FromBytes(use.session_id());
    if (!id.has_value()) {
      checks->Fail("heartbeat.activity.session_id", "must be 16 bytes");
      return heartbeat;
    }
    heartbeat.activity.push_back(
        {.session = *id,
         .age = checks->Duration("heartbeat.activity.age", use.age(),
                                 absl::ZeroDuration())});
  }
  if (proto.has_accepted_staleness()) {
    heartbeat.accepted_staleness =
        checks->Duration("heartbeat.accepted_staleness",
                         proto.accepted_staleness(), absl::ZeroDuration());
  }
  return heartbeat;
}

}  // namespace

absl::StatusOr<VerifierMessage> ReadVerifierMessage(
    const v1::WatchRevocationsRequest& request) {
  FieldChecks checks;
  std::optional<VerifierMessage> message;
  switch (request.message_case()) {
    case v1::WatchRevocationsRequest::kSubscribe:
      message = Read(request.subscribe(), &checks);
      break;
    case v1::WatchRevocationsRequest::kHeartbeat:
      message = Read(request.heartbeat(), &checks);
      break;
    case v1::WatchRevocationsRequest::MESSAGE_NOT_SET:
      checks.Fail("message", "is required");
      break;
  }
  LATCHKEY_RETURN_IF_ERROR(checks.status());
  return *std::move(message);
}

v1::WatchRevocationsResponse ToProto(const ServerMessage& message) {
  v1::WatchRevocationsResponse response;
  std::visit([&response](const auto& one) { FillProto(one, &response); },
             message);
  return response;
}

}  // namespace latchkey
