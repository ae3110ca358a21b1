#include "server/storage/change_view.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "client/base/status_macros.h"

namespace latchkey {
namespace {

// About what RocksDB adds to a row in its log and memtable.
constexpr size_t kRowOverhead = 16;

}  // namespace

absl::StatusOr<std::optional<std::string>> ChangeView::Get(
    Family family, absl::string_view key) const {
  const auto it = writes_.find(std::make_pair(family, key));
  if (it != writes_.end()) return it->second;
  rocksdb::PinnableSlice value;
  LATCHKEY_ASSIGN_OR_RETURN(const bool found, db_.Read(family, key, &value));
  if (!found) return std::optional<std::string>();
  return std::optional<std::string>(value.ToString());
}

void ChangeView::Put(Family family, absl::string_view key, std::string value) {
  Set(family, key, std::move(value));
}

void ChangeView::Delete(Family family, absl::string_view key) {
  Set(family, key, std::nullopt);
}

void ChangeView::Set(Family family, absl::string_view key, Value value) {
  bytes_ += key.size() + (value.has_value() ? value->size() : 0) + kRowOverhead;
  const auto it = writes_.find(std::make_pair(family, key));
  if (it == writes_.end()) {
    Row row(family, std::string(key));
    undo_.push_back({row, std::nullopt});
    writes_.emplace(std::move(row), std::move(value));
  } else {
    undo_.push_back({it->first, std::move(it->second)});
    it->second = std::move(value);
  }
}

void ChangeView::NoteRevocations(std::vector<Revocation> revocations) {
  std::move(revocations.begin(), revocations.end(), std::back_inserter(noted_));
}

uint64_t ChangeView::Accept() {
  if (!undo_.empty()) ++last_revision_;
  undo_.clear();
  if (!noted_.empty()) {
    revoked_.push_back({last_revision_, std::exchange(noted_, {})});
  }
  return last_revision_;
}

void ChangeView::Refuse() {
  noted_.clear();
  while (!undo_.empty()) {
    Undo& undo = undo_.back();
    if (undo.before.has_value()) {
      writes_[undo.row] = *std::move(undo.before);
    } else {
      writes_.erase(undo.row);
    }
    undo_.pop_back();
  }
}

rocksdb::Status ChangeView::Fill(rocksdb::WriteBatch* batch) const {
  for (const auto& [row, value] : writes_) {
    rocksdb::ColumnFamilyHandle* const handle = db_.handle(row.first);
    const rocksdb::Status status =
        value.has_value()
            ? batch->Put(handle, ToSlice(row.second), ToSlice(*value))
            : batch->Delete(handle, ToSlice(row.second));
    if (!status.ok()) return status;
  }
  return rocksdb::Status::OK();
}

}  // namespace latchkey
