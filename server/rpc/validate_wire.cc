#include "server/rpc/validate_wire.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "absl/time/time.h"

#include "client/verify/revision.h"
#include "client/verify/token_limits.h"
#include "server/rpc/fields.h"
#include "server/rpc/wire_writer.h"

namespace latchkey {
namespace {

// Field numbers of the contract; a test holds them against the generated
// messages, byte by byte.
namespace validate_request {
constexpr char kCredentialTag = 1 << 3 | 2;
constexpr char kAudienceTag = 2 << 3 | 2;
constexpr char kPassiveTag = 5 << 3;
}  // namespace validate_request
namespace batch_request {
constexpr char kRequestsTag = 1 << 3 | 2;
}  // namespace batch_request
namespace response {
constexpr int kActive = 1;
constexpr int kSession = 2;
constexpr int kExpireTime = 3;
constexpr int kRevision = 4;
constexpr int kInactiveReason = 5;
}  // namespace response
namespace batch_response {
constexpr int kResponses = 1;
constexpr int kRevision = 2;
}  // namespace batch_response
namespace revision {
constexpr int kToken = 1;
}  // namespace revision
namespace session {
constexpr int kName = 1;
constexpr int kAccount = 2;
constexpr int kCreateTime = 3;
constexpr int kAuthTime = 4;
constexpr int kLastSeenTime = 5;
constexpr int kIdleExpireTime = 6;
constexpr int kExpireTime = 7;
constexpr int kAudiences = 8;
constexpr int kRoles = 9;
constexpr int kAmr = 10;
constexpr int kClient = 11;
}  // namespace session
namespace client_info {
constexpr int kUserAgent = 1;
constexpr int kIpAddress = 2;
constexpr int kDeviceLabel = 3;
}  // namespace client_info
namespace timestamp {
constexpr int kSeconds = 1;
constexpr int kNanos = 2;
}  // namespace timestamp

constexpr absl::string_view kAccountPrefix = "accounts/";
constexpr absl::string_view kSessionInfix = "/sessions/";
constexpr size_t kIdDigits = 2 * SessionId::kSize;

// Takes a length of one or two bytes in its shortest spelling, and that many
// bytes, off the front of `rest`.
std::optional<absl::string_view> TakeBytes(absl::string_view* rest) {
  if (rest->empty()) return std::nullopt;
  size_t size = static_cast<uint8_t>(rest->front());
  size_t used = 1;
  if (size >= 0x80) {
    if (rest->size() < 2) return std::nullopt;
    const size_t upper = static_cast<uint8_t>((*rest)[1]);
    if (upper == 0 || upper >= 0x80) return std::nullopt;
    size = (size & 0x7f) | upper << 7;
    used = 2;
  }
  if (rest->size() - used < size) return std::nullopt;
  const absl::string_view bytes = rest->substr(used, size);
  rest->remove_prefix(used + size);
  return bytes;
}

// Printable ASCII is UTF-8 and has no control characters.
bool IsPlainText(absl::string_view text) {
  constexpr uint64_t kOnes = ~uint64_t{0} / 255;  // 1 in each byte
  constexpr uint64_t kHighBits = kOnes * 0x80;
  uint64_t odd = 0;
  // Eight at a time: the high bit of a byte is set, or becomes set by adding
  // 1, where it is 0x7f or more; or stays unset by adding 0x60, below 0x20.
  const auto look = [&odd](uint64_t bytes) {
    odd |= bytes | (bytes + kOnes);
    odd |= ~((bytes & ~kHighBits) + kOnes * 0x60);
  };
  size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    uint64_t bytes;
    std::memcpy(&bytes, text.data() + i, sizeof(bytes));
    look(bytes);
  }
  uint64_t last = kOnes * ' ';
  std::memcpy(&last, text.data() + i, text.size() - i);
  look(last);
  return (odd & kHighBits) == 0;
}

// A time as a Timestamp: what of it is not zero.
struct WireTime {
  explicit WireTime(absl::Time time) {
    const int64_t micros = absl::ToUnixMicros(time);
    seconds = micros / 1'000'000;
    int64_t left = micros % 1'000'000;
    if (left < 0) {
      left += 1'000'000;
      --seconds;
    }
    nanos = static_cast<uint64_t>(left) * 1000;
  }

  size_t Size() const {
    return (seconds == 0 ? 0 : 1 + VarintSize(static_cast<uint64_t>(seconds))) +
           (nanos == 0 ? 0 : 1 + VarintSize(nanos));
  }
  size_t FieldSize() const { return BytesFieldSize(Size()); }

  void Write(int field, WireWriter* out) const {
    out->Begin(field, Size());
    if (seconds != 0) {
      out->Varint(timestamp::kSeconds, static_cast<uint64_t>(seconds));
    }
    if (nanos != 0) out->Varint(timestamp::kNanos, nanos);
  }

  int64_t seconds;
  uint64_t nanos;
};

size_t TextSize(absl::string_view text) {
  return text.empty() ? 0 : BytesFieldSize(text.size());
}

void WriteText(int field, absl::string_view text, WireWriter* out) {
  if (!text.empty()) out->Bytes(field, text);
}

size_t TextsSize(const std::vector<std::string>& texts) {
  size_t size = 0;
  for (const std::string& text : texts) size += BytesFieldSize(text.size());
  return size;
}

void WriteTexts(int field, const std::vector<std::string>& texts,
                WireWriter* out) {
  for (const std::string& text : texts) out->Bytes(field, text);
}

// The session of an active answer, measured once and then written.
class WireSession {
 public:
  explicit WireSession(const LiveSession& session)
      : profile_(*session.profile),
        traits_(*profile_.traits),
        id_(session.id),
        create_time_(session.create_time),
        auth_time_(session.auth_time()),
        last_seen_time_(session.last_seen_time),
        idle_expire_time_(session.idle_expire_time()),
        expire_time_(session.expire_time),
        account_size_(kAccountPrefix.size() + profile_.account.size()),
        name_size_(account_size_ + kSessionInfix.size() + kIdDigits),
        client_size_(TextSize(traits_.client.user_agent) +
                     TextSize(traits_.client.ip_address) +
                     TextSize(traits_.client.device_label)),
        size_(BytesFieldSize(name_size_) + BytesFieldSize(account_size_) +
              create_time_.FieldSize() + auth_time_.FieldSize() +
              last_seen_time_.FieldSize() + idle_expire_time_.FieldSize() +
              expire_time_.FieldSize() + TextsSize(traits_.audiences) +
              TextsSize(traits_.roles) + TextsSize(traits_.amr) +
              (client_size_ == 0 ? 0 : BytesFieldSize(client_size_))) {}

  size_t FieldSize() const { return BytesFieldSize(size_); }

  void Write(int field, WireWriter* out) const {
    out->Begin(field, size_);
    out->Begin(session::kName, name_size_);
    out->Append(kAccountPrefix);
    out->Append(profile_.account);
    out->Append(kSessionInfix);
    AppendHex(out);
    out->Begin(session::kAccount, account_size_);
    out->Append(kAccountPrefix);
    out->Append(profile_.account);
    create_time_.Write(session::kCreateTime, out);
    auth_time_.Write(session::kAuthTime, out);
    last_seen_time_.Write(session::kLastSeenTime, out);
    idle_expire_time_.Write(session::kIdleExpireTime, out);
    expire_time_.Write(session::kExpireTime, out);
    WriteTexts(session::kAudiences, traits_.audiences, out);
    WriteTexts(session::kRoles, traits_.roles, out);
    WriteTexts(session::kAmr, traits_.amr, out);
    if (client_size_ == 0) return;
    out->Begin(session::kClient, client_size_);
    WriteText(client_info::kUserAgent, traits_.client.user_agent, out);
    WriteText(client_info::kIpAddress, traits_.client.ip_address, out);
    WriteText(client_info::kDeviceLabel, traits_.client.device_label, out);
  }

 private:
  void AppendHex(WireWriter* out) const {
    constexpr char kDigits[] = "0123456789abcdef";
    std::array<char, kIdDigits> digits;
    for (size_t i = 0; i < SessionId::kSize; ++i) {
      digits[2 * i] = kDigits[id_.array()[i] >> 4];
      digits[2 * i + 1] = kDigits[id_.array()[i] & 15];
    }
    out->Append({digits.data(), digits.size()});
  }

  const SessionProfile& profile_;
  const SessionTraits& traits_;
  const SessionId& id_;
  const WireTime create_time_;
  const WireTime auth_time_;
  const WireTime last_seen_time_;
  const WireTime idle_expire_time_;
  const WireTime expire_time_;
  const size_t account_size_;
  const size_t name_size_;
  const size_t client_size_;
  const size_t size_;
};

// A ValidateResponse but for its revision, which comes between the two parts.
class WireVerdict {
 public:
  explicit WireVerdict(const ValidateAnswer& answer)
      : reason_(answer.active ? 0
                              : static_cast<uint64_t>(answer.inactive_reason)),
        expire_time_(answer.active ? answer.expire_time : absl::UnixEpoch()) {
    if (!answer.active) {
      if (reason_ != 0) size_ = 1 + VarintSize(reason_);
      return;
    }
    session_.emplace(answer.session);
    size_ = 2 + session_->FieldSize() + expire_time_.FieldSize();
  }

  size_t Size() const { return size_; }

  void Write(WireWriter* out) const {
    if (!session_.has_value()) return;
    out->Varint(response::kActive, 1);
    session_->Write(response::kSession, out);
    expire_time_.Write(response::kExpireTime, out);
  }

  void WriteReason(WireWriter* out) const {
    if (reason_ != 0) out->Varint(response::kInactiveReason, reason_);
  }

 private:
  const uint64_t reason_;  // 0 if active
  std::optional<WireSession> session_;
  const WireTime expire_time_;
  size_t size_ = 0;
};

constexpr size_t kRevisionFieldSize =
    BytesFieldSize(BytesFieldSize(kRevisionTokenSize));

void WriteRevision(int field, const Epoch& epoch, uint64_t number,
                   WireWriter* out) {
  out->Begin(field, BytesFieldSize(kRevisionTokenSize));
  out->Begin(revision::kToken, kRevisionTokenSize);
  std::array<char, kRevisionTokenSize> token;
  SpellRevision(epoch, number, token.data());
  out->Append({token.data(), token.size()});
}

char* DataOf(const grpc::Slice& slice) {
  // Nobody else has it yet.
  return reinterpret_cast<char*>(const_cast<uint8_t*>(slice.begin()));
}

}  // namespace

std::optional<ValidateQuery> ReadPlainValidate(absl::string_view message) {
  ValidateQuery query;
  absl::string_view rest = message;
  if (rest.empty() || rest.front() != validate_request::kCredentialTag) {
    return std::nullopt;
  }
  rest.remove_prefix(1);
  const auto credential = TakeBytes(&rest);
  if (!credential.has_value() || credential->size() > kMaxCredentialBytes ||
      !IsPlainText(*credential)) {
    return std::nullopt;
  }
  query.credential = *credential;
  if (!rest.empty() && rest.front() == validate_request::kAudienceTag) {
    rest.remove_prefix(1);
    const auto audience = TakeBytes(&rest);
    if (!audience.has_value() || audience->size() > kMaxAudienceBytes ||
        !IsPlainText(*audience)) {
      return std::nullopt;
    }
    query.audience = *audience;
  }
  if (!rest.empty()) {
    const char passive[] = {validate_request::kPassiveTag, 1};
    if (rest != absl::string_view(passive, sizeof(passive))) {
      return std::nullopt;
    }
    query.passive = true;
  }
  return query;
}

bool ReadPlainBatchValidate(absl::string_view message,
                            std::vector<ValidateQuery>* queries) {
  queries->clear();
  absl::string_view rest = message;
  while (!rest.empty()) {
    if (rest.front() != batch_request::kRequestsTag) return false;
    rest.remove_prefix(1);
    const auto request = TakeBytes(&rest);
    if (!request.has_value() || queries->size() == kMaxBatchValidate) {
      return false;
    }
    const auto query = ReadPlainValidate(*request);
    if (!query.has_value()) return false;
    queries->push_back(*query);
  }
  return !queries->empty();
}

grpc::Slice WriteValidate(const ValidateAnswer& answer, const Epoch& epoch) {
  const WireVerdict verdict(answer);
  grpc::Slice slice(verdict.Size() + kRevisionFieldSize);
  WireWriter out(DataOf(slice));
  verdict.Write(&out);
  WriteRevision(response::kRevision, epoch, answer.revision, &out);
  verdict.WriteReason(&out);
  return slice;
}

grpc::Slice WriteBatchValidate(const BatchValidateAnswer& answer,
                               const Epoch& epoch) {
  std::vector<WireVerdict> verdicts;
  verdicts.reserve(answer.answers.size());
  size_t size = kRevisionFieldSize;
  for (const ValidateAnswer& one : answer.answers) {
    size += BytesFieldSize(verdicts.emplace_back(one).Size());
  }
  grpc::Slice slice(size);
  WireWriter out(DataOf(slice));
  for (const WireVerdict& verdict : verdicts) {
    out.Begin(batch_response::kResponses, verdict.Size());
    verdict.Write(&out);
    verdict.WriteReason(&out);
  }
  WriteRevision(batch_response::kRevision, epoch, answer.revision, &out);
  return slice;
}

}  // namespace latchkey
