#include "server/credential/sealer.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "server/base/error.h"

namespace latchkey {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr absl::string_view kPlaintext = "a private key of 32 bytes.......";
constexpr absl::string_view kData = "latchkey/test";

Sealer MakeSealer(uint8_t first_byte = 0) {
  SecretBytes key(Sealer::kKeyBytes);
  for (size_t i = 0; i < key.size(); ++i) {
    key.data()[i] = static_cast<uint8_t>(first_byte + i);
  }
  return *Sealer::FromKey(std::move(key));
}

void ExpectRefused(const absl::StatusOr<SecretBytes>& opened,
                   absl::StatusCode code, Reason reason) {
  EXPECT_EQ(opened.status().code(), code);
  EXPECT_EQ(ReasonOf(opened.status()), reason);
}

TEST(Sealer, OpensWhatItSealed) {
  const Sealer sealer = MakeSealer();
  const auto sealed = sealer.Seal(kPlaintext, kData);
  ASSERT_TRUE(sealed.ok());
  EXPECT_EQ(sealed->size(), 1 + 12 + kPlaintext.size() + 16);
  EXPECT_THAT(*sealed, Not(HasSubstr("private key")));
  const auto opened = sealer.Open(*sealed, kData);
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(opened->Reveal(), kPlaintext);
}

// Made with python3-cryptography's AESGCM: key 00 .. 1f, nonce 40 .. 4b.
TEST(Sealer, ReadsTheBytesItHasAlwaysWritten) {
  const Sealer sealer = MakeSealer();
  const auto opened = sealer.Open(
      absl::HexStringToBytes(
          "01404142434445464748494a4b8399de514f4ae677a8e47c53e2447c3d59f560"
          "7cd54c7b46046960cbb93dc3f566f55a50eecc354d34485d06973ef59f"),
      kData);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->Reveal(), kPlaintext);
  const auto empty = sealer.Open(
      absl::HexStringToBytes(
          "01404142434445464748494a4bc9b3c23ebecd69c4c2d87bc27ee34810"),
      "");
  ASSERT_TRUE(empty.ok()) << empty.status();
  EXPECT_TRUE(empty->empty());
}

TEST(Sealer, NeverSealsTheSameTextToTheSameBytes) {
  const Sealer sealer = MakeSealer();
  EXPECT_NE(*sealer.Seal(kPlaintext, kData), *sealer.Seal(kPlaintext, kData));
}

TEST(Sealer, RefusesAnotherKey) {
  const auto sealed = MakeSealer().Seal(kPlaintext, kData);
  ExpectRefused(MakeSealer(1).Open(*sealed, kData),
                absl::StatusCode::kFailedPrecondition, Reason::kMasterKeyWrong);
}

TEST(Sealer, RefusesOtherAssociatedData) {
  const Sealer sealer = MakeSealer();
  const auto sealed = sealer.Seal(kPlaintext, kData);
  for (const absl::string_view data : {"", "latchkey/tes", "latchkey/test "}) {
    ExpectRefused(sealer.Open(*sealed, data),
                  absl::StatusCode::kFailedPrecondition,
                  Reason::kMasterKeyWrong);
  }
}

TEST(Sealer, RefusesEveryFlippedByteAndEveryCut) {
  const Sealer sealer = MakeSealer();
  const std::string sealed = *sealer.Seal(kPlaintext, kData);
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::string bad = sealed;
    bad[i] ^= 1;
    EXPECT_FALSE(sealer.Open(bad, kData).ok()) << i;
    EXPECT_FALSE(sealer.Open(sealed.substr(0, i), kData).ok()) << i;
  }
  EXPECT_FALSE(sealer.Open(sealed + "x", kData).ok());
}

TEST(Sealer, TellsWhatIsNoSealedTextAtAll) {
  const Sealer sealer = MakeSealer();
  const std::string sealed = *sealer.Seal("", kData);
  for (const std::string& bad :
       {std::string(), sealed.substr(0, sealed.size() - 1),
        "\2" + sealed.substr(1), std::string(1 + 12 + 4097 + 16, '\1')}) {
    ExpectRefused(sealer.Open(bad, kData), absl::StatusCode::kDataLoss,
                  Reason::kCorruptRecord);
  }
}

TEST(Sealer, TakesAPlaintextUpToItsLimit) {
  const Sealer sealer = MakeSealer();
  const std::string longest(Sealer::kMaxPlaintextBytes, 'x');
  const auto sealed = sealer.Seal(longest, kData);
  ASSERT_TRUE(sealed.ok());
  EXPECT_EQ(sealer.Open(*sealed, kData)->Reveal(), longest);
  EXPECT_EQ(sealer.Seal(longest + "x", kData).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(Sealer, TakesAKeyOf32BytesOnly) {
  for (const size_t size : {0, 16, 31, 33}) {
    EXPECT_EQ(Sealer::FromKey(SecretBytes(size)).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace latchkey
