#include "client/channel.h"

#include <fstream>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "client/pem_file.h"

namespace latchkey {
namespace {

using ::testing::HasSubstr;

constexpr char kCertificate[] = "-----BEGIN CERTIFICATE-----\nx\n";
constexpr char kKey[] = "-----BEGIN PRIVATE KEY-----\nx\n";

absl::StatusCode CodeOf(const ChannelOptions& options) {
  return OpenChannels(options).status().code();
}

TEST(OpenChannels, PlaintextStaysOnThisMachine) {
  for (const char* target :
       {"127.0.0.1:1", "127.255.255.255:65535", "localhost:7870", "[::1]:7870",
        "unix:/run/latchkey/admin.sock"}) {
    EXPECT_EQ(CodeOf({.target = target}), absl::StatusCode::kOk) << target;
    EXPECT_TRUE(IsThisMachine(target)) << target;
  }
}

TEST(OpenChannels, PlaintextGoesElsewhereOnlyIfSaid) {
  // The last ones begin like a loopback address and are names.
  for (const char* target :
       {"10.0.0.1:7870", "auth.example:7870", "[::2]:7870", "0.0.0.0:7870",
        "127.0.0.1.example:7870", "127.0.0.1e:7870", "127.0.0.256:7870",
        "127.1:7870", "127.0.0.+1:7870"}) {
    EXPECT_EQ(CodeOf({.target = target}), absl::StatusCode::kInvalidArgument)
        << target;
    EXPECT_FALSE(IsThisMachine(target)) << target;
    EXPECT_EQ(CodeOf({.target = target, .insecure = true}),
              absl::StatusCode::kOk)
        << target;
  }
}

TEST(OpenChannels, MalformedTargetsAreRefusedAlways) {
  for (const char* target :
       {"", "unix:", "localhost", ":7870", "localhost:", "localhost:0",
        "localhost:65536", "localhost:http"}) {
    EXPECT_EQ(CodeOf({.target = target, .insecure = true}),
              absl::StatusCode::kInvalidArgument)
        << target;
    EXPECT_FALSE(IsThisMachine(target)) << target;
  }
}

TEST(OpenChannels, ThereAreAsManyAsWereAskedFor) {
  EXPECT_EQ(OpenChannels({.connections = 1})->size(), 1u);
  EXPECT_EQ(OpenChannels({.connections = 64})->size(), 64u);
  for (const int connections : {0, -1, 65}) {
    EXPECT_EQ(CodeOf({.connections = connections}),
              absl::StatusCode::kInvalidArgument);
  }
}

TEST(OpenChannels, HalfOfWhatGoesTogetherIsRefused) {
  const std::string any = "/none";
  for (const ChannelOptions& options :
       {ChannelOptions{.certificate_file = any, .key_file = any},
        ChannelOptions{.server_name = any},
        ChannelOptions{.ca_file = any, .key_file = any},
        ChannelOptions{.ca_file = any, .certificate_file = any},
        ChannelOptions{.target = "unix:/x", .ca_file = any}}) {
    EXPECT_EQ(CodeOf(options), absl::StatusCode::kInvalidArgument);
  }
}

TEST(OpenChannels, AFileThatCannotBeReadIsNamed) {
  const auto opened = OpenChannels({.ca_file = "/none"});
  EXPECT_EQ(opened.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(opened.status().message()), HasSubstr("/none"));
}

class PemFile : public testing::Test {
 protected:
  PemFile()
      : path_(absl::StrCat(testing::TempDir(), "/latchkey_pem_", getpid())) {}
  ~PemFile() override { unlink(path_.c_str()); }

  void Write(const std::string& content, mode_t mode) {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << content;
    ASSERT_EQ(chmod(path_.c_str(), mode), 0);
  }

  const std::string path_;
};

TEST_F(PemFile, CertificatesMayBeReadByAnybody) {
  Write(kCertificate, 0644);
  EXPECT_EQ(*ReadCertificates(path_), kCertificate);
}

TEST_F(PemFile, AKeyThatOthersMayReadIsRefused) {
  for (const mode_t mode : {0640, 0604, 0620, 0601}) {
    Write(kKey, mode);
    EXPECT_EQ(ReadPrivateKey(path_).status().code(),
              absl::StatusCode::kFailedPrecondition);
  }
  Write(kKey, 0400);
  EXPECT_EQ(ReadPrivateKey(path_)->Reveal(), kKey);
}

TEST_F(PemFile, ASecretIsAllButTheLineEndAndItsOwnersAlone) {
  for (const auto& [text, secret] :
       {std::pair("s\n", "s"), std::pair("s\r\n", "s"), std::pair("s", "s"),
        std::pair(" s\n\n", " s\n"), std::pair("\n", "")}) {
    Write(text, 0600);
    EXPECT_EQ(ReadSecretLine(path_)->Reveal(), secret);
  }
  Write("s", 0640);
  EXPECT_EQ(ReadSecretLine(path_).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(PemFile, WhatIsNoPemIsRefused) {
  Write(kKey, 0600);
  EXPECT_EQ(ReadCertificates(path_).status().code(),
            absl::StatusCode::kFailedPrecondition);
  Write(kCertificate, 0600);
  EXPECT_EQ(ReadPrivateKey(path_).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(PemFile, HasALimit) {
  // The CAs of a system fit by far.
  const std::string longest =
      kCertificate +
      std::string(kMaxPemBytes - std::string(kCertificate).size(), 'x');
  Write(longest, 0644);
  EXPECT_EQ(*ReadCertificates(path_), longest);
  Write(longest + "x", 0644);
  EXPECT_EQ(ReadCertificates(path_).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace latchkey
