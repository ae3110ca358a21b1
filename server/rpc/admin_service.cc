#include "server/rpc/admin_service.h"

#include <cstdint>
#include <utility>

#include "client/base/status_macros.h"
#include "server/rpc/convert.h"

namespace latchkey {

AdminRpc::AdminRpc(const CallDoor& door, About about)
    : door_(door), about_(std::move(about)) {}

grpc::ServerUnaryReactor* AdminRpc::GetServerInfo(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* in,
    grpc::ByteBuffer* out) {
  return Serve<v1::GetServerInfoRequest, v1::GetServerInfoResponse>(
      door_, Method::kGetServerInfo, context, in, out, [this](auto call) {
        OnReader(std::move(call),
                 [this](auto& one) { return Fill(&one.response); });
      });
}

absl::Status AdminRpc::Fill(v1::GetServerInfoResponse* response) const {
  response->set_version(about_.version);
  response->set_epoch(about_.epoch.ToHex());
  response->set_issuer(about_.issuer);
  *response->mutable_start_time() = latchkey::ToProto(about_.start_time);
  *response->mutable_uptime() =
      ToProto(about_.clock.SinceBoot() - about_.start_since_boot);
  LATCHKEY_ASSIGN_OR_RETURN(const uint64_t accounts, about_.accounts.Count());
  LATCHKEY_ASSIGN_OR_RETURN(const uint64_t sessions, about_.sessions.Count());
  response->set_account_count(static_cast<int64_t>(accounts));
  response->set_session_count(static_cast<int64_t>(sessions));
  response->set_cached_session_count(
      static_cast<int64_t>(about_.cached_sessions()));
  response->set_cache_warm(about_.cache_warm());
  *response->mutable_revision() =
      latchkey::ToProto(about_.epoch, about_.sessions.Revision());
  const absl::Duration held = about_.clock.HeldFor();
  if (held > absl::ZeroDuration()) {
    *response->mutable_clock_held_for() = ToProto(held);
  }
  return absl::OkStatus();
}

}  // namespace latchkey
