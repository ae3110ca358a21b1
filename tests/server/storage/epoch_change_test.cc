// Verifiers over a change of epoch, from the rows on disk to the answer about a
// credential. No verb of the server changes an epoch: a restore does, while
// nobody is served. Here it is done to the database as a restore has to.
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "gtest/gtest.h"
#include "rocksdb/write_batch.h"

#include "client/follow/verifier_core.h"
#include "server/auth/revocation_hub.h"
#include "server/credential/jwt_issuer.h"
#include "server/credential/key_ring.h"
#include "server/credential/sealer.h"
#include "server/storage/directory_files.h"
#include "server/storage/records.h"
#include "server/storage/revocation_rows.h"
#include "server/storage/rocks_key_store.h"
#include "server/storage/rocks_lease_store.h"
#include "server/storage/rocks_revocation_archive.h"
#include "tests/server/storage/committer_in_directory.h"
#include "tests/server/storage/database_in_directory.h"
#include "tests/support/fake_asker.h"
#include "tests/support/fake_clock.h"

namespace latchkey {
namespace {

constexpr char kIssuer[] = "latchkey:test";
constexpr char kOpaque[] =
    "lks_0000000000000000000000000000000000000000000000001";
constexpr absl::Duration kTick = absl::Microseconds(1);

template <typename Id>
Id Filled(uint8_t value) {
  Id id;
  id.array().fill(value);
  return id;
}

// HubTransport carries streams to a hub by function calls; to none, it breaks
// them. It notes the newest welcome.
class HubTransport final : public RevocationTransport {
 public:
  void Serve(RevocationHub* hub) {
    hub_ = hub;
    ++generation_;
  }
  std::unique_ptr<RevocationLink> Connect(std::function<void()>) override {
    auto link = std::make_unique<Link>(*this, generation_);
    if (hub_ != nullptr) link->stream = *hub_->OpenStream();
    return link;
  }
  std::optional<Welcome> welcome;

 private:
  class Link final : public RevocationLink {
   public:
    Link(HubTransport& owner, int generation)
        : owner_(owner), generation_(generation) {}
    bool CanSend() const override { return true; }
    void Send(const VerifierMessage& message) override {
      if (!IsThere()) return;
      EXPECT_TRUE(stream->Receive(message).ok());
    }
    std::optional<absl::StatusOr<ServerMessage>> Receive() override {
      if (!IsThere()) {
        return absl::StatusOr<ServerMessage>(absl::UnavailableError("cut"));
      }
      auto next = stream->Next();
      if (!next.ok()) return absl::StatusOr<ServerMessage>(next.status());
      if (!next->has_value()) return std::nullopt;
      const auto* const one = std::get_if<Welcome>(&**next);
      if (one != nullptr) owner_.welcome = *one;
      return absl::StatusOr<ServerMessage>(**std::move(next));
    }
    std::unique_ptr<RevocationStream> stream;

   private:
    bool IsThere() const {
      return stream != nullptr && generation_ == owner_.generation_;
    }
    HubTransport& owner_;
    const int generation_;
  };

  RevocationHub* hub_ = nullptr;
  int generation_ = 0;
};

// A verifier, driven by hand.
class Following : public testing::Test {
 protected:
  void Settle() {
    while (core_.Drive() <= clock_.SinceBoot()) clock_.Advance(kTick);
  }
  void Pass(absl::Duration time) {
    clock_.Advance(time);
    Settle();
  }
  // "yes", "no", or "?": not known here.
  std::string Now(absl::string_view credential) {
    const auto verdict = core_.CheckNow(credential, {});
    if (!verdict.has_value()) return "?";
    return *verdict == nullptr ? "no" : "yes";
  }
  // Has the verifier learn that kOpaque is good in `epoch`.
  void LearnOpaque(const Epoch& epoch) {
    AskedAnswer answer = {.active = true, .revocable = true};
    answer.principal = {.account = "alice",
                        .account_uid = Filled<AccountUid>(9),
                        .account_generation = 7,
                        .session_id = Filled<SessionId>(2),
                        .auth_time = clock_.Now(),
                        .expire_time = clock_.Now() + absl::Minutes(5),
                        .epoch = epoch};
    asker_.SetAnswer(std::move(answer));
    core_.Check(kOpaque, {}, absl::InfiniteFuture(), [](const auto&) {});
    // From now on the server knows nothing of it.
    asker_.SetAnswer(AskedAnswer());
  }
  std::string Issue(const KeyRing& keys) {
    const JwtIssuer issuer(keys,
                           {.issuer = kIssuer, .default_audience = kIssuer});
    const JwtSubject alice = {
        .account_uid = Filled<AccountUid>(9),
        .account = "alice",
        .session_id = Filled<SessionId>(1),
        .generation = 7,
        .auth_time = clock_.Now(),
        .amr = {"pwd"},
        .expire_time = clock_.Now() + absl::Hours(1),
        .idle_expire_time = clock_.Now() + absl::Hours(1)};
    return std::string(issuer.Issue(alice, clock_.Now())->text.Reveal());
  }
  std::unique_ptr<KeyRing> OpenKeys(KeyStore& store) {
    return *KeyRing::Open(store,
                          *Sealer::FromKey(SecretBytes(std::string(32, 'k'))),
                          {}, clock_.Now());
  }

  FakeClock clock_;
  HubTransport transport_;
  FakeAsker asker_;
  VerifierCore core_{{.issuer = kIssuer}, transport_, asker_, clock_, [] {}};
};

// --- the entry ---

class EpochEntryTest : public Following {
 protected:
  EpochEntryTest() {
    directory_.committer().Listen(hub_->listener());
    transport_.Serve(hub_.get());
    core_.Begin();
    Settle();
  }
  ~EpochEntryTest() override {
    core_.End();
    // Before the hub, which it tells of what is committed.
    directory_.committer().Stop();
  }

  uint64_t Revoke(const Revocation& revocation) {
    return *directory_.committer().Commit([&](ChangeView& view) {
      PutRevocations(view, {revocation});
      return absl::OkStatus();
    });
  }

  const Epoch epoch_ = Filled<Epoch>(1);
  CommitterInDirectory directory_;
  RocksKeyStore key_store_{directory_.db(), directory_.committer()};
  RocksLeaseStore lease_store_{directory_.db(), directory_.committer()};
  const RocksRevocationArchive archive_{directory_.db(), directory_.revision()};
  const std::unique_ptr<KeyRing> keys_ = OpenKeys(key_store_);
  const std::unique_ptr<RevocationHub> hub_ =
      *RevocationHub::Open({}, [this] { return directory_.revision().load(); },
                           {.epoch = epoch_,
                            .archive = archive_,
                            .lease_store = lease_store_,
                            .keys = *keys_,
                            .clock = clock_});
};

TEST_F(EpochEntryTest, EndsAllThatWasIssuedInTheEpoch) {
  const std::string jwt = Issue(*keys_);
  LearnOpaque(epoch_);
  ASSERT_EQ(Now(jwt), "yes");
  ASSERT_EQ(Now(kOpaque), "yes");
  const Verdict alice = *core_.CheckNow(jwt, {});

  const uint64_t revision =
      Revoke(Revocation::OfEpoch(epoch_, clock_.Now() + absl::Hours(24 * 30)));
  std::optional<PropagationReport> report;
  hub_->Wait(revision, std::nullopt,
             [&](const PropagationReport& told) { report = told; });
  EXPECT_FALSE(report.has_value());
  EXPECT_EQ(Now(jwt), "yes");  // not told yet, and waited for
  Settle();
  hub_->RunDue(clock_.SinceBoot());
  ASSERT_TRUE(report.has_value());
  EXPECT_TRUE(report->complete);
  EXPECT_EQ(report->acknowledged, 1);

  EXPECT_EQ(Now(jwt), "no");
  EXPECT_EQ(Now(kOpaque), "no");
  EXPECT_EQ(Now(Issue(*keys_)), "no");  // seen for the first time
  EXPECT_EQ(core_.StandingOf(*alice), Validator::Standing::kEnded);
}

TEST_F(EpochEntryTest, OfAnotherEpochEndsNothing) {
  const std::string jwt = Issue(*keys_);
  LearnOpaque(epoch_);
  Revoke(Revocation::OfEpoch(Filled<Epoch>(2),
                             clock_.Now() + absl::Hours(24 * 30)));
  Settle();
  EXPECT_EQ(core_.figures().revocations, 1u);
  EXPECT_EQ(Now(jwt), "yes");
  EXPECT_EQ(Now(kOpaque), "yes");
}

TEST_F(EpochEntryTest, IsLearntByWhoeverComesLater) {
  Revoke(Revocation::OfEpoch(epoch_, clock_.Now() + absl::Hours(24 * 30)));
  VerifierCore later({.issuer = kIssuer}, transport_, asker_, clock_, [] {});
  later.Begin();
  while (later.Drive() <= clock_.SinceBoot()) clock_.Advance(kTick);
  ASSERT_TRUE(later.figures().leased);
  const auto verdict = later.CheckNow(Issue(*keys_), {});
  ASSERT_TRUE(verdict.has_value());
  EXPECT_EQ(*verdict, nullptr);
  later.End();
}

// --- the change ---

class EpochChangeTest : public Following {
 protected:
  EpochChangeTest() {
    StartServer();
    core_.Begin();
    Settle();
  }
  ~EpochChangeTest() override {
    core_.End();
    StopServer();
  }

  void StartServer() {
    ASSERT_TRUE(database_.Open().ok());
    keys_ = OpenKeys(database_->keys());
    hub_ = *RevocationHub::Open({}, [this] { return database_->Revision(); },
                                {.epoch = database_->epoch(),
                                 .archive = database_->revocations(),
                                 .lease_store = database_->leases(),
                                 .keys = *keys_,
                                 .clock = clock_});
    database_->Listen(hub_->listener());
    transport_.Serve(hub_.get());
  }
  void StopServer() {
    transport_.Serve(nullptr);
    database_->Close();
    // What the verifier has of its streams refers to the hub.
    while (core_.figures().connected) Settle();
    hub_.reset();
    keys_.reset();
    database_.Close();
  }

  // As a restore: another epoch, and none of the keys of before.
  void ChangeEpoch() {
    ASSERT_TRUE(database_.Open().ok());
    const std::vector<KeyRecord> keys = *database_->keys().List();
    for (const KeyRecord& key : keys) {
      ASSERT_TRUE(database_->keys().Remove(key.kid).ok());
    }
    Epoch other = database_->epoch();
    other.array()[0] ^= 1;
    rocksdb::WriteBatch batch;
    ASSERT_TRUE(batch
                    .Put(database_->rocks().handle(Family::kMeta),
                         ToSlice(kMetaEpoch), EncodeMetaEpoch(other))
                    .ok());
    ASSERT_TRUE(
        database_->rocks().Write(&batch, RocksDb::Durability::kSynced).ok());
    database_.Close();
    ASSERT_TRUE(WriteMarker(rocksdb::Env::Default(), database_.path(),
                            Marker{kSchemaVersion, /*ready=*/true, other})
                    .ok());
  }

  DatabaseInDirectory database_;
  std::unique_ptr<KeyRing> keys_;
  std::unique_ptr<RevocationHub> hub_;
};

TEST_F(EpochChangeTest, VerifiersForgetAllAndAcceptNothingOfBefore) {
  const std::string jwt = Issue(*keys_);
  LearnOpaque(database_->epoch());
  ASSERT_EQ(Now(jwt), "yes");
  ASSERT_EQ(Now(kOpaque), "yes");
  const Verdict alice = *core_.CheckNow(jwt, {});
  ASSERT_EQ(core_.StandingOf(*alice), Validator::Standing::kGood);
  const Epoch before = database_->epoch();

  StopServer();
  ChangeEpoch();
  StartServer();
  ASSERT_NE(database_->epoch(), before);
  while (!core_.figures().leased || core_.figures().restarts == 0) {
    Pass(absl::Milliseconds(100));
  }

  // It had said how far it was, which counts for nothing.
  EXPECT_EQ(transport_.welcome->epoch, database_->epoch());
  EXPECT_EQ(transport_.welcome->after, 0u);
  EXPECT_EQ(core_.figures().restarts, 1u);
  EXPECT_NE(Now(jwt), "yes");
  EXPECT_NE(Now(kOpaque), "yes");
  EXPECT_NE(core_.StandingOf(*alice), Validator::Standing::kGood);
  EXPECT_EQ(Now(Issue(*keys_)), "yes");
}

TEST_F(EpochChangeTest, AVerifierThatHearsNothingOfItIsWaitedOut) {
  const std::string jwt = Issue(*keys_);
  LearnOpaque(database_->epoch());
  Pass(absl::Milliseconds(500));  // a fresh lease
  StopServer();
  ChangeEpoch();
  StartServer();
  transport_.Serve(nullptr);  // not to this one
  std::optional<PropagationReport> report;
  hub_->Wait(database_->Revision(), std::nullopt,
             [&](const PropagationReport& told) { report = told; });
  ASSERT_EQ(Now(jwt), "yes");
  while (!report.has_value()) {
    Pass(kTick * 10'000);
    hub_->RunDue(clock_.SinceBoot());
  }
  EXPECT_TRUE(report->complete);
  EXPECT_NE(Now(jwt), "yes");
  EXPECT_NE(Now(kOpaque), "yes");
}

}  // namespace
}  // namespace latchkey
