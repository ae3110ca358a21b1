// JWK sets: what is read and spelled is read again as the same; what is left
// out is told without the text.
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

#include "client/base/utf8.h"
#include "client/verify/key_set.h"
#include "tests/fuzz/fuzz.h"

namespace latchkey {
namespace {

void CheckKey(const KeySet& set, const PublicKey& key) {
  Require(set.Find(key.kid()) == &key);
  Require(!key.kid().empty() && key.kid().size() <= kMaxKidBytes);
  Require(IsValidUtf8(key.kid()) && !HasControlCharacter(key.kid()));
  Require(key.Thumbprint().size() == 43);
  // No key judges nothing to be signed.
  Require(!key.Verify("input", ""));
  Require(!key.Verify("input", std::string(64, '\0')));
  const absl::StatusOr<PublicKey> again = PublicKey::FromJwk(key.ToJwk());
  Require(again.ok() && again->kid() == key.kid() &&
          again->Thumbprint() == key.Thumbprint());
}

void Check(absl::string_view json) {
  const absl::StatusOr<KeySet> set = KeySet::FromJwks(json);
  if (!set.ok()) {
    Require(absl::IsInvalidArgument(set.status()) ||
            absl::IsFailedPrecondition(set.status()));
    Require(!HasControlCharacter(set.status().message()));
    return;
  }
  Require(set->size() + set->left_out().size() <= kMaxKeys);
  Require(set->size() > 0 || set->left_out().empty());
  for (const PublicKey& key : set->keys()) CheckKey(*set, key);
  for (const std::string& line : set->left_out()) {
    Require(IsValidUtf8(line) && !HasControlCharacter(line));
  }
  const std::string spelled = set->ToJwks();
  const absl::StatusOr<KeySet> again = KeySet::FromJwks(spelled);
  Require(again.ok() && again->size() == set->size() &&
          again->left_out().empty());
  Require(again->ToJwks() == spelled);
}

}  // namespace
}  // namespace latchkey

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  latchkey::Check(latchkey::ViewOf(data, size));
  return 0;
}
