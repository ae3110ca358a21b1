#ifndef LATCHKEY_SERVER_RPC_CONVERT_H_
#define LATCHKEY_SERVER_RPC_CONVERT_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"

#include "client/base/ids.h"
#include "latchkey/v1/account.pb.h"
#include "latchkey/v1/auth.pb.h"
#include "latchkey/v1/session.pb.h"
#include "server/account/account.h"
#include "server/auth/inactive_reason.h"
#include "server/session/lease_table.h"
#include "server/session/live_session.h"
#include "server/session/session.h"

namespace latchkey {

// The nouns as they look outside.
google::protobuf::Timestamp ToProto(absl::Time time);
google::protobuf::Duration ToProto(absl::Duration duration);
v1::Revision ToProto(const Epoch& epoch, uint64_t revision);
v1::Session ToProto(const Session& session);
v1::Session ToProto(const LiveSession& session);
v1::Account ToProto(const Account& account);
v1::InactiveReason ToProto(InactiveReason reason);
v1::PropagationReport ToProto(const PropagationReport& report);
v1::ClientSecret ToProto(absl::string_view account, const ClientSecret& secret);

// AccountResourceName returns accounts/{account}.
std::string AccountResourceName(absl::string_view account);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_CONVERT_H_
