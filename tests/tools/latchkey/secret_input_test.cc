#include "tools/latchkey/secret_input.h"

#include <fcntl.h>
#include <fstream>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace latchkey {
namespace {

class SecretInput : public testing::Test {
 protected:
  SecretInput()
      : path_(absl::StrCat(testing::TempDir(), "/latchkey_secret_", getpid())) {
  }
  ~SecretInput() override { unlink(path_.c_str()); }

  void Write(const std::string& content, mode_t mode = 0600) {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << content;
    ASSERT_EQ(chmod(path_.c_str(), mode), 0);
  }

  std::string Read() {
    const auto secret = ReadSecretFile(path_);
    if (!secret.ok()) return secret.status().ToString();
    return std::string(secret->Reveal());
  }

  const std::string path_;
};

TEST_F(SecretInput, LosesOneLineEndAndNothingElse) {
  for (const auto& [content, secret] :
       {std::pair<std::string, std::string>{"", ""},
        {"a", "a"},
        {"a\n", "a"},
        {"a\r\n", "a"},
        {"a\n\n", "a\n"},
        {"a\r", "a\r"},
        {" a \n", " a "},
        {std::string("a\0b\n", 4), std::string("a\0b", 3)}}) {
    Write(content);
    EXPECT_EQ(Read(), secret);
  }
}

TEST_F(SecretInput, HasALimit) {
  const std::string longest(kMaxSecretInputBytes, 'x');
  Write(longest + "\r\n");
  EXPECT_EQ(Read(), longest);
  for (const char* more : {"x", "x\n", "x\r\n", "xxx"}) {
    Write(longest + more);
    EXPECT_EQ(ReadSecretFile(path_).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
}

TEST_F(SecretInput, AFileThatOthersMayReadIsRefused) {
  for (const mode_t mode : {0640, 0604, 0620, 0601}) {
    Write("secret", mode);
    EXPECT_EQ(ReadSecretFile(path_).status().code(),
              absl::StatusCode::kFailedPrecondition);
  }
  Write("secret", 0400);
  EXPECT_EQ(Read(), "secret");
}

TEST_F(SecretInput, AMissingFileIsNamed) {
  const auto secret = ReadSecretFile(path_);
  EXPECT_EQ(secret.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(secret.status().message().find(path_), std::string::npos);
}

TEST_F(SecretInput, AWrittenFileIsTheOwnersAlone) {
  Write("old", 0644);
  ASSERT_TRUE(WriteSecretFile(path_, "new").ok());
  EXPECT_EQ(Read(), "new");
  struct stat about;
  ASSERT_EQ(stat(path_.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600u);
}

TEST_F(SecretInput, AFileThatCannotBeWrittenIsAnError) {
  EXPECT_EQ(WriteSecretFile(path_ + "/missing/file", "x").code(),
            absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace latchkey
