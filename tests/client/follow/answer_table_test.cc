#include "client/follow/answer_table.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace latchkey {
namespace {

const absl::Time kUntil = absl::FromUnixSeconds(2000);

std::unique_ptr<Answer> AnswerFor(std::shared_ptr<const KeySet> keys) {
  auto answer = std::make_unique<Answer>();
  answer->principal = std::make_shared<const Principal>();
  answer->keys = std::move(keys);
  answer->until = kUntil;
  return answer;
}

class AnswerTableTest : public ::testing::Test {
 protected:
  AnswerTable table_{1 << 20};
  std::shared_ptr<const KeySet> keys_ = std::make_shared<const KeySet>();
};

TEST_F(AnswerTableTest, TheWholeTextOfAJwtDecides) {
  const std::string tail = ".the-same-end-of-a-long-signature";
  table_.Insert("a.b" + tail, AnswerFor(keys_));
  EXPECT_NE(table_.Find("a.b" + tail, true), nullptr);
  EXPECT_EQ(table_.Find("a.c" + tail, true), nullptr);
  EXPECT_EQ(table_.Find(tail, true), nullptr);
  EXPECT_EQ(table_.Find("a.b" + tail, false), nullptr);
}

TEST_F(AnswerTableTest, KindsAreNotTakenForEachOther) {
  table_.Insert("short", AnswerFor(keys_));
  EXPECT_NE(table_.Find("short", true), nullptr);
  EXPECT_EQ(table_.Find("short", false), nullptr);
  table_.Insert("short", AnswerFor(nullptr));
  EXPECT_NE(table_.Find("short", true), nullptr);
  EXPECT_NE(table_.Find("short", false), nullptr);
}

TEST_F(AnswerTableTest, ANewAnswerTakesThePlaceOfTheOldOne) {
  table_.Insert("one", AnswerFor(nullptr));
  const Answer* const old = table_.Find("one", false);
  table_.Insert("one", AnswerFor(nullptr));
  EXPECT_EQ(table_.size(), 1u);
  EXPECT_NE(table_.Find("one", false), old);
  EXPECT_NE(table_.TakeRemoved(), nullptr);
  EXPECT_EQ(table_.TakeRemoved(), nullptr);
}

TEST_F(AnswerTableTest, SweepsWhatHasEnded) {
  for (int i = 0; i < 100; ++i) {
    table_.Insert(absl::StrCat("one", i), AnswerFor(nullptr));
  }
  const size_t before = table_.size();
  table_.Sweep(kUntil - absl::Microseconds(1), table_.Buckets());
  EXPECT_EQ(table_.size(), before);
  table_.Sweep(kUntil, table_.Buckets());
  EXPECT_EQ(table_.size(), 0u);
}

TEST(AnswerTable, AnAnswerThatIsTooLargeIsNotKept) {
  AnswerTable table(1024);
  table.Insert(std::string(2048, 'x'),
               AnswerFor(std::make_shared<const KeySet>()));
  EXPECT_EQ(table.size(), 0u);
}

}  // namespace
}  // namespace latchkey
