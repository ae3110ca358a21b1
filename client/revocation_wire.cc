#include "client/revocation_wire.h"

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "client/base/status_macros.h"
#include "client/wire_time.h"

namespace latchkey {
namespace {

absl::Status Malformed(const char* what) {
  return absl::InvalidArgumentError(what);
}

template <typename Bytes>
absl::StatusOr<Bytes> ReadBytes(const std::string& raw, const char* what) {
  const std::optional<Bytes> bytes = Bytes::FromBytes(raw);
  if (!bytes.has_value()) return Malformed(what);
  return *bytes;
}

// A duration that may be absent, for none, and not negative.
absl::StatusOr<absl::Duration> ReadLength(
    const google::protobuf::Duration& wire, const char* what) {
  const std::optional<absl::Duration> length = ReadDuration(wire);
  if (!length.has_value() || *length < absl::ZeroDuration()) {
    return Malformed(what);
  }
  return *length;
}

void Write(const Subscribe& subscribe, v1::WatchRevocationsRequest* out) {
  auto* const wire = out->mutable_subscribe();
  if (subscribe.epoch.has_value()) {
    wire->set_epoch(std::string(subscribe.epoch->view()));
  }
  wire->set_resume(subscribe.resume);
}

void Write(const Heartbeat& heartbeat, v1::WatchRevocationsRequest* out) {
  auto* const wire = out->mutable_heartbeat();
  wire->set_nonce(heartbeat.nonce);
  wire->set_applied(heartbeat.applied);
  for (const SessionUse& use : heartbeat.activity) {
    auto* const activity = wire->add_activity();
    activity->set_session_id(std::string(use.session.view()));
    WriteDuration(use.age, activity->mutable_age());
  }
  WriteDuration(heartbeat.accepted_staleness,
                wire->mutable_accepted_staleness());
}

absl::StatusOr<Revocation> ReadTarget(const v1::Revocation& wire) {
  Revocation read;
  switch (wire.target_case()) {
    case v1::Revocation::kSessionId: {
      LATCHKEY_ASSIGN_OR_RETURN(
          read.session,
          ReadBytes<SessionId>(wire.session_id(), "revocation: session_id"));
      read.kind = Revocation::Kind::kSession;
      return read;
    }
    case v1::Revocation::kAccount: {
      LATCHKEY_ASSIGN_OR_RETURN(
          read.account, ReadBytes<AccountUid>(wire.account().account_uid(),
                                              "revocation: account_uid"));
      read.lowest_good = wire.account().lowest_good_generation();
      read.kind = Revocation::Kind::kAccount;
      return read;
    }
    case v1::Revocation::kKid:
      if (wire.kid().empty() || wire.kid().size() > kMaxRevokedKidBytes) {
        return Malformed("revocation: kid");
      }
      read.kid = wire.kid();
      read.kind = Revocation::Kind::kKey;
      return read;
    case v1::Revocation::kEpoch: {
      LATCHKEY_ASSIGN_OR_RETURN(
          read.epoch, ReadBytes<Epoch>(wire.epoch(), "revocation: epoch"));
      read.kind = Revocation::Kind::kEpoch;
      return read;
    }
    case v1::Revocation::TARGET_NOT_SET:
      break;
  }
  return Malformed("a revocation of no known kind");
}

absl::StatusOr<ServerMessage> Read(const v1::Welcome& wire) {
  Welcome read;
  LATCHKEY_ASSIGN_OR_RETURN(read.epoch,
                            ReadBytes<Epoch>(wire.epoch(), "welcome: epoch"));
  read.after = wire.after();
  LATCHKEY_ASSIGN_OR_RETURN(
      read.heartbeat_interval,
      ReadLength(wire.heartbeat_interval(), "welcome: heartbeat_interval"));
  LATCHKEY_ASSIGN_OR_RETURN(
      read.activity_interval,
      ReadLength(wire.activity_interval(), "welcome: activity_interval"));
  return read;
}

absl::StatusOr<ServerMessage> Read(const v1::RevocationBatch& wire) {
  if (wire.through() < wire.after()) return Malformed("batch: through");
  RevocationBatch read = {.after = wire.after(), .through = wire.through()};
  read.revocations.reserve(static_cast<size_t>(wire.revocations_size()));
  for (const v1::Revocation& one : wire.revocations()) {
    LATCHKEY_ASSIGN_OR_RETURN(Revocation revocation, ReadTarget(one));
    const std::optional<absl::Time> drop_time = ReadTime(one.drop_time());
    if (!one.has_drop_time() || !drop_time.has_value()) {
      return Malformed("revocation: drop_time");
    }
    revocation.drop_time = *drop_time;
    read.revocations.push_back(std::move(revocation));
  }
  return read;
}

absl::StatusOr<ServerMessage> Read(const v1::Lease& wire) {
  Lease read = {.nonce = wire.nonce(), .revision = wire.revision()};
  LATCHKEY_ASSIGN_OR_RETURN(read.ttl, ReadLength(wire.ttl(), "lease: ttl"));
  const std::optional<absl::Time> server_time = ReadTime(wire.server_time());
  if (!wire.has_server_time() || !server_time.has_value()) {
    return Malformed("lease: server_time");
  }
  read.server_time = *server_time;
  return read;
}

}  // namespace

v1::WatchRevocationsRequest WatchRequestOf(const VerifierMessage& message) {
  v1::WatchRevocationsRequest request;
  std::visit([&](const auto& one) { Write(one, &request); }, message);
  return request;
}

absl::StatusOr<ServerMessage> ReadWatchResponse(
    const v1::WatchRevocationsResponse& response) {
  switch (response.message_case()) {
    case v1::WatchRevocationsResponse::kWelcome:
      return Read(response.welcome());
    case v1::WatchRevocationsResponse::kKeySet:
      // Its reader has limits of its own; one that is refused ends no stream.
      return KeySetUpdate{.jwks = response.key_set().jwks()};
    case v1::WatchRevocationsResponse::kBatch:
      return Read(response.batch());
    case v1::WatchRevocationsResponse::kLease:
      return Read(response.lease());
    case v1::WatchRevocationsResponse::MESSAGE_NOT_SET:
      break;
  }
  return Malformed("a message of no known kind");
}

}  // namespace latchkey
