#include "client/caller_proof.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

#include "client/call_metadata.h"
#include "client/verify/revision.h"
#include "client/verify/token_limits.h"

namespace latchkey {
namespace {

constexpr absl::string_view kScheme = "Bearer ";

bool IsToken68(absl::string_view text) {
  const size_t last = text.find_last_not_of('=');
  if (last == absl::string_view::npos) return false;
  return std::all_of(text.begin(), text.begin() + last + 1, [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' ||
           c == '.' || c == '_' || c == '~' || c == '+' || c == '/';
  });
}

std::optional<absl::string_view> BearerOf(absl::string_view value) {
  if (!absl::StartsWithIgnoreCase(value, kScheme)) return std::nullopt;
  value.remove_prefix(kScheme.size());
  if (value.size() > kMaxTokenBytes || !IsToken68(value)) return std::nullopt;
  return value;
}

absl::string_view View(grpc::string_ref text) {
  return {text.data(), text.size()};
}

}  // namespace

std::variant<CallerProof, GuardRefusal> ReadCallerProof(
    const CallMetadata& metadata) {
  CallerProof proof;
  const auto values = metadata.equal_range(kAuthorizationMetadata);
  if (values.first == values.second) return GuardRefusal::kNoCredential;
  const auto credential = BearerOf(View(values.first->second));
  if (std::next(values.first) != values.second || !credential.has_value()) {
    return GuardRefusal::kMalformedCredential;
  }
  proof.credential = *credential;

  const auto revisions = metadata.equal_range(kRevisionMetadata);
  if (revisions.first == revisions.second) return proof;
  proof.revision = View(revisions.first->second);
  if (std::next(revisions.first) != revisions.second ||
      !ReadRevisionToken(proof.revision).has_value()) {
    return GuardRefusal::kMalformedRevision;
  }
  return proof;
}

}  // namespace latchkey
