#include "tools/bench/token_mint.h"

#include <utility>

#include "client/base/status_macros.h"
#include "server/credential/master_key.h"
#include "tools/bench/bench_server.h"

namespace latchkey::bench {
namespace {

// KeysInMemory is the keys of a database that the server holds open now. They
// are only read.
class KeysInMemory final : public KeyStore {
 public:
  explicit KeysInMemory(std::vector<KeyRecord> records)
      : records_(std::move(records)) {}

  absl::Status Add(const KeyRecord&) override { return ReadOnly(); }
  absl::StatusOr<std::vector<KeyRecord>> List() const override {
    return records_;
  }
  absl::Status Remove(absl::string_view) override { return ReadOnly(); }
  absl::StatusOr<uint64_t> Revoke(absl::string_view, absl::Time) override {
    return ReadOnly();
  }
  absl::StatusOr<std::string> MasterKeyCheck() const override {
    return absl::NotFoundError("not copied");
  }
  absl::Status SetMasterKeyCheck(absl::string_view) override {
    return ReadOnly();
  }

 private:
  static absl::Status ReadOnly() {
    return absl::FailedPreconditionError("a copy of the keys takes no change");
  }

  const std::vector<KeyRecord> records_;
};

}  // namespace

TokenMint::TokenMint() = default;
TokenMint::~TokenMint() = default;

absl::StatusOr<std::unique_ptr<TokenMint>> TokenMint::FromStore(
    KeyStore& store, const std::string& master_key_file, absl::Time now) {
  LATCHKEY_ASSIGN_OR_RETURN(Sealer sealer,
                            OpenMasterKey(master_key_file, store));
  LATCHKEY_RETURN_IF_ERROR(
      KeyRing::Open(store, std::move(sealer), KeyRingOptions(), now).status());
  LATCHKEY_ASSIGN_OR_RETURN(std::vector<KeyRecord> records, store.List());

  std::unique_ptr<TokenMint> mint(new TokenMint());
  mint->copy_ = std::make_unique<KeysInMemory>(std::move(records));
  LATCHKEY_ASSIGN_OR_RETURN(Sealer again, ReadMasterKey(master_key_file));
  LATCHKEY_ASSIGN_OR_RETURN(
      mint->ring_,
      KeyRing::Open(*mint->copy_, std::move(again), KeyRingOptions(), now));
  return mint;
}

absl::StatusOr<std::string> TokenMint::Mint(const Session& session,
                                            absl::Duration life,
                                            absl::Time now) const {
  const JwtIssuer issuer(
      *ring_, {.issuer = kIssuer, .default_audience = kIssuer, .life = life});
  LATCHKEY_ASSIGN_OR_RETURN(
      const IssuedJwt issued,
      issuer.Issue({.account_uid = session.account_uid,
                    .account = session.account,
                    .session_id = session.id,
                    .generation = session.generation,
                    .auth_time = session.auth_time,
                    .audiences = session.audiences,
                    .amr = session.amr,
                    .roles = session.roles,
                    .expire_time = session.expire_time,
                    .idle_expire_time = session.idle_expire_time()},
                   now));
  return std::string(issued.text.Reveal());
}

std::shared_ptr<const KeySet> TokenMint::Keys(absl::Time now) const {
  return ring_->VerificationKeys(now);
}

}  // namespace latchkey::bench
