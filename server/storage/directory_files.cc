#include "server/storage/directory_files.h"

#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

#include "client/base/status_macros.h"
#include "server/storage/checked_file.h"
#include "server/storage/family.h"

namespace latchkey {
namespace {

// On disk: never rename.
constexpr absl::string_view kMarkerName = "LATCHKEY";
constexpr absl::string_view kFloorName = "FLOOR";

std::string Format(const Marker& marker) {
  return absl::StrCat("schema ", marker.schema, "\nstate ",
                      marker.ready ? "ready" : "creating", "\nepoch ",
                      marker.epoch.ToHex(), "\n");
}

std::string Format(const Floor& floor) {
  return absl::StrCat("revision ", floor.revision, "\nmanifest_number ",
                      floor.manifest_number, "\nmanifest_bytes ",
                      floor.manifest_bytes, "\nwal_number ", floor.wal_number,
                      "\nwal_bytes ", floor.wal_bytes, "\n");
}

// Returns the word behind `key` in its line; empty if there is no such line.
absl::string_view Value(absl::string_view lines, absl::string_view key) {
  for (const absl::string_view line : absl::StrSplit(lines, '\n')) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(line, absl::MaxSplits(' ', 1));
    if (parts.first == key) return parts.second;
  }
  return absl::string_view();
}

template <typename Number>
Number NumberOf(absl::string_view lines, absl::string_view key) {
  Number number = 0;
  if (!absl::SimpleAtoi(Value(lines, key), &number)) return 0;
  return number;
}

absl::Status NotOurSpelling(absl::string_view name) {
  return DamagedFile(absl::StrCat("the file ", name, " is damaged"));
}

}  // namespace

absl::StatusOr<std::optional<Marker>> ReadMarker(rocksdb::Env* env,
                                                 const std::string& directory) {
  const auto lines = ReadCheckedFile(env, directory, kMarkerName);
  if (absl::IsNotFound(lines.status())) return std::optional<Marker>();
  LATCHKEY_RETURN_IF_ERROR(lines.status());
  Marker marker;
  marker.schema = NumberOf<uint32_t>(*lines, "schema");
  // Before all else: a newer marker may have other lines.
  if (marker.schema > kSchemaVersion) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the database in ", directory, " is of schema ", marker.schema,
        "; this program knows schemas up to ", kSchemaVersion));
  }
  marker.ready = Value(*lines, "state") == "ready";
  marker.epoch = Epoch::FromHex(Value(*lines, "epoch")).value_or(Epoch());
  if (marker.schema == 0 || Format(marker) != *lines) {
    return NotOurSpelling(kMarkerName);
  }
  return std::optional<Marker>(marker);
}

absl::Status WriteMarker(rocksdb::Env* env, const std::string& directory,
                         const Marker& marker) {
  return WriteCheckedFile(env, directory, kMarkerName, Format(marker));
}

absl::StatusOr<Floor> ReadFloor(rocksdb::Env* env,
                                const std::string& directory) {
  const auto lines = ReadCheckedFile(env, directory, kFloorName);
  if (absl::IsNotFound(lines.status())) {
    return DamagedFile(
        absl::StrCat("the file ", kFloorName, " in ", directory, " is lost"));
  }
  LATCHKEY_RETURN_IF_ERROR(lines.status());
  Floor floor;
  floor.revision = NumberOf<uint64_t>(*lines, "revision");
  floor.manifest_number = NumberOf<uint64_t>(*lines, "manifest_number");
  floor.manifest_bytes = NumberOf<uint64_t>(*lines, "manifest_bytes");
  floor.wal_number = NumberOf<uint64_t>(*lines, "wal_number");
  floor.wal_bytes = NumberOf<uint64_t>(*lines, "wal_bytes");
  if (Format(floor) != *lines) return NotOurSpelling(kFloorName);
  return floor;
}

absl::Status WriteFloor(rocksdb::Env* env, const std::string& directory,
                        const Floor& floor) {
  return WriteCheckedFile(env, directory, kFloorName, Format(floor));
}

absl::StatusOr<bool> IsUnused(rocksdb::Env* env, const std::string& directory) {
  std::vector<std::string> names;
  const rocksdb::Status status = env->GetChildren(directory, &names);
  if (!status.ok()) return CannotOpen(directory, status);
  for (const std::string& name : names) {
    if (name != "." && name != ".." && name != TemporaryName(kMarkerName)) {
      return false;
    }
  }
  return true;
}

}  // namespace latchkey
