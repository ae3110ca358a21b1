#ifndef LATCHKEY_SERVER_STORAGE_CHANGE_VIEW_H_
#define LATCHKEY_SERVER_STORAGE_CHANGE_VIEW_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "rocksdb/write_batch.h"

#include "client/verify/revocation.h"
#include "server/session/revocation_archive.h"
#include "server/storage/family.h"
#include "server/storage/rocks_db.h"

namespace latchkey {

// ChangeView is the database as one change in a batch sees it: what is on
// disk, and over it what the changes before it in the same batch have written.
// So each is decided against the state that it will be applied to.
//
// Belongs to the committer's thread.
class ChangeView {
 public:
  // `db` must outlive the view; `last_revision` is the newest given so far.
  ChangeView(const RocksDb& db, uint64_t last_revision)
      : db_(db), last_revision_(last_revision) {}

  // --- for the change ---

  // Get returns the row under `key`, or nullopt if there is none.
  //   kDataLoss, kUnavailable  as RocksDb::Read
  [[nodiscard]] absl::StatusOr<std::optional<std::string>> Get(
      Family family, absl::string_view key) const;
  void Put(Family family, absl::string_view key, std::string value);
  void Delete(Family family, absl::string_view key);

  // NoteRevocations says what this change revokes, besides writing it: those
  // who follow the changes are told when it is durable.
  void NoteRevocations(std::vector<Revocation> revocations);

  // revision returns the one that this change gets if it writes anything.
  uint64_t revision() const { return last_revision_ + 1; }

  // --- for the committer ---

  // Accept ends a change that succeeded and returns the revision it is seen
  // at: its own if it wrote, else that of the last one before it that did.
  uint64_t Accept();
  // Refuse ends a change that failed: whatever it wrote is as if never.
  void Refuse();

  uint64_t last_revision() const { return last_revision_; }
  // revoked returns what the changes that were accepted have revoked.
  const std::vector<RevocationsAt>& revoked() const { return revoked_; }
  // bytes returns about how large the batch has become.
  size_t bytes() const { return bytes_; }
  bool empty() const { return writes_.empty(); }
  // Fill puts all that was written into `batch`.
  [[nodiscard]] rocksdb::Status Fill(rocksdb::WriteBatch* batch) const;

 private:
  using Row = std::pair<Family, std::string>;
  using Value = std::optional<std::string>;  // nullopt: deleted

  struct RowLess {
    using is_transparent = void;
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
      if (a.first != b.first) return a.first < b.first;
      return absl::string_view(a.second) < absl::string_view(b.second);
    }
  };
  // How to take back one write of the change that is being decided.
  struct Undo {
    Row row;
    std::optional<Value> before;  // nullopt: the batch had not touched it
  };

  void Set(Family family, absl::string_view key, Value value);

  const RocksDb& db_;
  uint64_t last_revision_;
  size_t bytes_ = 0;
  absl::btree_map<Row, Value, RowLess> writes_;
  std::vector<Undo> undo_;         // of the current change
  std::vector<Revocation> noted_;  // likewise
  std::vector<RevocationsAt> revoked_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORAGE_CHANGE_VIEW_H_
