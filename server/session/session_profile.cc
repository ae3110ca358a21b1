#include "server/session/session_profile.h"

namespace latchkey {
namespace {

// What the heap adds to a block.
constexpr size_t kBlockOverhead = 16;
// A std::string keeps shorter ones inside itself.
constexpr size_t kInlineString = 15;

size_t HeapBytes(const std::string& text) {
  return text.size() <= kInlineString ? 0 : text.size() + 1 + kBlockOverhead;
}

size_t HeapBytes(const std::vector<std::string>& texts) {
  if (texts.empty()) return 0;
  size_t bytes = texts.size() * sizeof(std::string) + kBlockOverhead;
  for (const std::string& text : texts) bytes += HeapBytes(text);
  return bytes;
}

}  // namespace

size_t SessionTraits::Bytes() const {
  return sizeof(*this) + HeapBytes(audiences) + HeapBytes(roles) +
         HeapBytes(amr) + HeapBytes(client.user_agent) +
         HeapBytes(client.ip_address) + HeapBytes(client.device_label);
}

size_t SessionProfile::Bytes() const {
  return sizeof(*this) + HeapBytes(account);
}

Interned<SessionProfile> ProfileTable::Share(const Session& session) {
  return profiles_.Share(
      {.account = session.account,
       .account_uid = session.account_uid,
       .generation = session.generation,
       .traits = traits_.Share({.audiences = session.audiences,
                                .roles = session.roles,
                                .amr = session.amr,
                                .client = session.client}),
       .idle_ttl = session.idle_ttl,
       .auth_delay_micros =
           absl::ToInt64Microseconds(session.auth_time - session.create_time),
       .form = session.form,
       .account_kind = session.account_kind});
}

}  // namespace latchkey
