#include "server/storage/records.h"

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "server/base/error.h"
#include "server/storage/byte_codec.h"

namespace latchkey {
namespace {

absl::Time At(int64_t micros) { return absl::FromUnixMicros(micros); }

template <typename Id>
Id Filled(uint8_t byte) {
  Id id;
  id.array().fill(byte);
  return id;
}

Account SomeAccount() {
  Account account;
  account.name = "alice";
  account.uid = Filled<AccountUid>(0xa1);
  account.generation = 7;
  account.disabled = true;
  account.password_phc = "$x";
  account.roles = {"a", "bc"};
  account.create_time = At(0x0102030405060708);
  account.update_time = At(2);
  return account;
}

Account SomeService() {
  Account account = SomeAccount();
  account.kind = AccountKind::kService;
  account.password_phc = "";
  account.proof_generation = 9;
  account.secrets = {
      {Filled<ClientSecretId>(0x51), Filled<ClientSecretDigest>(0xa1), At(3)}};
  account.jwks = "{}";
  account.certificate_names = {"uri:x"};
  return account;
}

Session SomeSession() {
  Session session;
  session.id = Filled<SessionId>(0x51);
  session.form = CredentialForm::kJwt;
  session.account = "al";
  session.account_uid = Filled<AccountUid>(0xa1);
  session.generation = 3;
  session.create_time = At(4);
  session.auth_time = At(5);
  session.expire_time = At(0x0102030405060708);
  session.idle_ttl = absl::Microseconds(6);
  session.last_seen_time = At(7);
  session.audiences = {"x"};
  session.roles = {};
  session.amr = {"pwd", "otp"};
  session.client = {"ua", "", "d"};
  return session;
}

KeyRecord SomeKey() {
  KeyRecord key;
  key.kid = "kid";
  key.algorithm = KeyAlgorithm::kEdDsa;
  key.create_time = At(1);
  key.activate_time = At(2);
  key.public_jwk = "{}";
  key.sealed_private = std::string("\0\xff", 2);
  return key;
}

// That may be forgotten at that time, in microseconds.
Revocation DroppedAt(int64_t micros, Revocation revocation) {
  revocation.drop_time = At(micros);
  return revocation;
}

std::vector<Revocation> SomeRevocations() {
  return {DroppedAt(9, Revocation::OfSession(Filled<SessionId>(0x51), {})),
          DroppedAt(5, Revocation::OfAccount(Filled<AccountUid>(0xa1), 8, {})),
          DroppedAt(7, Revocation::OfKey("ab", {})),
          DroppedAt(6, Revocation::OfEpoch(Filled<Epoch>(0x51), {}))};
}

// The bytes of each record, for ever: a change here breaks every database.
const std::string kA1 = "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1";
const std::string k51 = "51515151515151515151515151515151";

TEST(Records, AccountHasGoldenBytes) {
  EXPECT_EQ(absl::BytesToHexString(EncodeAccount(SomeAccount())),
            absl::StrCat("01", kA1, "0000000000000007", "01",
                         "0102030405060708", "0000000000000002", "00022478",
                         "0002", "000161", "00026263"));
}

TEST(Records, ServiceAccountHasGoldenBytes) {
  EXPECT_EQ(
      absl::BytesToHexString(EncodeAccount(SomeService())),
      absl::StrCat("02", kA1, "0000000000000007", "01", "0102030405060708",
                   "0000000000000002", "0000", "0002", "000161", "00026263",
                   "0000000000000009", "01", k51.substr(0, 16), kA1, kA1,
                   "0000000000000003", "00027b7d", "0001", "00057572693a78"));
}

TEST(Records, SessionOfAServiceDiffersInItsVersionAlone) {
  Session session = SomeSession();
  std::string bytes = EncodeSession(session);
  EXPECT_EQ(DecodeSession(bytes)->account_kind, AccountKind::kPerson);
  session.account_kind = AccountKind::kService;
  bytes[0] = '\2';
  EXPECT_EQ(EncodeSession(session), bytes);
  EXPECT_EQ(*DecodeSession(bytes), session);
}

TEST(Records, SessionHasGoldenBytes) {
  EXPECT_EQ(
      absl::BytesToHexString(EncodeSession(SomeSession())),
      absl::StrCat("01", "0102030405060708", k51, "02", kA1, "0000000000000003",
                   "0000000000000004", "0000000000000005", "0000000000000006",
                   "0000000000000007", "0002616c", "0001000178", "0000",
                   "0002000370776400036f7470", "00027561", "0000", "000164"));
}

TEST(Records, SessionPointerHasGoldenBytes) {
  EXPECT_EQ(absl::BytesToHexString(
                EncodeSessionPointer({At(3), Filled<SessionKey>(0x51)})),
            absl::StrCat("01", "0000000000000003", k51, k51));
}

TEST(Records, ActivityHasGoldenBytes) {
  EXPECT_EQ(absl::BytesToHexString(EncodeActivity({At(3), At(-1)})),
            "010000000000000003ffffffffffffffff");
}

TEST(Records, RevocationsHaveGoldenBytes) {
  EXPECT_EQ(absl::BytesToHexString(EncodeRevocations(SomeRevocations())),
            absl::StrCat("01", "0000000000000009", "00000004",  //
                         "01", "0000000000000009", k51,         //
                         "02", "0000000000000005", kA1, "0000000000000008",
                         "03", "0000000000000007", "00026162", "04",
                         "0000000000000006", k51));
}

TEST(Records, KeyHasGoldenBytes) {
  EXPECT_EQ(absl::BytesToHexString(EncodeKey(SomeKey())),
            absl::StrCat("01", "02", "0000000000000001", "0000000000000002",
                         "00027b7d", "000200ff"));
}

TEST(Records, MetaHasGoldenBytes) {
  EXPECT_EQ(absl::BytesToHexString(EncodeMetaNumber32(1)), "0100000001");
  EXPECT_EQ(absl::BytesToHexString(EncodeMetaNumber64(258)),
            "010000000000000102");
  EXPECT_EQ(absl::BytesToHexString(EncodeMetaEpoch(Filled<Epoch>(0xa1))),
            absl::StrCat("01", kA1));
  EXPECT_EQ(absl::BytesToHexString(EncodeMetaString("ab")), "0100026162");
}

TEST(Records, WhatWasEncodedIsDecoded) {
  EXPECT_EQ(*DecodeAccount("alice", EncodeAccount(SomeAccount())),
            SomeAccount());
  EXPECT_EQ(*DecodeAccount("alice", EncodeAccount(SomeService())),
            SomeService());
  EXPECT_EQ(*DecodeSession(EncodeSession(SomeSession())), SomeSession());
  EXPECT_EQ(*DecodeKey("kid", EncodeKey(SomeKey())), SomeKey());
  EXPECT_EQ(*DecodeRevocations(EncodeRevocations(SomeRevocations())),
            SomeRevocations());
  const auto pointer = DecodeSessionPointer(
      EncodeSessionPointer({At(3), Filled<SessionKey>(0x51)}));
  EXPECT_EQ(pointer->expire_time, At(3));
  EXPECT_EQ(pointer->key, Filled<SessionKey>(0x51));
  const auto note = DecodeActivity(EncodeActivity({At(3), At(-1)}));
  EXPECT_EQ(note->expire_time, At(3));
  EXPECT_EQ(note->seen, At(-1));
  EXPECT_EQ(*DecodeMetaNumber32(EncodeMetaNumber32(~0u)), ~0u);
  EXPECT_EQ(*DecodeMetaNumber64(EncodeMetaNumber64(~uint64_t{0})),
            ~uint64_t{0});
  EXPECT_EQ(*DecodeMetaEpoch(EncodeMetaEpoch(Filled<Epoch>(1))),
            Filled<Epoch>(1));
  EXPECT_EQ(*DecodeMetaString(EncodeMetaString("")), "");
}

TEST(Records, ReadExpireReadsWhatTheFilterNeeds) {
  EXPECT_EQ(ReadExpire(EncodeSession(SomeSession())),
            SomeSession().expire_time);
  EXPECT_EQ(ReadExpire(EncodeActivity({At(3), At(9)})), At(3));
  EXPECT_EQ(ReadExpire(EncodeSessionPointer({At(4), SessionKey()})), At(4));
  // Of several entries the latest: none is freed before its time.
  EXPECT_EQ(ReadExpire(EncodeRevocations(SomeRevocations())), At(9));
  EXPECT_EQ(ReadExpire(std::string(8, '\1')), std::nullopt);
  EXPECT_TRUE(ReadExpire(std::string(9, '\1')).has_value());
}

// One row per kind of record: its bytes, and how they are read.
struct Kind {
  std::string name;
  std::string bytes;
  std::function<absl::Status(absl::string_view)> decode;
};

class RecordDamage : public testing::TestWithParam<Kind> {
 protected:
  static void ExpectDamaged(absl::string_view bytes) {
    const absl::Status status = GetParam().decode(bytes);
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss)
        << absl::BytesToHexString(bytes);
    EXPECT_EQ(ReasonOf(status), Reason::kCorruptRecord);
  }
};

TEST_P(RecordDamage, EveryShorterRecordIsRefused) {
  const std::string& bytes = GetParam().bytes;
  ASSERT_TRUE(GetParam().decode(bytes).ok());
  for (size_t size = 0; size < bytes.size(); ++size) {
    ExpectDamaged(absl::string_view(bytes).substr(0, size));
  }
}

TEST_P(RecordDamage, BytesLeftOverAreRefused) {
  ExpectDamaged(GetParam().bytes + std::string(1, '\0'));
}

TEST_P(RecordDamage, EveryOtherVersionIsRefused) {
  std::string bytes = GetParam().bytes;
  // A session's record of version 2 has the layout of version 1.
  const bool session = GetParam().name == "Session";
  const int own = bytes[0];
  for (int version = 0; version < 256; ++version) {
    if (version == own || (session && version == 2)) continue;
    bytes[0] = static_cast<char>(version);
    ExpectDamaged(bytes);
  }
}

TEST_P(RecordDamage, NoFlippedByteIsReadOutOfBounds) {
  // What it makes of it does not matter; sanitizers watch how.
  for (size_t at = 0; at < GetParam().bytes.size(); ++at) {
    for (const char flip : {'\x01', '\x7f', '\xff'}) {
      std::string bytes = GetParam().bytes;
      bytes[at] = static_cast<char>(bytes[at] ^ flip);
      (void)GetParam().decode(bytes).ok();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, RecordDamage,
    testing::Values(Kind{"Account", EncodeAccount(SomeAccount()),
                         [](absl::string_view bytes) {
                           return DecodeAccount("alice", bytes).status();
                         }},
                    Kind{"Service", EncodeAccount(SomeService()),
                         [](absl::string_view bytes) {
                           return DecodeAccount("alice", bytes).status();
                         }},
                    Kind{"Session", EncodeSession(SomeSession()),
                         [](absl::string_view bytes) {
                           return DecodeSession(bytes).status();
                         }},
                    Kind{"Pointer", EncodeSessionPointer({At(3), SessionKey()}),
                         [](absl::string_view bytes) {
                           return DecodeSessionPointer(bytes).status();
                         }},
                    Kind{"Activity", EncodeActivity({At(3), At(4)}),
                         [](absl::string_view bytes) {
                           return DecodeActivity(bytes).status();
                         }},
                    Kind{"Revocations", EncodeRevocations(SomeRevocations()),
                         [](absl::string_view bytes) {
                           return DecodeRevocations(bytes).status();
                         }},
                    Kind{"Key", EncodeKey(SomeKey()),
                         [](absl::string_view bytes) {
                           return DecodeKey("kid", bytes).status();
                         }},
                    Kind{"Number32", EncodeMetaNumber32(5),
                         [](absl::string_view bytes) {
                           return DecodeMetaNumber32(bytes).status();
                         }},
                    Kind{"Number64", EncodeMetaNumber64(5),
                         [](absl::string_view bytes) {
                           return DecodeMetaNumber64(bytes).status();
                         }},
                    Kind{"Epoch", EncodeMetaEpoch(Epoch()),
                         [](absl::string_view bytes) {
                           return DecodeMetaEpoch(bytes).status();
                         }},
                    Kind{"String", EncodeMetaString("abc"),
                         [](absl::string_view bytes) {
                           return DecodeMetaString(bytes).status();
                         }}),
    [](const testing::TestParamInfo<Kind>& row) { return row.param.name; });

TEST(Records, ValuesOutsideTheirRangeAreDamage) {
  std::string account = EncodeAccount(SomeAccount());
  account[25] = 2;  // disabled
  EXPECT_TRUE(absl::IsDataLoss(DecodeAccount("alice", account).status()));
  Account service = SomeService();
  service.secrets.resize(kMaxClientSecrets + 1);
  EXPECT_TRUE(absl::IsDataLoss(
      DecodeAccount("alice", EncodeAccount(service)).status()));
  std::string session = EncodeSession(SomeSession());
  for (const char form : {0, 3}) {
    session[25] = form;
    EXPECT_TRUE(absl::IsDataLoss(DecodeSession(session).status()));
  }
  std::string key = EncodeKey(SomeKey());
  for (const char algorithm : {0, 3}) {
    key[1] = algorithm;
    EXPECT_TRUE(absl::IsDataLoss(DecodeKey("kid", key).status()));
  }
}

TEST(Records, RevocationsMustAgreeWithThemselves) {
  const std::string good = EncodeRevocations(SomeRevocations());
  for (const char number : {0, 3, 5}) {  // another's, or nobody's
    std::string kind = good;
    kind[13] = number;
    EXPECT_TRUE(absl::IsDataLoss(DecodeRevocations(kind).status()));
  }
  std::string latest = good;
  latest[8] = 4;  // not the latest drop time of the entries
  EXPECT_TRUE(absl::IsDataLoss(DecodeRevocations(latest).status()));
  std::string none = good.substr(0, 13);
  none[12] = 0;
  EXPECT_TRUE(absl::IsDataLoss(DecodeRevocations(none).status()));
  std::string many = good;
  many[9] = '\xff';  // four billion entries: refused before any is read
  EXPECT_TRUE(absl::IsDataLoss(DecodeRevocations(many).status()));
}

TEST(Records, LongestItemFitsAndNotOneByteMore) {
  EXPECT_EQ(*DecodeMetaString(EncodeMetaString(std::string(0xffff, 'x'))),
            std::string(0xffff, 'x'));
  EXPECT_DEATH(EncodeMetaString(std::string(0x10000, 'x')), "");
}

}  // namespace
}  // namespace latchkey
