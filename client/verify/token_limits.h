#ifndef LATCHKEY_CLIENT_VERIFY_TOKEN_LIMITS_H_
#define LATCHKEY_CLIENT_VERIFY_TOKEN_LIMITS_H_

#include <cstddef>

#include "absl/time/time.h"

namespace latchkey {

// A token must fit a gRPC metadata header, which is at most 8 KiB.
inline constexpr size_t kMaxTokenBytes = 8192;

// Arrays and objects inside each other, in header and claims.
inline constexpr int kMaxTokenJsonDepth = 16;

// The largest difference between two machines' clocks that may be allowed.
inline constexpr absl::Duration kMaxClockSkew = absl::Seconds(60);

// Limits of single claims. A name (iss, sub, jti, client_id) of 256 bytes
// fits a URL; account, roles and audiences have the limits of the service.
inline constexpr size_t kMaxNameClaimBytes = 256;
inline constexpr size_t kMaxAccountClaimBytes = 64;
inline constexpr size_t kMaxAudiences = 16;
inline constexpr size_t kMaxAudienceBytes = 256;
inline constexpr size_t kMaxRoleClaims = 64;
inline constexpr size_t kMaxRoleClaimBytes = 64;
inline constexpr size_t kMaxAmrEntries = 16;
inline constexpr size_t kMaxAmrBytes = 64;

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_VERIFY_TOKEN_LIMITS_H_
