#include "server/rpc/session_service.h"

#include <optional>
#include <utility>

#include "client/base/status_macros.h"
#include "server/rpc/convert.h"
#include "server/rpc/fields.h"
#include "server/rpc/propagation.h"

namespace latchkey {
namespace {

// Puts as many sessions of `page` into the response as fit, and the token of
// the next page if there may be more.
void FillPage(const SessionAdmin::Page& page,
              v1::ListSessionsResponse* response) {
  std::optional<SessionId> next_after = page.next_after;
  size_t bytes = 0;
  for (const Session& session : page.sessions) {
    v1::Session* proto = response->add_sessions();
    *proto = ToProto(session);
    bytes += proto->ByteSizeLong();
    if (bytes >= kMaxPageBytes) {
      next_after = session.id;
      break;
    }
  }
  if (next_after.has_value()) {
    response->set_next_page_token(SessionPageToken(*next_after));
  }
}

}  // namespace

SessionRpc::SessionRpc(const CallDoor& door, const SessionAdmin& sessions,
                       Authority& authority, RevocationHub& revocations,
                       const Epoch& epoch)
    : door_(door),
      sessions_(sessions),
      authority_(authority),
      revocations_(revocations),
      epoch_(epoch) {}

grpc::ServerUnaryReactor* SessionRpc::GetSession(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* in,
    grpc::ByteBuffer* out) {
  return Serve<v1::GetSessionRequest, v1::GetSessionResponse>(
      door_, Method::kGetSession, context, in, out, [this](auto call) {
        OnReader(std::move(call), [this](auto& one) -> absl::Status {
          FieldChecks checks;
          const auto ref = checks.SessionName("name", one.request.name());
          LATCHKEY_RETURN_IF_ERROR(checks.status());
          LATCHKEY_ASSIGN_OR_RETURN(const Session session,
                                    sessions_.Get(ref.account, ref.id));
          *one.response.mutable_session() = ToProto(session);
          return absl::OkStatus();
        });
      });
}

grpc::ServerUnaryReactor* SessionRpc::ListSessions(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* in,
    grpc::ByteBuffer* out) {
  return Serve<v1::ListSessionsRequest, v1::ListSessionsResponse>(
      door_, Method::kListSessions, context, in, out, [this](auto call) {
        OnReader(std::move(call), [this](auto& one) -> absl::Status {
          FieldChecks checks;
          const std::string account =
              checks.AccountName("parent", one.request.parent());
          const int limit =
              checks.PageSize("page_size", one.request.page_size());
          std::optional<SessionId> after;
          if (!one.request.page_token().empty()) {
            after = ReadSessionPageToken(one.request.page_token());
            if (!after.has_value()) {
              checks.Fail("page_token", "is not from an earlier answer");
            }
          }
          LATCHKEY_RETURN_IF_ERROR(checks.status());
          LATCHKEY_ASSIGN_OR_RETURN(const SessionAdmin::Page page,
                                    sessions_.List(account, after, limit));
          FillPage(page, &one.response);
          return absl::OkStatus();
        });
      });
}

grpc::ServerUnaryReactor* SessionRpc::RevokeSession(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* in,
    grpc::ByteBuffer* out) {
  return Serve<v1::RevokeSessionRequest, v1::RevokeSessionResponse>(
      door_, Method::kRevokeSession, context, in, out, [this](auto call) {
        const auto revoke = [this](auto& one) -> absl::StatusOr<uint64_t> {
          FieldChecks checks;
          const auto ref = checks.SessionName("name", one.request.name());
          LATCHKEY_RETURN_IF_ERROR(checks.status());
          LATCHKEY_ASSIGN_OR_RETURN(
              const LogoutAnswer answer,
              authority_.LogoutByName(ref.account, ref.id,
                                      LogoutScope::kThisSession,
                                      one.MakeOrigin()));
          one.response.set_ended(answer.ended > 0);
          *one.response.mutable_revision() = ToProto(epoch_, answer.revision);
          return answer.revision;
        };
        OnWorkerPropagated(revocations_, std::move(call), revoke);
      });
}

}  // namespace latchkey
