// Checks without message objects: what is read by hand means what the
// generated messages read, and what is written by hand is what they write. The
// first byte of the input chooses which.
#include <cstdint>
#include <string>

#include "google/protobuf/stubs/logging.h"

#include "client/base/utf8.h"
#include "latchkey/v1/auth.pb.h"
#include "server/rpc/convert.h"
#include "server/rpc/fields.h"
#include "server/rpc/validate_wire.h"
#include "server/session/session_profile.h"
#include "server/storage/records.h"
#include "tests/fuzz/fuzz.h"

namespace latchkey {
namespace {

void RequireSame(const ValidateQuery& query,
                 const v1::ValidateRequest& request) {
  Require(query.credential == request.credential());
  Require(query.audience == request.audience());
  Require(query.passive == request.passive());
  Require(!query.max_auth_age.has_value() && !request.has_max_auth_age());
  Require(request.GetReflection()->GetUnknownFields(request).empty());
  // What is taken is never what the fields' rules would have refused.
  FieldChecks checks;
  checks.Credential("credential", request.credential());
  checks.Audience("audience", request.audience());
  Require(checks.status().ok());
}

void CheckRead(absl::string_view bytes) {
  const auto query = ReadPlainValidate(bytes);
  if (!query.has_value()) return;
  v1::ValidateRequest request;
  Require(request.ParseFromString(std::string(bytes)));
  RequireSame(*query, request);
}

void CheckReadBatch(absl::string_view bytes) {
  std::vector<ValidateQuery> queries;
  if (!ReadPlainBatchValidate(bytes, &queries)) return;
  v1::BatchValidateRequest batch;
  Require(batch.ParseFromString(std::string(bytes)));
  Require(static_cast<size_t>(batch.requests_size()) == queries.size());
  Require(!queries.empty() && queries.size() <= kMaxBatchValidate);
  for (size_t i = 0; i < queries.size(); ++i) {
    RequireSame(queries[i], batch.requests(static_cast<int>(i)));
  }
}

// Whether a session is one that may be handed out: texts came in by requests,
// and times by our clock.
bool IsPossible(const Session& session) {
  std::vector<std::string> texts = {session.account, session.client.user_agent,
                                    session.client.ip_address,
                                    session.client.device_label};
  for (const auto* list : {&session.audiences, &session.roles, &session.amr}) {
    texts.insert(texts.end(), list->begin(), list->end());
  }
  for (const std::string& text : texts) {
    if (!IsValidUtf8(text)) return false;
  }
  for (const absl::Time time :
       {session.create_time, session.auth_time, session.expire_time,
        session.last_seen_time, session.idle_expire_time()}) {
    if (time < absl::FromCivil(absl::CivilSecond(1), absl::UTCTimeZone()) ||
        time >=
            absl::FromCivil(absl::CivilSecond(10000), absl::UTCTimeZone())) {
      return false;
    }
  }
  return true;
}

// The bytes are a session's record.
void CheckWrite(absl::string_view bytes) {
  const auto session = DecodeSession(bytes);
  if (!session.ok() || !IsPossible(*session)) return;
  ProfileTable table;
  ValidateAnswer answer;
  answer.active = true;
  answer.session = {.id = session->id,
                    .create_time = session->create_time,
                    .expire_time = session->expire_time,
                    .last_seen_time = session->last_seen_time,
                    .profile = table.Share(*session)};
  answer.expire_time = session->end_time();
  answer.revision = session->generation;
  const Epoch epoch(session->account_uid.array());

  v1::ValidateResponse response;
  response.set_active(true);
  *response.mutable_session() = ToProto(*session);
  *response.mutable_expire_time() = ToProto(answer.expire_time);
  *response.mutable_revision() = ToProto(epoch, answer.revision);
  const grpc::Slice written = WriteValidate(answer, epoch);
  Require(ViewOf(written.begin(), written.size()) ==
          response.SerializeAsString());
}

}  // namespace
}  // namespace latchkey

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  google::protobuf::SetLogHandler(nullptr);
  if (size == 0) return 0;
  // In memory of its own size, so that a read behind the end is seen.
  const std::vector<uint8_t> bytes(data + 1, data + size);
  const auto view = latchkey::ViewOf(bytes.data(), bytes.size());
  switch (data[0] % 3) {
    case 0:
      latchkey::CheckRead(view);
      break;
    case 1:
      latchkey::CheckReadBatch(view);
      break;
    default:
      latchkey::CheckWrite(view);
  }
  return 0;
}
