#ifndef LATCHKEY_TOOLS_LATCHKEY_SHOW_H_
#define LATCHKEY_TOOLS_LATCHKEY_SHOW_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/message.h"
#include "google/protobuf/repeated_field.h"
#include "google/protobuf/timestamp.pb.h"

#include "latchkey/v1/account.pb.h"
#include "latchkey/v1/session.pb.h"
#include "tools/latchkey/invocation.h"
#include "tools/latchkey/table.h"

namespace latchkey {

// TimeText returns the time in UTC, cut to the second (RFC 3339), or "" if it
// is absent.
std::string TimeText(const google::protobuf::Timestamp& time);

// DurationText returns e.g. "1h30m".
std::string DurationText(const google::protobuf::Duration& duration);

// Joined returns the items, separated by spaces.
std::string Joined(const google::protobuf::RepeatedPtrField<std::string>& list);

// AddSession adds what a session tells to `record`.
void AddSession(const v1::Session& session, Record* record);

// StateText returns "enabled" or "disabled"; AccountText all that an account
// tells.
std::string StateText(const v1::Account& account);
std::string AccountText(const v1::Account& account);

// Show prints `message` as JSON (snake_case names, all fields) if the
// invocation asks for it, else `text`, and returns kYes; kNoAnswer if the
// message has no JSON form.
ExitCode Show(const Invocation& invocation,
              const google::protobuf::Message& message, absl::string_view text);

// Complain prints what is wrong on this side of the wire, and returns kUsage.
ExitCode Complain(const absl::Status& status);

// AccountResource returns "accounts/alice" for "alice", and for itself.
std::string AccountResource(absl::string_view account);

}  // namespace latchkey

#endif  // LATCHKEY_TOOLS_LATCHKEY_SHOW_H_
