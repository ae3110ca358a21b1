// What is written by hand is what the generated messages write, and what is
// read by hand means what they read.
#include "server/rpc/validate_wire.h"

#include <random>
#include <string>

#include "gtest/gtest.h"

#include "latchkey/v1/auth.pb.h"
#include "server/rpc/convert.h"
#include "server/rpc/fields.h"

namespace latchkey {
namespace {

std::string Text(const grpc::Slice& slice) {
  return {reinterpret_cast<const char*>(slice.begin()), slice.size()};
}

// Draws what a session may be, the odd more often than life would.
class Draw {
 public:
  explicit Draw(uint64_t seed) : random_(seed) {}

  size_t Below(size_t limit) { return random_() % limit; }
  std::string Chars(size_t most) {
    std::string text(Below(most + 1), 'x');
    for (char& c : text) c = static_cast<char>('a' + Below(26));
    return text;
  }
  absl::Time Time() {
    switch (Below(8)) {
      case 0:
        return absl::UnixEpoch();
      case 1:  // before 1970, not on a whole second
        return absl::FromUnixMicros(-1 - static_cast<int64_t>(Below(9999999)));
      case 2:  // a whole second
        return absl::FromUnixSeconds(static_cast<int64_t>(Below(4000000000)));
      case 3:
        return absl::FromUnixSeconds(221845392000);  // the year 9000
      default:
        return absl::FromUnixMicros(
            static_cast<int64_t>(Below(4'000'000'000'000'000)));
    }
  }
  std::vector<std::string> Texts(size_t most, size_t size) {
    std::vector<std::string> texts(Below(most + 1));
    for (std::string& text : texts) text = Chars(size);
    return texts;
  }
  LiveSession Session(ProfileTable* table) {
    latchkey::Session profile;
    profile.account = "a" + Chars(63);
    profile.idle_ttl = absl::Microseconds(Below(1ull << 45));
    profile.create_time = absl::UnixEpoch();
    profile.auth_time = absl::FromUnixMicros(Below(2) == 0 ? 0 : Below(99999));
    profile.audiences = Texts(Below(2) == 0 ? 0 : 16, 256);
    profile.roles = Texts(64, 64);
    profile.amr = {"pwd"};
    if (Below(2) == 0) {
      profile.client = {Chars(256), Chars(40), Below(2) == 0 ? "" : Chars(256)};
    }
    LiveSession session;
    for (uint8_t& byte : session.id.array()) {
      byte = static_cast<uint8_t>(Below(256));
    }
    session.create_time = Time();
    session.expire_time = Time();
    session.last_seen_time = Time();
    session.profile = table->Share(profile);
    return session;
  }
  Epoch AnEpoch() {
    Epoch epoch;
    for (uint8_t& byte : epoch.array()) byte = static_cast<uint8_t>(Below(256));
    return epoch;
  }
  ValidateAnswer Answer(ProfileTable* table) {
    ValidateAnswer answer;
    answer.active = Below(4) != 0;
    answer.revision = random_() >> Below(64);
    if (answer.active) {
      answer.session = Session(table);
      answer.expire_time = Time();
    } else {
      answer.inactive_reason =
          static_cast<InactiveReason>(Below(v1::InactiveReason_ARRAYSIZE));
    }
    return answer;
  }

 private:
  std::mt19937_64 random_;
};

v1::ValidateResponse Typed(const ValidateAnswer& answer) {
  v1::ValidateResponse response;
  response.set_active(answer.active);
  if (answer.active) {
    *response.mutable_session() = ToProto(answer.session);
    *response.mutable_expire_time() = ToProto(answer.expire_time);
  } else {
    response.set_inactive_reason(ToProto(answer.inactive_reason));
  }
  return response;
}

TEST(ValidateWire, WritesTheBytesOfTheGeneratedMessages) {
  ProfileTable table;
  Draw draw(20261125);
  for (int i = 0; i < 3000; ++i) {
    const Epoch epoch = draw.AnEpoch();
    const ValidateAnswer answer = draw.Answer(&table);
    v1::ValidateResponse typed = Typed(answer);
    *typed.mutable_revision() = ToProto(epoch, answer.revision);
    ASSERT_EQ(Text(WriteValidate(answer, epoch)), typed.SerializeAsString())
        << typed.DebugString();
  }
}

TEST(ValidateWire, WritesBatchesLikewise) {
  ProfileTable table;
  Draw draw(7);
  for (int i = 0; i < 300; ++i) {
    const Epoch epoch = draw.AnEpoch();
    BatchValidateAnswer batch;
    batch.revision = draw.Below(1u << 30);
    v1::BatchValidateResponse typed;
    for (size_t n = 1 + draw.Below(100); n > 0; --n) {
      batch.answers.push_back(draw.Answer(&table));
      *typed.add_responses() = Typed(batch.answers.back());
    }
    *typed.mutable_revision() = ToProto(epoch, batch.revision);
    ASSERT_EQ(Text(WriteBatchValidate(batch, epoch)),
              typed.SerializeAsString());
  }
}

TEST(ValidateWire, ReadsWhatNearlyEveryRequestIs) {
  for (const size_t size : {1u, 53u, 127u, 128u, 600u, 8192u}) {
    v1::ValidateRequest request;
    request.set_credential(std::string(size, '~'));
    std::string bytes = request.SerializeAsString();
    auto query = ReadPlainValidate(bytes);
    ASSERT_TRUE(query.has_value()) << size;
    EXPECT_EQ(query->credential, request.credential());
    EXPECT_EQ(query->audience, "");
    EXPECT_FALSE(query->passive);

    request.set_audience("billing");
    request.set_passive(true);
    bytes = request.SerializeAsString();
    query = ReadPlainValidate(bytes);
    ASSERT_TRUE(query.has_value()) << size;
    EXPECT_EQ(query->audience, "billing");
    EXPECT_TRUE(query->passive);
    EXPECT_FALSE(query->max_auth_age.has_value());
  }
}

// One row each of what is left to the generated messages.
TEST(ValidateWire, LeavesEveryOtherRequestAlone) {
  v1::ValidateRequest request;
  request.set_credential("lks_x");
  const std::string plain = request.SerializeAsString();
  ASSERT_TRUE(ReadPlainValidate(plain).has_value());

  EXPECT_FALSE(ReadPlainValidate("").has_value());
  EXPECT_FALSE(ReadPlainValidate(plain + plain).has_value()) << "set twice";
  EXPECT_FALSE(ReadPlainValidate(plain + '\x28' + '\0').has_value());
  EXPECT_FALSE(ReadPlainValidate(plain + "\x28\x02").has_value());
  EXPECT_FALSE(ReadPlainValidate(plain + "\x28\x81\x01").has_value());
  EXPECT_FALSE(ReadPlainValidate(plain + "\x72\x01x").has_value()) << "unknown";
  EXPECT_FALSE(ReadPlainValidate("\x0a\x85\x80\x00lks_x").has_value());
  EXPECT_FALSE(ReadPlainValidate("\x0a\x06lks_x").has_value()) << "cut off";
  EXPECT_FALSE(ReadPlainValidate("\x0a").has_value());
  EXPECT_FALSE(ReadPlainValidate("\x0a\x80").has_value());
  EXPECT_FALSE(ReadPlainValidate("\x0a\x02\xc3\xa9").has_value()) << "UTF-8";
  for (const char odd : {'\0', '\n', '\x1f', '\x7f', '\x80', '\xff'}) {
    for (size_t at = 0; at < 20; ++at) {
      std::string text(20, '!');
      text[at] = odd;
      v1::ValidateRequest bad;
      bad.set_credential("x");
      std::string bytes = bad.SerializeAsString() + "\x12\x14" + text;
      EXPECT_FALSE(ReadPlainValidate(bytes).has_value()) << at << int{odd};
    }
  }
  request.mutable_max_auth_age()->set_seconds(5);
  EXPECT_FALSE(ReadPlainValidate(request.SerializeAsString()).has_value());
  request.clear_max_auth_age();
  request.set_credential(std::string(kMaxCredentialBytes + 1, 'x'));
  EXPECT_FALSE(ReadPlainValidate(request.SerializeAsString()).has_value());
  request.set_credential("x");
  request.set_audience(std::string(257, 'x'));
  EXPECT_FALSE(ReadPlainValidate(request.SerializeAsString()).has_value());
  request.set_audience(std::string(256, 'x'));
  EXPECT_TRUE(ReadPlainValidate(request.SerializeAsString()).has_value());
}

TEST(ValidateWire, WhatItReadsOfMutilatedRequestsIsWhatTheMessagesRead) {
  std::mt19937_64 random(42);
  int taken = 0;
  for (int i = 0; i < 200000; ++i) {
    v1::ValidateRequest request;
    request.set_credential(std::string(1 + random() % 200, 'c'));
    if (random() % 2 == 0) request.set_audience("aud");
    if (random() % 2 == 0) request.set_passive(true);
    std::string bytes = request.SerializeAsString();
    for (size_t n = random() % 3; n > 0; --n) {
      const size_t at = random() % bytes.size();
      switch (random() % 3) {
        case 0:
          bytes[at] = static_cast<char>(random());
          break;
        case 1:
          bytes.erase(at, 1);
          break;
        default:
          bytes.insert(at, 1, static_cast<char>(random()));
      }
      if (bytes.empty()) bytes = "x";
    }
    const auto query = ReadPlainValidate(bytes);
    if (!query.has_value()) continue;
    ++taken;
    v1::ValidateRequest read;
    ASSERT_TRUE(read.ParseFromString(bytes));
    EXPECT_EQ(query->credential, read.credential());
    EXPECT_EQ(query->audience, read.audience());
    EXPECT_EQ(query->passive, read.passive());
    EXPECT_FALSE(read.has_max_auth_age());
    EXPECT_EQ(read.GetReflection()->GetUnknownFields(read).field_count(), 0);
  }
  EXPECT_GT(taken, 50000);
}

TEST(ValidateWire, ReadsOneToAHundredOfABatch) {
  v1::BatchValidateRequest batch;
  std::vector<ValidateQuery> queries;
  EXPECT_FALSE(ReadPlainBatchValidate("", &queries));
  for (int i = 1; i <= 101; ++i) {
    auto* request = batch.add_requests();
    request->set_credential("credential " + std::to_string(i));
    if (i % 2 == 0) request->set_audience("mail");
    const std::string bytes = batch.SerializeAsString();
    ASSERT_EQ(ReadPlainBatchValidate(bytes, &queries), i <= 100) << i;
    if (i > 100) break;
    ASSERT_EQ(queries.size(), static_cast<size_t>(i));
    EXPECT_EQ(queries.back().credential, request->credential());
    EXPECT_EQ(queries.back().audience, request->audience());
  }
}

TEST(ValidateWire, LeavesABatchWithOneOddRequestAlone) {
  v1::BatchValidateRequest batch;
  batch.add_requests()->set_credential("x");
  batch.add_requests();  // no credential
  std::vector<ValidateQuery> queries;
  EXPECT_FALSE(ReadPlainBatchValidate(batch.SerializeAsString(), &queries));
}

}  // namespace
}  // namespace latchkey
