#ifndef LATCHKEY_SERVER_STORAGE_FAMILY_H_
#define LATCHKEY_SERVER_STORAGE_FAMILY_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace latchkey {

// Family is a column family of ours: one kind of row (see records.h).
// RocksDB's own default family stays empty.
enum class Family : uint8_t {
  kAccounts,
  kSessions,
  kSessionIds,
  kSessionsByAccount,
  kActivity,
  kRevocations,
  kKeys,
  kMeta,
};

struct FamilyInfo {
  Family family;
  absl::string_view name;  // on disk: never rename
  // Records carry an expire time at kExpireOffset, and the filter frees them.
  bool expires;
};

constexpr size_t kFamilyCount = 8;
constexpr std::array<FamilyInfo, kFamilyCount> kFamilies = {{
    {Family::kAccounts, "accounts", false},
    {Family::kSessions, "sessions", true},
    {Family::kSessionIds, "session_ids", true},
    {Family::kSessionsByAccount, "sessions_by_account", true},
    {Family::kActivity, "activity", true},
    {Family::kRevocations, "revocations", true},
    {Family::kKeys, "keys", false},
    {Family::kMeta, "meta", false},
}};

// Names of rows in Family::kMeta. On disk: never rename.
constexpr absl::string_view kMetaSchema = "schema";
constexpr absl::string_view kMetaEpoch = "epoch";
constexpr absl::string_view kMetaRevision = "revision";
constexpr absl::string_view kMetaLongestLease = "longest_lease";
constexpr absl::string_view kMetaMasterKeyCheck = "master_key_check";

// The layout of families and records that this program reads and writes. A
// database of a higher one is refused: a downgrade would lose what it knows.
constexpr uint32_t kSchemaVersion = 1;

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORAGE_FAMILY_H_
