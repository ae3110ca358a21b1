// Requests on their way to a handler. The first byte of the input chooses the
// message, the rest is its bytes.
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "google/protobuf/stubs/logging.h"
#include "grpcpp/support/slice.h"

#include "client/base/utf8.h"
#include "latchkey/v1/account.pb.h"
#include "latchkey/v1/auth.pb.h"
#include "latchkey/v1/session_service.pb.h"
#include "server/base/error.h"
#include "server/rpc/request_parser.h"
#include "tests/fuzz/fuzz.h"

namespace latchkey {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

const Message& Chosen(uint8_t choice) {
  static const std::array<const Message*, 12> messages = {
      &v1::LoginRequest::default_instance(),
      &v1::ValidateRequest::default_instance(),
      &v1::BatchValidateRequest::default_instance(),
      &v1::RefreshRequest::default_instance(),
      &v1::LogoutRequest::default_instance(),
      &v1::CreateAccountRequest::default_instance(),
      &v1::ListAccountsRequest::default_instance(),
      &v1::UpdateAccountRequest::default_instance(),
      &v1::SetPasswordRequest::default_instance(),
      &v1::GetSessionRequest::default_instance(),
      &v1::ListSessionsRequest::default_instance(),
      &v1::RevokeSessionRequest::default_instance()};
  return *messages[choice % messages.size()];
}

// The texts of a message that was accepted.
void CheckTexts(const Message& message) {
  const auto* reflection = message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    const bool text = field->type() == FieldDescriptor::TYPE_STRING;
    const bool inner = field->type() == FieldDescriptor::TYPE_MESSAGE;
    const int count =
        field->is_repeated() ? reflection->FieldSize(message, field) : 1;
    for (int i = 0; i < count; ++i) {
      if (text) {
        Require(
            IsValidUtf8(field->is_repeated()
                            ? reflection->GetRepeatedString(message, field, i)
                            : reflection->GetString(message, field)));
      } else if (inner) {
        CheckTexts(field->is_repeated()
                       ? reflection->GetRepeatedMessage(message, field, i)
                       : reflection->GetMessage(message, field));
      }
    }
  }
}

grpc::ByteBuffer InSlices(const std::string& bytes, size_t split) {
  const grpc::Slice slices[] = {grpc::Slice(bytes.substr(0, split)),
                                grpc::Slice(bytes.substr(split))};
  return grpc::ByteBuffer(slices, 2);
}

void CheckRefusal(const absl::Status& status, const Message& message) {
  Require(absl::IsInvalidArgument(status));
  Require(ReasonOf(status) == Reason::kInvalidField);
  const auto violations = FieldViolationsOf(status);
  Require(!violations.empty());
  for (const FieldViolation& violation : violations) {
    Require(!violation.description.empty());
    const std::string first =
        violation.field.substr(0, violation.field.find_first_of(".["));
    Require(first.empty() ||
            message.GetDescriptor()->FindFieldByName(first) != nullptr);
  }
}

void Check(const Message& kind, const std::string& bytes) {
  const std::unique_ptr<Message> message(kind.New());
  const absl::Status status =
      ParseRequest(InSlices(bytes, bytes.size()), message.get());
  const std::unique_ptr<Message> generated(kind.New());
  Require(status.ok() == generated->ParseFromString(bytes));
  // However it came in.
  const std::unique_ptr<Message> split(kind.New());
  const absl::Status split_status =
      ParseRequest(InSlices(bytes, bytes.size() / 2), split.get());
  Require(split_status.code() == status.code());
  if (!status.ok()) return CheckRefusal(status, *message);

  CheckTexts(*message);
  const std::string spelled = message->SerializeAsString();
  Require(split->SerializeAsString() == spelled);
  const std::unique_ptr<Message> again(kind.New());
  Require(ParseRequest(InSlices(spelled, 0), again.get()).ok());
  Require(again->SerializeAsString() == spelled);
}

}  // namespace
}  // namespace latchkey

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  google::protobuf::SetLogHandler(nullptr);
  if (size == 0) return 0;
  latchkey::Check(latchkey::Chosen(data[0]),
                  std::string(latchkey::ViewOf(data + 1, size - 1)));
  return 0;
}
