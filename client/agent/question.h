#ifndef LATCHKEY_CLIENT_AGENT_QUESTION_H_
#define LATCHKEY_CLIENT_AGENT_QUESTION_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "client/agent/refusal.h"
#include "client/validator.h"
#include "latchkey/v1/auth.pb.h"

namespace latchkey {

// ReadQuestion returns what `request` asks of its credential, and adds to `bad`
// which of its fields are out of the limits that auth.proto states; `prefix`
// comes before their names. With any, the question is not to be used.
CheckOptions ReadQuestion(absl::string_view prefix,
                          const v1::ValidateRequest& request,
                          std::vector<BadField>* bad);

// AsksMore tells whether something is in `request` that this program does not
// know of, a newer client's field: only the server can say what it means.
bool AsksMore(const v1::ValidateRequest& request);

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_AGENT_QUESTION_H_
