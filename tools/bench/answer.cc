#include "tools/bench/answer.h"

#include <cstddef>
#include <cstdint>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "latchkey/v1/auth.pb.h"

namespace latchkey::bench {
namespace {

// Tags as protobuf writes them: field number and wire type in one byte.
constexpr char kActiveTag = 0x08;     // ValidateResponse.active
constexpr char kSessionTag = 0x12;    // ValidateResponse.session
constexpr char kNameTag = 0x0a;       // Session.name
constexpr char kResponsesTag = 0x0a;  // BatchValidateResponse.responses

// Takes a length off the front of `bytes`; false if there is none of one or
// two bytes, as those here have.
bool ConsumeLength(absl::string_view* bytes, size_t* length) {
  if (bytes->empty()) return false;
  const uint8_t first = static_cast<uint8_t>((*bytes)[0]);
  if (first < 0x80) {
    *length = first;
    bytes->remove_prefix(1);
    return true;
  }
  if (bytes->size() < 2) return false;
  const uint8_t second = static_cast<uint8_t>((*bytes)[1]);
  if (second >= 0x80) return false;
  *length = (first & 0x7fu) | size_t{second} << 7;
  bytes->remove_prefix(2);
  return true;
}

// active, then session, and in it the name first: as every protobuf library
// writes fields in the order of their numbers.
bool SaysActivePlainly(absl::string_view message, absl::string_view name) {
  const char active[] = {kActiveTag, 1, kSessionTag};
  size_t length = 0;
  if (!absl::ConsumePrefix(&message, {active, sizeof(active)}) ||
      !ConsumeLength(&message, &length) ||
      !absl::ConsumePrefix(&message, {&kNameTag, 1}) ||
      !ConsumeLength(&message, &length)) {
    return false;
  }
  return message.substr(0, length) == name;
}

bool SaysByParsing(absl::string_view message, const Answer& answer) {
  v1::ValidateResponse response;
  if (!response.ParseFromArray(message.data(),
                               static_cast<int>(message.size()))) {
    return false;
  }
  if (!answer.active()) return !response.active() && !response.has_session();
  return response.active() && response.session().name() == answer.session_name;
}

}  // namespace

bool IsRight(absl::string_view message, const Answer& answer) {
  if (answer.active() && SaysActivePlainly(message, answer.session_name)) {
    return true;
  }
  return SaysByParsing(message, answer);
}

bool AreRight(absl::string_view message,
              const std::vector<const Answer*>& answers) {
  for (const Answer* answer : answers) {
    size_t length = 0;
    if (!absl::ConsumePrefix(&message, {&kResponsesTag, 1}) ||
        !ConsumeLength(&message, &length) || length > message.size() ||
        !IsRight(message.substr(0, length), *answer)) {
      return false;
    }
    message.remove_prefix(length);
  }
  return !absl::StartsWith(message, {&kResponsesTag, 1});
}

std::string Describe(absl::string_view message) {
  v1::ValidateResponse response;
  if (!response.ParseFromArray(message.data(),
                               static_cast<int>(message.size()))) {
    return "what is no ValidateResponse";
  }
  if (response.active()) {
    return absl::StrCat("active as ", response.session().name());
  }
  return response.has_session()
             ? absl::StrCat("not active, but as ", response.session().name())
             : "not active";
}

std::string Describe(const Answer& answer) {
  return answer.active() ? absl::StrCat("active as ", answer.session_name)
                         : "not active";
}

}  // namespace latchkey::bench
