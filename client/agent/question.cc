#include "client/agent/question.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "google/protobuf/unknown_field_set.h"

#include "client/base/utf8.h"
#include "client/verify/revision.h"
#include "client/verify/token_limits.h"
#include "client/wire_time.h"

namespace latchkey {
namespace {

constexpr absl::Duration kLeastAuthAge = absl::Microseconds(1);

bool HasUnknown(const google::protobuf::Message& message) {
  return !message.GetReflection()->GetUnknownFields(message).empty();
}

// What is wrong with it; empty: nothing.
absl::string_view JudgeAudience(absl::string_view audience) {
  if (audience.size() > kMaxAudienceBytes) return "must be at most 256 bytes";
  if (HasControlCharacter(audience)) return "must not have control characters";
  return "";
}

}  // namespace

CheckOptions ReadQuestion(absl::string_view prefix,
                          const v1::ValidateRequest& request,
                          std::vector<BadField>* bad) {
  const auto fail = [&](absl::string_view field, absl::string_view rule) {
    bad->push_back({absl::StrCat(prefix, field), std::string(rule)});
  };
  CheckOptions options;
  options.audience = request.audience();
  options.passive = request.passive();
  if (request.credential().size() > kMaxTokenBytes) {
    fail("credential", "must be at most 8,192 bytes");
  }
  const absl::string_view wrong = JudgeAudience(request.audience());
  if (!wrong.empty()) fail("audience", wrong);
  if (request.has_max_auth_age()) {
    const auto age = ReadDuration(request.max_auth_age());
    if (!age.has_value()) {
      fail("max_auth_age", "is not a valid duration");
    } else {
      options.max_auth_age = absl::Trunc(*age, absl::Microseconds(1));
      if (*options.max_auth_age < kLeastAuthAge) {
        fail("max_auth_age", "must be at least 1us");
      }
    }
  }
  if (request.has_at_least_as_fresh()) {
    options.at_least_as_fresh = request.at_least_as_fresh().token();
    if (!ReadRevisionToken(options.at_least_as_fresh).has_value()) {
      fail("at_least_as_fresh",
           "is not the token of a revision that an answer carried");
    }
  }
  return options;
}

bool AsksMore(const v1::ValidateRequest& request) {
  return HasUnknown(request) ||
         (request.has_at_least_as_fresh() &&
          HasUnknown(request.at_least_as_fresh())) ||
         (request.has_max_auth_age() && HasUnknown(request.max_auth_age()));
}

}  // namespace latchkey
