#include "client/revocation_wire.h"

#include <limits>
#include <string>
#include <variant>

#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

#include "client/wire_time.h"

namespace latchkey {
namespace {

constexpr char k16[] = "0123456789abcdef";

absl::StatusOr<ServerMessage> Read(const std::string& text) {
  v1::WatchRevocationsResponse response;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &response));
  return ReadWatchResponse(response);
}

TEST(RevocationWire, ReadsAWelcome) {
  const auto read = Read(
      R"(welcome { epoch: "0123456789abcdef" after: 7
           heartbeat_interval { nanos: 500000000 }
           activity_interval { seconds: 15 } })");
  ASSERT_TRUE(read.ok());
  const auto& welcome = std::get<Welcome>(*read);
  EXPECT_EQ(welcome.epoch, *Epoch::FromBytes(k16));
  EXPECT_EQ(welcome.after, 7u);
  EXPECT_EQ(welcome.heartbeat_interval, absl::Milliseconds(500));
  EXPECT_EQ(welcome.activity_interval, absl::Seconds(15));
}

TEST(RevocationWire, ReadsEachKindOfRevocation) {
  const auto read = Read(
      R"(batch { after: 3 through: 9
           revocations { session_id: "0123456789abcdef"
                         drop_time { seconds: 5 nanos: 1999 } }
           revocations { account { account_uid: "0123456789abcdef"
                                   lowest_good_generation: 4 }
                         drop_time { seconds: 5 } }
           revocations { kid: "k" drop_time { seconds: 5 } }
           revocations { epoch: "0123456789abcdef"
                         drop_time { seconds: 5 } } })");
  ASSERT_TRUE(read.ok());
  const auto& batch = std::get<RevocationBatch>(*read);
  EXPECT_EQ(batch.after, 3u);
  EXPECT_EQ(batch.through, 9u);
  ASSERT_EQ(batch.revocations.size(), 4u);
  EXPECT_EQ(batch.revocations[0].kind, Revocation::Kind::kSession);
  EXPECT_EQ(batch.revocations[0].session, *SessionId::FromBytes(k16));
  EXPECT_EQ(batch.revocations[0].drop_time,
            absl::FromUnixSeconds(5) + absl::Microseconds(1));
  EXPECT_EQ(batch.revocations[1].kind, Revocation::Kind::kAccount);
  EXPECT_EQ(batch.revocations[1].lowest_good, 4u);
  EXPECT_EQ(batch.revocations[2].kid, "k");
  EXPECT_EQ(batch.revocations[3].epoch, *Epoch::FromBytes(k16));
}

TEST(RevocationWire, ReadsALeaseAndKeys) {
  const auto lease = Read(
      "lease { nonce: 1 revision: 2 ttl { seconds: 3600 } "
      "server_time { seconds: 4 } }");
  ASSERT_TRUE(lease.ok());
  EXPECT_EQ(std::get<Lease>(*lease).ttl, absl::Hours(1));  // Follower cuts it
  const auto keys = Read(R"(key_set { jwks: "{}" })");
  ASSERT_TRUE(keys.ok());
  EXPECT_EQ(std::get<KeySetUpdate>(*keys).jwks, "{}");
}

TEST(RevocationWire, RefusesWhatItDoesNotUnderstand) {
  const std::string drop = " drop_time { seconds: 5 }";
  for (const std::string& bad : {
           std::string(),
           std::string("welcome {}"),
           std::string(R"(welcome { epoch: "0123456789abcde" })"),
           std::string(R"(welcome { epoch: "0123456789abcdefg" })"),
           std::string(R"(welcome { epoch: "0123456789abcdef"
                          heartbeat_interval { seconds: -1 } })"),
           std::string(R"(welcome { epoch: "0123456789abcdef"
                          activity_interval { seconds: 1 nanos: -1 } })"),
           std::string("batch { after: 2 through: 1 }"),
           "batch { through: 1 revocations {" + drop + " } }",
           "batch { through: 1 revocations { session_id: \"x\"" + drop + " } }",
           "batch { through: 1 revocations { account {}" + drop + " } }",
           "batch { through: 1 revocations { kid: \"\"" + drop + " } }",
           "batch { through: 1 revocations { kid: \"" + std::string(257, 'k') +
               "\"" + drop + " } }",
           "batch { through: 1 revocations { epoch: \"\"" + drop + " } }",
           std::string("batch { through: 1 revocations { kid: \"k\" } }"),
           std::string("batch { through: 1 revocations { kid: \"k\" "
                       "drop_time { nanos: -1 } } }"),
           std::string("lease { nonce: 1 server_time {} ttl { seconds: -1 } }"),
           std::string("lease { nonce: 1 ttl { seconds: 1 } }"),
           std::string("lease { ttl { seconds: 1 nanos: 1000000000 } "
                       "server_time {} }"),
           std::string("lease { ttl { seconds: 1 } "
                       "server_time { seconds: 253402300800 } }"),
       }) {
    EXPECT_EQ(Read(bad).status().code(), absl::StatusCode::kInvalidArgument)
        << bad;
  }
}

TEST(RevocationWire, ARevocationOfAKindYetToComeIsRefused) {
  v1::WatchRevocationsResponse response;
  auto* const batch = response.mutable_batch();
  batch->set_through(1);
  // Field 15, two bytes, and a drop_time.
  ASSERT_TRUE(batch->add_revocations()->ParseFromString(
      std::string("\x7a\x02hi\x2a\x02\x08\x05", 8)));
  EXPECT_FALSE(ReadWatchResponse(response).ok());
}

TEST(RevocationWire, WritesWhatAVerifierSays) {
  const v1::WatchRevocationsRequest first = WatchRequestOf(Subscribe{});
  EXPECT_TRUE(first.has_subscribe());
  EXPECT_EQ(first.subscribe().epoch(), "");
  EXPECT_EQ(
      WatchRequestOf(Subscribe{.epoch = Epoch::FromBytes(k16), .resume = 5})
          .subscribe()
          .epoch(),
      k16);
  const v1::WatchRevocationsRequest beat = WatchRequestOf(
      Heartbeat{.nonce = 1,
                .applied = 2,
                .activity = {{.session = *SessionId::FromBytes(k16),
                              .age = absl::Milliseconds(1500)}},
                .accepted_staleness = absl::InfiniteDuration()});
  EXPECT_EQ(beat.heartbeat().nonce(), 1u);
  EXPECT_EQ(beat.heartbeat().applied(), 2u);
  EXPECT_EQ(beat.heartbeat().activity(0).session_id(), k16);
  EXPECT_EQ(beat.heartbeat().activity(0).age().seconds(), 1);
  EXPECT_EQ(beat.heartbeat().activity(0).age().nanos(), 500000000);
  EXPECT_EQ(beat.heartbeat().accepted_staleness().seconds(), 315576000000);
}

}  // namespace
}  // namespace latchkey
