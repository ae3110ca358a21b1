#include "server/rpc/request_parser.h"

#include <string>

#include "grpcpp/support/slice.h"
#include "gtest/gtest.h"

#include "latchkey/v1/auth.pb.h"
#include "server/base/error.h"

namespace latchkey {
namespace {

grpc::ByteBuffer Buffer(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

TEST(ParseRequest, ReadsWhatWasWritten) {
  v1::LoginRequest sent;
  sent.set_account("alice");
  sent.set_password(std::string("a\0b", 3));
  v1::LoginRequest read;
  ASSERT_TRUE(ParseRequest(Buffer(sent.SerializeAsString()), &read).ok());
  EXPECT_EQ(read.SerializeAsString(), sent.SerializeAsString());
}

TEST(ParseRequest, AnEmptyBufferIsAnEmptyMessage) {
  v1::LoginRequest read;
  EXPECT_TRUE(ParseRequest(Buffer(""), &read).ok());
}

TEST(ParseRequest, NamesTheFieldThatIsNotUtf8) {
  // Field 1 (account) "\xff", field 9 (client) { field 3 (device_label) "\xc0"
  // }
  const std::string bytes("\x0a\x01\xff\x4a\x03\x1a\x01\xc0", 8);
  v1::LoginRequest read;
  const absl::Status status = ParseRequest(Buffer(bytes), &read);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  const auto violations = FieldViolationsOf(status);
  ASSERT_EQ(violations.size(), 2u);
  EXPECT_EQ(violations[0].field, "account");
  EXPECT_EQ(violations[1].field, "client.device_label");
}

TEST(ParseRequest, RefusesWhatIsNoMessage) {
  for (const std::string& bytes :
       {std::string("\xff\xff\xff"), std::string("\x0a\x7f", 2),
        std::string("\x07"), std::string(200, '\x0b')}) {
    v1::LoginRequest read;
    const absl::Status status = ParseRequest(Buffer(bytes), &read);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(FieldViolationsOf(status).size(), 1u);
  }
}

}  // namespace
}  // namespace latchkey
