// PHC strings: one spelling, and nothing that costs too much is let through.
// No hash is ever computed here.
#include <cstdint>

#include "server/account/phc.h"
#include "tests/fuzz/fuzz.h"

namespace latchkey {
namespace {

void Check(absl::string_view text) {
  const absl::StatusOr<PhcHash> hash = ParsePhc(text);
  if (!hash.ok()) {
    Require(absl::IsInvalidArgument(hash.status()) ||
            absl::IsOutOfRange(hash.status()));
    return;
  }
  Require(FormatPhc(*hash) == text);
  Require(hash->cost.time >= 1 && hash->cost.Work() <= kMaxHashWork);
  Require(hash->cost.memory_kib <= kMaxHashMemoryKib);
  Require(hash->lanes >= 1 && hash->lanes <= kMaxHashLanes);
  Require(hash->cost.memory_kib >= kMinHashMemoryKibPerLane * hash->lanes);
  Require(hash->salt.size() >= kMinSaltBytes &&
          hash->salt.size() <= kMaxSaltBytes);
  Require(hash->tag.size() >= kMinTagBytes && hash->tag.size() <= kMaxTagBytes);
  Require(text.size() <= kMaxPhcBytes);
}

}  // namespace
}  // namespace latchkey

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  latchkey::Check(latchkey::ViewOf(data, size));
  return 0;
}
