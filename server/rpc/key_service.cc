#include "server/rpc/key_service.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

#include "client/base/status_macros.h"
#include "server/auth/audited.h"
#include "server/rpc/convert.h"
#include "server/rpc/fields.h"
#include "server/rpc/propagation.h"

namespace latchkey {
namespace {

v1::KeyState ToProto(KeyState state) {
  switch (state) {
    case KeyState::kPublished:
      return v1::KEY_STATE_PUBLISHED;
    case KeyState::kSigning:
      return v1::KEY_STATE_SIGNING;
    case KeyState::kRetiring:
      return v1::KEY_STATE_RETIRING;
  }
  return v1::KEY_STATE_UNSPECIFIED;
}

v1::Key ToProto(const KeyInfo& info) {
  v1::Key proto;
  proto.set_kid(info.kid);
  proto.set_algorithm(info.algorithm == KeyAlgorithm::kEdDsa ? "EdDSA"
                                                             : "ES256");
  proto.set_state(ToProto(info.state));
  *proto.mutable_create_time() = latchkey::ToProto(info.create_time);
  *proto.mutable_activate_time() = latchkey::ToProto(info.activate_time);
  if (info.retire_time.has_value()) {
    *proto.mutable_retire_time() = latchkey::ToProto(*info.retire_time);
  }
  if (info.gone_time.has_value()) {
    *proto.mutable_gone_time() = latchkey::ToProto(*info.gone_time);
  }
  return proto;
}

}  // namespace

KeyRpc::KeyRpc(const CallDoor& door, KeyRing& keys, RevocationHub& revocations,
               const Epoch& epoch)
    : door_(door), keys_(keys), revocations_(revocations), epoch_(epoch) {}

grpc::ServerUnaryReactor* KeyRpc::GetJwks(grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer* in,
                                          grpc::ByteBuffer* out) {
  return Serve<v1::GetJwksRequest, v1::GetJwksResponse>(
      door_, Method::kGetJwks, context, in, out, [this](auto call) {
        call->response.set_jwks(keys_.Jwks(door_.clock.Now()));
        call->Finish(absl::OkStatus());
      });
}

grpc::ServerUnaryReactor* KeyRpc::ListKeys(grpc::CallbackServerContext* context,
                                           const grpc::ByteBuffer* in,
                                           grpc::ByteBuffer* out) {
  return Serve<v1::ListKeysRequest, v1::ListKeysResponse>(
      door_, Method::kListKeys, context, in, out, [this](auto call) {
        for (const KeyInfo& info : keys_.List(door_.clock.Now())) {
          *call->response.add_keys() = ToProto(info);
        }
        call->Finish(absl::OkStatus());
      });
}

grpc::ServerUnaryReactor* KeyRpc::RotateKey(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* in,
    grpc::ByteBuffer* out) {
  return Serve<v1::RotateKeyRequest, v1::RotateKeyResponse>(
      door_, Method::kRotateKey, context, in, out, [this](auto call) {
        OnWorker(std::move(call), [this](auto& one) -> absl::Status {
          LATCHKEY_ASSIGN_OR_RETURN(const KeyInfo info,
                                    Rotate(one.MakeOrigin()));
          door_.log.Info("signing key made by command",
                         {{"kid", info.kid},
                          {"signs_in", info.activate_time - info.create_time}});
          *one.response.mutable_key() = ToProto(info);
          return absl::OkStatus();
        });
      });
}

grpc::ServerUnaryReactor* KeyRpc::RevokeKey(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* in,
    grpc::ByteBuffer* out) {
  return Serve<v1::RevokeKeyRequest, v1::RevokeKeyResponse>(
      door_, Method::kRevokeKey, context, in, out, [this](auto call) {
        const auto revoke = [this](auto& one) -> absl::StatusOr<uint64_t> {
          FieldChecks checks;
          checks.Kid("kid", one.request.kid());
          LATCHKEY_RETURN_IF_ERROR(checks.status());
          LATCHKEY_ASSIGN_OR_RETURN(
              const KeyRing::Revoked revoked,
              Revoke(one.request.kid(), one.MakeOrigin()));
          door_.log.Info("signing key revoked by command",
                         {{"kid", one.request.kid()}});
          *one.response.mutable_revision() =
              latchkey::ToProto(epoch_, revoked.revision);
          if (revoked.successor.has_value()) {
            *one.response.mutable_successor() = ToProto(*revoked.successor);
          }
          return revoked.revision;
        };
        OnWorkerPropagated(revocations_, std::move(call), revoke);
      });
}

absl::StatusOr<KeyRing::Revoked> KeyRpc::Revoke(const std::string& kid,
                                                const Origin& origin) {
  AuditEvent event = MakeAuditEvent(AuditKind::kRevokeKey, origin, "keys");
  return AuditedTaking<KeyRing::Revoked>(door_.audit, event, [&] {
    auto revoked = keys_.Revoke(kid, door_.clock.Now());
    if (revoked.ok()) event.target = absl::StrCat("keys/", kid);
    return revoked;
  });
}

absl::StatusOr<KeyInfo> KeyRpc::Rotate(const Origin& origin) {
  AuditEvent event = MakeAuditEvent(AuditKind::kRotateKey, origin, "keys");
  return AuditedGiving<KeyInfo>(door_.audit, event, [&] {
    absl::StatusOr<KeyInfo> info = keys_.Rotate(door_.clock.Now());
    if (info.ok()) event.target = absl::StrCat("keys/", info->kid);
    return info;
  });
}

}  // namespace latchkey
