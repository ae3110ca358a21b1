#ifndef LATCHKEY_SERVER_STORAGE_RECORDS_H_
#define LATCHKEY_SERVER_STORAGE_RECORDS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "client/base/ids.h"
#include "client/verify/revocation.h"
#include "server/account/account.h"
#include "server/credential/key_store.h"
#include "server/session/session.h"

namespace latchkey {

// The bytes of every record on disk. Byte 0 is the record's version, so that a
// later layout can stand beside this one; a version is never used again.
//
// Numbers are big-endian; times are microseconds since 1970 and durations
// microseconds, in 8 bytes; "str" is a 2-byte length and the bytes, "strs" a
// 2-byte count and that many str. A decoder takes exactly what its encoder
// makes; anything else (an unknown version, a length that leads out of the
// record, bytes left over) is kDataLoss with Reason::kCorruptRecord.
//
// Records of families that the expiry filter frees carry, right behind the
// version, the time from which nobody needs them:
//
//    0    1         9
//    +----+---------+----------------
//    | v  | expire  | the rest
//    +----+---------+----------------
constexpr size_t kExpireOffset = 1;

// ReadExpire returns that time; nullopt if the record is too short to have it.
std::optional<absl::Time> ReadExpire(absl::string_view record);

// accounts: name -> Account (the name is the key and not in the value)
//
//    0 1   v = 1
//    1 16  uid
//   17 8   generation
//   25 1   disabled: 0 or 1
//   26 8   create_time
//   34 8   update_time
//   42 str password_phc
//      strs roles
//
// of a service account v = 2, the same, and behind it
//      8   proof_generation
//      1   number of client secrets, and for each:  8  id
//                                                  32  digest
//                                                   8  create_time
//      str jwks
//      strs certificate_names
std::string EncodeAccount(const Account& account);
absl::StatusOr<Account> DecodeAccount(absl::string_view name,
                                      absl::string_view record);

// sessions: SessionKey -> Session
//
//    0 1   v = 1; of a service account 2
//    1 8   expire_time
//    9 16  id
//   25 1   form: 1 opaque, 2 JWT
//   26 16  account_uid
//   42 8   generation
//   50 8   create_time
//   58 8   auth_time
//   66 8   idle_ttl
//   74 8   last_seen_time
//   82 str account
//      strs audiences, roles, amr
//      str user_agent, ip_address, device_label
std::string EncodeSession(const Session& session);
absl::StatusOr<Session> DecodeSession(absl::string_view record);

// session_ids: SessionId -> SessionPointer
//              AccountUid, AssertionId -> SessionPointer of the session that
//              the assertion opened, with the assertion's expire_time
// sessions_by_account: AccountUid, SessionId -> SessionPointer
//
//    0 1   v = 1
//    1 8   expire_time of the session
//    9 32  its SessionKey
struct SessionPointer {
  absl::Time expire_time;
  SessionKey key;
};
std::string EncodeSessionPointer(const SessionPointer& pointer);
absl::StatusOr<SessionPointer> DecodeSessionPointer(absl::string_view record);

// activity: SessionKey -> ActivityNote
//
//    0 1   v = 1
//    1 8   expire_time of the session
//    9 8   seen
struct ActivityNote {
  absl::Time expire_time;
  absl::Time seen;
};
std::string EncodeActivity(const ActivityNote& note);
absl::StatusOr<ActivityNote> DecodeActivity(absl::string_view record);

// revocations: revision (8 bytes, big-endian: rows lie in the order of
// changes) -> what that one change revoked. Kinds are numbered as on the wire.
//
//    0 1   v = 1
//    1 8   the latest drop_time
//    9 4   number of revocations, at least 1
//   13     for each:  1  kind
//                     8  drop_time
//                    16  session id, or account uid (kinds 1 and 2)
//                     8  generation (kind 2 only)
//                     string  kid (kind 3 only)
//                    16  epoch (kind 4 only)
std::string EncodeRevocations(const std::vector<Revocation>& revocations);
absl::StatusOr<std::vector<Revocation>> DecodeRevocations(
    absl::string_view record);

// keys: kid -> KeyRecord (the kid is the key and not in the value)
//
//    0 1   v = 1
//    1 1   algorithm: 1 ES256, 2 EdDSA
//    2 8   create_time
//   10 8   activate_time
//   18 str public_jwk
//      str sealed_private
std::string EncodeKey(const KeyRecord& key);
absl::StatusOr<KeyRecord> DecodeKey(absl::string_view kid,
                                    absl::string_view record);

// meta: a name -> one value behind its version byte
//
//   "schema"            4   schema version
//   "epoch"            16   Epoch
//   "revision"          8   newest revision
//   "longest_lease"     8   microseconds: the longest lease ever granted
//   "master_key_check" str  as the key store was given it
std::string EncodeMetaNumber32(uint32_t value);
absl::StatusOr<uint32_t> DecodeMetaNumber32(absl::string_view record);
std::string EncodeMetaNumber64(uint64_t value);
absl::StatusOr<uint64_t> DecodeMetaNumber64(absl::string_view record);
std::string EncodeMetaEpoch(const Epoch& epoch);
absl::StatusOr<Epoch> DecodeMetaEpoch(absl::string_view record);
std::string EncodeMetaString(absl::string_view value);
absl::StatusOr<std::string> DecodeMetaString(absl::string_view record);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORAGE_RECORDS_H_
