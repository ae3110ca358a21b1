#include "client/base/secret_bytes.h"

#include <ostream>
#include <string>
#include <type_traits>
#include <utility>

#include "gtest/gtest.h"

namespace latchkey {
namespace {

template <typename T>
concept Printable = requires(std::ostream& out, const T& value) {
  out << value;
};

// A secret cannot be printed or copied by accident.
static_assert(!Printable<SecretBytes>);
static_assert(!std::is_copy_constructible_v<SecretBytes>);
static_assert(!std::is_convertible_v<SecretBytes, std::string>);

TEST(SecretBytes, KeepsWhatItWasGiven) {
  const SecretBytes secret(absl::string_view("a\0b", 3));
  EXPECT_EQ(secret.Reveal(), absl::string_view("a\0b", 3));
}

TEST(SecretBytes, ComparesByContent) {
  EXPECT_TRUE(SecretBytes("abc") == SecretBytes("abc"));
  EXPECT_FALSE(SecretBytes("abc") == SecretBytes("abd"));
  EXPECT_FALSE(SecretBytes("abc") == SecretBytes("abcd"));
  EXPECT_TRUE(SecretBytes() == SecretBytes(""));
}

TEST(SecretBytes, MoveLeavesNothingBehind) {
  SecretBytes from("abc");
  const SecretBytes to = std::move(from);
  EXPECT_EQ(to.Reveal(), "abc");
  EXPECT_TRUE(from.empty());
}

TEST(SecretBytes, WipeMemoryOverwrites) {
  std::string text = "secret";
  WipeMemory(text.data(), text.size());
  EXPECT_EQ(text, std::string(6, '\0'));
}

}  // namespace
}  // namespace latchkey
