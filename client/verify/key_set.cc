#include "client/verify/key_set.h"

#include <optional>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

#include "client/verify/json.h"

namespace latchkey {
namespace {

absl::Status Invalid(absl::string_view rule) {
  return absl::InvalidArgumentError(rule);
}

// Refuses two entries with one kid, also if neither could be used: which of
// them a token means would depend on what a reader understands.
absl::Status CheckEntries(const JsonValue& entries) {
  absl::flat_hash_set<absl::string_view> kids;
  for (const JsonValue entry : entries.Elements()) {
    if (!entry.IsObject()) return Invalid("an entry of keys is no object");
    const std::optional<JsonValue> member = entry.Find("kid");
    const auto kid = member ? member->AsString() : std::nullopt;
    if (kid.has_value() && !kids.insert(*kid).second) {
      return Invalid("two keys have the same kid");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<KeySet> KeySet::FromJwks(absl::string_view json) {
  JsonDocument document;
  JsonLimits limits;
  limits.max_bytes = kMaxJwksBytes;
  if (document.Parse(json, limits) != JsonFault::kNone) {
    return Invalid("not one strict JSON text within the limits");
  }
  const std::optional<JsonValue> entries = document.root().Find("keys");
  if (!entries.has_value() || !entries->IsArray()) {
    return Invalid("not an object with an array named keys");
  }
  if (entries->size() > kMaxKeys) return Invalid("more than 32 keys");
  if (absl::Status status = CheckEntries(*entries); !status.ok()) return status;

  KeySet set;
  size_t number = 0;
  for (const JsonValue entry : entries->Elements()) {
    ++number;
    absl::StatusOr<PublicKey> key = PublicKey::FromJwk(entry);
    if (key.ok()) {
      set.keys_.push_back(*std::move(key));
      continue;
    }
    std::string line =
        absl::StrCat("key ", number, ": ", key.status().message());
    if (key.status().code() != absl::StatusCode::kInvalidArgument) {
      return absl::Status(key.status().code(), line);
    }
    set.left_out_.push_back(std::move(line));
  }
  if (set.keys_.empty() && !set.left_out_.empty()) {
    return Invalid(absl::StrCat("no key is of use; ", set.left_out_.front()));
  }
  return set;
}

absl::StatusOr<KeySet> KeySet::FromKeys(std::vector<PublicKey> keys) {
  if (keys.size() > kMaxKeys) return Invalid("more than 32 keys");
  KeySet set;
  for (PublicKey& key : keys) {
    if (set.Find(key.kid()) != nullptr) {
      return Invalid("two keys have the same kid");
    }
    set.keys_.push_back(std::move(key));
  }
  return set;
}

const PublicKey* KeySet::Find(absl::string_view kid) const {
  for (const PublicKey& key : keys_) {
    if (key.kid() == kid) return &key;
  }
  return nullptr;
}

std::string KeySet::ToJwks() const {
  std::string json = "{\"keys\":[";
  for (size_t i = 0; i < keys_.size(); ++i) {
    absl::StrAppend(&json, i == 0 ? "" : ",", keys_[i].ToJwk());
  }
  json.append("]}");
  return json;
}

}  // namespace latchkey
