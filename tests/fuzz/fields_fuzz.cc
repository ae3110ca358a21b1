// The fields of requests: what a check lets through is within its rule, and a
// name that is read is spelled as it came.
#include <cstdint>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/stubs/logging.h"

#include "client/base/utf8.h"
#include "client/verify/token_limits.h"
#include "latchkey/v1/auth.pb.h"
#include "server/account/account.h"
#include "server/rpc/fields.h"
#include "tests/fuzz/fuzz.h"

namespace latchkey {
namespace {

constexpr absl::string_view kNameCharacters =
    "abcdefghijklmnopqrstuvwxyz0123456789._-";

bool IsGood(absl::string_view text, size_t limit) {
  return text.size() <= limit && !HasControlCharacter(text);
}

void CheckNames(absl::string_view text) {
  FieldChecks account;
  const std::string name = account.AccountName("name", text);
  if (account.status().ok()) {
    Require(absl::StrCat("accounts/", name) == text);
    Require(IsAccountName(name));
  }
  FieldChecks session;
  const FieldChecks::SessionRef ref = session.SessionName("name", text);
  if (session.status().ok()) {
    Require(absl::StrCat("accounts/", ref.account, "/sessions/",
                         ref.id.ToHex()) == text);
    Require(IsAccountName(ref.account));
  }
  FieldChecks id;
  id.AccountId("account", text);
  Require(id.status().ok() ==
          (!text.empty() && text.size() <= kMaxAccountNameBytes &&
           text.find_first_not_of(kNameCharacters) == text.npos &&
           kNameCharacters.substr(0, 36).find(text[0]) != text.npos));
}

void CheckPageTokens(absl::string_view text) {
  if (const auto name = ReadAccountPageToken(text)) {
    Require(AccountPageToken(*name) == text && IsAccountName(*name));
  }
  if (const auto id = ReadSessionPageToken(text)) {
    Require(SessionPageToken(*id) == text);
  }
}

void CheckDuration(const google::protobuf::Duration& proto) {
  FieldChecks checks;
  const absl::Duration duration =
      checks.Duration("requested_ttl", proto, kMinSessionTtl);
  if (!checks.status().ok()) return;
  Require(duration >= kMinSessionTtl);
  Require(duration == absl::Microseconds(absl::ToInt64Microseconds(duration)));
  Require(absl::ToInt64Seconds(duration) == proto.seconds());
}

void CheckLogin(const v1::LoginRequest& request) {
  FieldChecks checks;
  checks.Audiences("audiences", request.audiences());
  checks.Client("client", request.client());
  if (checks.status().ok()) {
    absl::flat_hash_set<std::string> seen;
    for (const std::string& audience : request.audiences()) {
      Require(!audience.empty() && IsGood(audience, kMaxAudienceBytes));
      Require(seen.insert(audience).second);
    }
    Require(seen.size() <= kMaxAudiences);
    for (const std::string* text :
         {&request.client().user_agent(), &request.client().ip_address(),
          &request.client().device_label()}) {
      Require(IsGood(*text, kMaxClientInfoBytes));
    }
  }
  CheckDuration(request.requested_ttl());
}

void CheckSecret(absl::string_view text) {
  std::string field(text);
  const SecretBytes secret = MoveSecret(&field);
  Require(field.empty() && secret.Reveal() == text);
}

}  // namespace
}  // namespace latchkey

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace latchkey;
  google::protobuf::SetLogHandler(nullptr);
  const absl::string_view text = ViewOf(data, size);
  // Messages with any other text do not get as far as this.
  if (IsValidUtf8(text)) {
    CheckNames(text);
    CheckPageTokens(text);
    CheckSecret(text);
  }
  v1::LoginRequest request;
  if (request.ParseFromArray(data, static_cast<int>(size))) {
    CheckLogin(request);
  }
  return 0;
}
