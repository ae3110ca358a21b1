#include "server/rpc/request_parser.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/empty.pb.h"
#include "google/protobuf/unknown_field_set.h"
#include "grpcpp/support/proto_buffer_reader.h"

#include "client/base/utf8.h"
#include "server/base/error.h"

namespace latchkey {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::UnknownField;
using google::protobuf::UnknownFieldSet;

// Deeper than any message of ours; what is nested deeper has no strings.
constexpr int kMaxDepth = 8;

bool Read(const grpc::ByteBuffer& bytes, google::protobuf::Message* message) {
  grpc::ByteBuffer shared = bytes;  // counts a reference, copies nothing
  grpc::ProtoBufferReader reader(&shared);
  return reader.status().ok() && message->ParseFromZeroCopyStream(&reader);
}

// Collects the string fields that are not UTF-8. `fields` are the raw fields
// of a message that `type` describes.
void FindBadText(const UnknownFieldSet& fields, const Descriptor& type,
                 const std::string& prefix, int depth,
                 std::vector<FieldViolation>* violations) {
  if (depth > kMaxDepth) return;
  for (int i = 0; i < fields.field_count(); ++i) {
    const UnknownField& raw = fields.field(i);
    const FieldDescriptor* field = type.FindFieldByNumber(raw.number());
    if (field == nullptr || raw.type() != UnknownField::TYPE_LENGTH_DELIMITED) {
      continue;
    }
    const std::string path = absl::StrCat(prefix, field->name());
    if (field->type() == FieldDescriptor::TYPE_STRING &&
        !IsValidUtf8(raw.length_delimited())) {
      violations->push_back({path, "is not valid UTF-8"});
    } else if (field->type() == FieldDescriptor::TYPE_MESSAGE) {
      UnknownFieldSet inner;
      if (inner.ParseFromString(raw.length_delimited())) {
        FindBadText(inner, *field->message_type(), absl::StrCat(path, "."),
                    depth + 1, violations);
      }
    }
  }
}

}  // namespace

absl::Status ParseRequest(const grpc::ByteBuffer& bytes,
                          google::protobuf::Message* request) {
  if (Read(bytes, request)) return absl::OkStatus();
  std::vector<FieldViolation> violations;
  google::protobuf::Empty raw;  // keeps every field as it came
  if (Read(bytes, &raw)) {
    FindBadText(raw.GetReflection()->GetUnknownFields(raw),
                *request->GetDescriptor(), "", 0, &violations);
  }
  if (violations.empty()) {
    violations.push_back({"", absl::StrCat("is not a message of type ",
                                           request->GetDescriptor()->name())});
  }
  return InvalidFields(std::move(violations));
}

}  // namespace latchkey
