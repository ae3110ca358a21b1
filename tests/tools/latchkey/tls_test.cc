#include "tools/latchkey/tls.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace latchkey {
namespace {

using ::testing::HasSubstr;

TEST(MakeChannelCredentials, WithoutACaItIsPlaintext) {
  EXPECT_TRUE(MakeChannelCredentials({}).ok());
}

TEST(MakeChannelCredentials, HalfOfWhatGoesTogetherIsRefused) {
  const std::string any = "/none";
  for (const TlsFiles& files :
       {TlsFiles{.certificate = any, .key = any}, TlsFiles{.server_name = any},
        TlsFiles{.ca = any, .key = any},
        TlsFiles{.ca = any, .certificate = any}}) {
    EXPECT_EQ(MakeChannelCredentials(files).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
}

TEST(MakeChannelCredentials, AFileThatCannotBeReadIsNamed) {
  const auto made = MakeChannelCredentials({.ca = "/none"});
  EXPECT_EQ(made.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(made.status().message()), HasSubstr("/none"));
}

TEST(TlsHint, NobodyToSpeakToIsNoMatterOfTls) {
  EXPECT_EQ(TlsHint("connect: Connection refused (111)", true), "");
  EXPECT_EQ(TlsHint("DNS resolution failed for x", false), "");
}

TEST(TlsHint, SaysWhatOptionMends) {
  EXPECT_THAT(TlsHint("Socket closed", false), HasSubstr("--tls-ca"));
  EXPECT_THAT(TlsHint("Socket closed", true), HasSubstr("--tls-certificate"));
  EXPECT_THAT(TlsHint("empty address list: ", true), HasSubstr("--tls-key"));
  EXPECT_THAT(TlsHint("Peer name x is not in peer certificate", true),
              HasSubstr("--tls-server-name"));
}

}  // namespace
}  // namespace latchkey
