#include "client/caller_proof.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

#include "client/verify/token_limits.h"

namespace latchkey {
namespace {

const std::string kRevision(32, 'A');

class Metadata {
 public:
  Metadata(std::vector<std::pair<std::string, std::string>> values)
      : values_(std::move(values)) {
    for (const auto& [key, value] : values_) map_.emplace(key, value);
  }
  std::variant<CallerProof, GuardRefusal> Read() const {
    return ReadCallerProof(map_);
  }

 private:
  std::vector<std::pair<std::string, std::string>> values_;
  CallMetadata map_;
};

TEST(CallerProofTest, OneBearerIsRead) {
  for (const char* scheme : {"Bearer", "bearer", "BEARER"}) {
    const Metadata metadata(
        {{"authorization", std::string(scheme) + " lks_a-b.c~d+e/f="}});
    const auto proof = metadata.Read();
    ASSERT_TRUE(std::holds_alternative<CallerProof>(proof)) << scheme;
    EXPECT_EQ(std::get<CallerProof>(proof).credential, "lks_a-b.c~d+e/f=");
    EXPECT_EQ(std::get<CallerProof>(proof).revision, "");
  }
}

TEST(CallerProofTest, ARevisionComesAlong) {
  const Metadata metadata(
      {{"authorization", "Bearer x"}, {"latchkey-revision", kRevision}});
  const auto proof = metadata.Read();
  ASSERT_TRUE(std::holds_alternative<CallerProof>(proof));
  EXPECT_EQ(std::get<CallerProof>(proof).revision, kRevision);
}

struct Case {
  const char* name;
  std::vector<std::pair<std::string, std::string>> metadata;
  GuardRefusal why;
};

class RefusedProofTest : public testing::TestWithParam<Case> {};

TEST_P(RefusedProofTest, IsRefused) {
  const auto proof = Metadata(GetParam().metadata).Read();
  ASSERT_TRUE(std::holds_alternative<GuardRefusal>(proof));
  EXPECT_EQ(std::get<GuardRefusal>(proof), GetParam().why);
}

INSTANTIATE_TEST_SUITE_P(
    Proofs, RefusedProofTest,
    testing::Values(
        Case{"Nothing", {}, GuardRefusal::kNoCredential},
        Case{"OnlyARevision",
             {{"latchkey-revision", kRevision}},
             GuardRefusal::kNoCredential},
        Case{"Empty",
             {{"authorization", ""}},
             GuardRefusal::kMalformedCredential},
        Case{"NoCredential",
             {{"authorization", "Bearer "}},
             GuardRefusal::kMalformedCredential},
        Case{"NoScheme",
             {{"authorization", "lks_x"}},
             GuardRefusal::kMalformedCredential},
        Case{"AnotherScheme",
             {{"authorization", "Basic eDp5"}},
             GuardRefusal::kMalformedCredential},
        Case{"TwoSpaces",
             {{"authorization", "Bearer  x"}},
             GuardRefusal::kMalformedCredential},
        Case{"SpaceBehind",
             {{"authorization", "Bearer x "}},
             GuardRefusal::kMalformedCredential},
        Case{"TwoInOne",
             {{"authorization", "Bearer x,Bearer y"}},
             GuardRefusal::kMalformedCredential},
        Case{"OnlyPadding",
             {{"authorization", "Bearer =="}},
             GuardRefusal::kMalformedCredential},
        Case{"PaddingInside",
             {{"authorization", "Bearer x=y"}},
             GuardRefusal::kMalformedCredential},
        Case{"Twice",
             {{"authorization", "Bearer x"}, {"authorization", "Bearer x"}},
             GuardRefusal::kMalformedCredential},
        Case{"TooLong",
             {{"authorization",
               "Bearer " + std::string(kMaxTokenBytes + 1, 'x')}},
             GuardRefusal::kMalformedCredential},
        Case{"NoRevision",
             {{"authorization", "Bearer x"}, {"latchkey-revision", "7"}},
             GuardRefusal::kMalformedRevision},
        Case{"TwoRevisions",
             {{"authorization", "Bearer x"},
              {"latchkey-revision", kRevision},
              {"latchkey-revision", kRevision}},
             GuardRefusal::kMalformedRevision}),
    [](const auto& tested) { return std::string(tested.param.name); });

TEST(CallerProofTest, TheLongestCredentialIsRead) {
  const Metadata metadata(
      {{"authorization", "Bearer " + std::string(kMaxTokenBytes, 'x')}});
  EXPECT_TRUE(std::holds_alternative<CallerProof>(metadata.Read()));
}

}  // namespace
}  // namespace latchkey
