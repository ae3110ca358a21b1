#ifndef LATCHKEY_SERVER_BASE_AUDIT_EVENT_H_
#define LATCHKEY_SERVER_BASE_AUDIT_EVENT_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "server/base/origin.h"

namespace latchkey {

// AuditKind is what was done, or tried. Names are public: never rename one.
enum class AuditKind {
  kLogin,
  kRefresh,
  kLogout,         // by the holder of a credential
  kRevokeSession,  // by the session's name: administration
  kCreateAccount,
  kUpdateAccount,
  kSetPassword,
  kDisableAccount,
  kEnableAccount,
  kDeleteAccount,
  kAddClientSecret,
  kRemoveClientSecret,
  kSetJwks,
  kSetCertificateNames,
  kRotateKey,
  kRevokeKey,
  kCall,  // of any RPC: a caller who may not make it
};

// AuditOutcome is how far it came. Names are public: never rename one.
enum class AuditOutcome {
  kBegun,    // is allowed and about to be done; another line says what came
  kDone,     // is done, on disk
  kRefused,  // was not allowed; nothing was done
  kFailed,   // was allowed, and could not be done
};

// AuditKindName returns the public spelling, e.g. "account.create".
absl::string_view AuditKindName(AuditKind kind);
absl::string_view AuditOutcomeName(AuditOutcome outcome);

// AuditEvent is one security event. No secret goes in, nor what may be one by
// mistake: the name of an account that does not exist may be a password that
// was typed into the wrong field.
struct AuditEvent {
  AuditKind kind = AuditKind::kCall;
  AuditOutcome outcome = AuditOutcome::kDone;
  // Why it was refused or failed: one of our own words, in capitals.
  std::string reason;
  Origin origin;
  // What it was done to: "accounts/alice", "accounts/alice/sessions/ID",
  // "keys/KID", the name of an RPC; empty if unknown.
  std::string target;
  // More, by names of our own that the line has not yet.
  std::vector<std::pair<absl::string_view, std::string>> details;

  // Set by the log: when it happened.
  absl::Time time = absl::InfinitePast();
  // Set by the log: how many of them the line stands for, and when the last
  // one happened.
  int64_t count = 1;
  absl::Time last_time = absl::InfinitePast();
};

// ToJsonLine returns the event as one JSON object and a newline. Whatever the
// texts hold, it is one line of valid UTF-8 without control characters.
//
//   {"time":"2030-01-01T00:00:00.000000Z","event":"login","outcome":"refused",
//    "reason":"WRONG_PROOF","actor_kind":"unknown","target":"accounts/alice",
//    "address":"192.0.2.1","correlation_id":"4bf9...","count":7,
//    "last_time":"2030-01-01T00:00:00.900000Z"}
//
// What is empty is left out, and so are count and last_time of a single event.
std::string ToJsonLine(const AuditEvent& event);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_BASE_AUDIT_EVENT_H_
