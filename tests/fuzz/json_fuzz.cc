// JSON: our reader takes what an independent one takes, and finds the same in
// it.
#include <cstdint>
#include <string>

#include "absl/strings/match.h"
#include "nlohmann/json.hpp"

#include "client/verify/json.h"
#include "tests/fuzz/fuzz.h"

namespace latchkey {
namespace {

using Other = nlohmann::json;

void RequireSame(const JsonValue& ours, const Other& theirs) {
  switch (ours.kind()) {
    case JsonKind::kNull:
      return Require(theirs.is_null());
    case JsonKind::kFalse:
      return Require(theirs.is_boolean() && !theirs.get<bool>());
    case JsonKind::kTrue:
      return Require(theirs.is_boolean() && theirs.get<bool>());
    case JsonKind::kNumber:
      Require(theirs.is_number());
      Require(ours.AsUint64().has_value() == theirs.is_number_unsigned());
      if (const auto number = ours.AsUint64()) {
        Require(*number == theirs.get<uint64_t>());
      }
      return;
    case JsonKind::kString:
      return Require(theirs.is_string() &&
                     *ours.AsString() == theirs.get_ref<const std::string&>());
    case JsonKind::kArray: {
      Require(theirs.is_array() && ours.size() == theirs.size());
      size_t i = 0;
      for (const JsonValue element : ours.Elements()) {
        RequireSame(element, theirs[i++]);
      }
      return Require(i == theirs.size());
    }
    case JsonKind::kObject:
      Require(theirs.is_object() && ours.size() == theirs.size());
      for (const auto& [name, value] : theirs.items()) {
        const auto member = ours.Find(name);
        Require(member.has_value());
        RequireSame(*member, value);
      }
      return;
  }
  Require(false);
}

void Check(absl::string_view text) {
  JsonDocument document;
  JsonLimits limits;
  const JsonFault fault = document.Parse(text, limits);
  Require(fault != JsonFault::kNone || text.size() <= limits.max_bytes);
  // The other has no limits, keeps the last of two members, takes NUL for the
  // end of the text and skips a byte order mark.
  if (fault == JsonFault::kLimit || fault == JsonFault::kDuplicateName ||
      absl::StrContains(text, absl::string_view("\0", 1)) ||
      absl::StartsWith(text, "\xef\xbb\xbf")) {
    return;
  }
  Other theirs;
  try {
    theirs = Other::parse(text.begin(), text.end());
  } catch (const Other::out_of_range&) {
    return;  // a number that no double holds
  } catch (const Other::parse_error&) {
    return Require(fault == JsonFault::kSyntax);
  }
  Require(fault == JsonFault::kNone);
  RequireSame(document.root(), theirs);
}

}  // namespace
}  // namespace latchkey

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  latchkey::Check(latchkey::ViewOf(data, size));
  return 0;
}
