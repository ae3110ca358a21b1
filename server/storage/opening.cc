#include "server/storage/opening.h"

#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "rocksdb/write_batch.h"

#include "client/base/status_macros.h"
#include "server/base/random.h"
#include "server/storage/checked_file.h"
#include "server/storage/directory_files.h"
#include "server/storage/family.h"
#include "server/storage/file_check.h"
#include "server/storage/records.h"
#include "server/storage/rocks_db.h"

namespace latchkey {
namespace {

constexpr size_t kMetaHandle = 1 + static_cast<size_t>(Family::kMeta);

absl::Status FromOpen(const std::string& directory,
                      const rocksdb::Status& status) {
  if (status.IsCorruption()) {
    return DamagedFile(
        absl::StrCat("the database in ", directory, ": ", status.ToString()));
  }
  return CannotOpen(absl::StrCat("the database in ", directory), status);
}

void CloseAgain(OpenedRocks* opened) {
  for (rocksdb::ColumnFamilyHandle* handle : opened->handles) {
    opened->db->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
  }
  opened->handles.clear();
  opened->db.reset();
}

rocksdb::Status OpenDb(const std::string& directory,
                       const RocksOptions& options, OpenedRocks* opened) {
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(
      options.db, directory, options.families, &opened->handles, &db);
  opened->db.reset(db);
  return status;
}

// Reads a row of meta that must be there.
absl::StatusOr<std::string> MetaRow(const OpenedRocks& opened,
                                    absl::string_view name) {
  std::string row;
  const rocksdb::Status status = opened.db->Get(
      rocksdb::ReadOptions(), opened.handles[kMetaHandle], ToSlice(name), &row);
  if (status.ok()) return row;
  return DamagedFile(
      absl::StrCat("the database has no ", name, ": ", status.ToString()));
}

// Compares what the database says of itself with what lies beside it.
absl::Status CheckContent(const Marker& marker, const Floor& floor,
                          OpenedRocks* opened) {
  LATCHKEY_ASSIGN_OR_RETURN(const std::string schema_row,
                            MetaRow(*opened, kMetaSchema));
  LATCHKEY_ASSIGN_OR_RETURN(const uint32_t schema,
                            DecodeMetaNumber32(schema_row));
  LATCHKEY_ASSIGN_OR_RETURN(const std::string epoch_row,
                            MetaRow(*opened, kMetaEpoch));
  LATCHKEY_ASSIGN_OR_RETURN(opened->epoch, DecodeMetaEpoch(epoch_row));
  if (schema != marker.schema || opened->epoch != marker.epoch) {
    return DamagedFile("the database is not the one that its marker names");
  }
  LATCHKEY_ASSIGN_OR_RETURN(const std::string revision_row,
                            MetaRow(*opened, kMetaRevision));
  LATCHKEY_ASSIGN_OR_RETURN(opened->revision, DecodeMetaNumber64(revision_row));
  if (opened->revision < floor.revision) {
    return DamagedFile(absl::StrCat(
        "the database ends at revision ", opened->revision, ", but revision ",
        floor.revision, " was on disk: changes are lost"));
  }
  return absl::OkStatus();
}

// Cuts a torn tail off its file. RocksDB's own kTolerateCorruptedTailRecords
// does not serve: it refuses a tail of full length whose bytes were never
// written, it may leave out more than what was proven to be torn, and there is
// none for the MANIFEST.
absl::Status CutTail(rocksdb::Env* env, const std::string& directory,
                     const TornTail& torn, Log& log) {
  std::string content;
  const std::string path = absl::StrCat(directory, "/", torn.file);
  const rocksdb::Status status = rocksdb::ReadFileToString(env, path, &content);
  if (!status.ok()) return CannotOpen(path, status);
  content.resize(torn.offset);
  LATCHKEY_RETURN_IF_ERROR(ReplaceFile(env, directory, torn.file, content));
  log.Warning(
      "torn tail cut off",
      {{"file", torn.file}, {"offset", torn.offset}, {"bytes", torn.bytes}});
  return absl::OkStatus();
}

absl::StatusOr<OpenedRocks> OpenExisting(rocksdb::Env* env,
                                         const std::string& directory,
                                         const Marker& marker,
                                         RocksOptions options, Log& log) {
  LATCHKEY_ASSIGN_OR_RETURN(const Floor floor, ReadFloor(env, directory));
  LATCHKEY_ASSIGN_OR_RETURN(const std::optional<TornTail> torn_manifest,
                            CheckManifest(env, directory, floor));
  LATCHKEY_ASSIGN_OR_RETURN(std::vector<TornTail> torn,
                            CheckLogs(env, directory, floor));
  if (torn_manifest.has_value()) torn.push_back(*torn_manifest);
  OpenedRocks opened;
  rocksdb::Status status = OpenDb(directory, options, &opened);
  if (status.IsCorruption() && !torn.empty()) {
    for (const TornTail& tail : torn) {
      LATCHKEY_RETURN_IF_ERROR(CutTail(env, directory, tail, log));
    }
    opened = OpenedRocks();
    status = OpenDb(directory, options, &opened);
  }
  if (!status.ok()) return FromOpen(directory, status);
  const absl::Status checked = CheckContent(marker, floor, &opened);
  if (!checked.ok()) {
    CloseAgain(&opened);
    return checked;
  }
  return opened;
}

absl::StatusOr<OpenedRocks> MakeNew(const std::string& directory,
                                    const Marker& marker,
                                    RocksOptions options) {
  options.db.create_if_missing = true;
  options.db.create_missing_column_families = true;
  OpenedRocks opened;
  rocksdb::Status status = OpenDb(directory, options, &opened);
  if (!status.ok()) return FromOpen(directory, status);
  opened.created = true;
  opened.epoch = marker.epoch;
  rocksdb::ColumnFamilyHandle* const meta = opened.handles[kMetaHandle];
  rocksdb::WriteBatch batch;
  status =
      batch.Put(meta, ToSlice(kMetaSchema), EncodeMetaNumber32(kSchemaVersion));
  if (status.ok()) {
    status =
        batch.Put(meta, ToSlice(kMetaEpoch), EncodeMetaEpoch(opened.epoch));
  }
  if (status.ok()) {
    status = batch.Put(meta, ToSlice(kMetaRevision), EncodeMetaNumber64(0));
  }
  rocksdb::WriteOptions synced;
  synced.sync = true;
  if (status.ok()) status = opened.db->Write(synced, &batch);
  if (!status.ok()) {
    CloseAgain(&opened);
    return FromOpen(directory, status);
  }
  return opened;
}

}  // namespace

absl::StatusOr<OpenedRocks> OpenDirectory(rocksdb::Env* env,
                                          const std::string& directory,
                                          RocksOptions options, Log& log) {
  LATCHKEY_ASSIGN_OR_RETURN(std::optional<Marker> marker,
                            ReadMarker(env, directory));
  if (marker.has_value() && marker->ready) {
    return OpenExisting(env, directory, *marker, std::move(options), log);
  }
  if (!marker.has_value()) {
    LATCHKEY_ASSIGN_OR_RETURN(const bool unused, IsUnused(env, directory));
    if (!unused) {
      return absl::FailedPreconditionError(absl::StrCat(
          directory, " is not empty and holds no Latchkey database"));
    }
    // Said before the first file of RocksDB is made: whatever a crash leaves
    // of it is known to be nothing yet.
    marker = Marker{kSchemaVersion, /*ready=*/false, RandomBytes<Epoch>()};
    LATCHKEY_RETURN_IF_ERROR(WriteMarker(env, directory, *marker));
  }
  return MakeNew(directory, *marker, std::move(options));
}

}  // namespace latchkey
