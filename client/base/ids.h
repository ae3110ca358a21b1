#ifndef LATCHKEY_CLIENT_BASE_IDS_H_
#define LATCHKEY_CLIENT_BASE_IDS_H_

#include "client/base/fixed_bytes.h"

namespace latchkey {

// AccountUid names one account for ever: random, never used again, also when
// the account's name is. Written as 32 lower-case hex digits (JWT `sub`).
using AccountUid = FixedBytes<16, struct AccountUidTag>;

// SessionId names one session in public: in logs, lists, names and the JWT's
// `sid`. It is part of no key and is never accepted as a credential.
using SessionId = FixedBytes<16, struct SessionIdTag>;

// Epoch names one life of a data directory; made with it, and anew by every
// restore, so that what was issued before a restore is recognised.
using Epoch = FixedBytes<16, struct EpochTag>;

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_BASE_IDS_H_
