#ifndef LATCHKEY_TESTS_SERVER_AUTH_WORLD_H_
#define LATCHKEY_TESTS_SERVER_AUTH_WORLD_H_

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "gtest/gtest.h"

#include "client/base/mutex.h"
#include "server/account/hasher.h"
#include "server/auth/account_admin.h"
#include "server/auth/authority.h"
#include "server/auth/session_admin.h"
#include "server/base/log.h"
#include "server/credential/sealer.h"
#include "server/session/session_cache.h"
#include "tests/support/fake_clock.h"
#include "tests/support/memory_store.h"
#include "tests/support/notification.h"
#include "tests/support/recording_audit.h"
#include "tests/support/store_wrapper.h"

namespace latchkey {

// PlainHasher "hashes" by keeping the password in the tag; a test may stop it.
class PlainHasher final : public Hasher {
 public:
  struct Hooks {
    std::atomic<int> calls = 0;
    std::function<void()> on_match;  // called before each comparison
  };
  explicit PlainHasher(Hooks& hooks) : hooks_(hooks) {}

  absl::StatusOr<std::string> Hash(const SecretBytes& password,
                                   const HashCost& cost) const override {
    ++hooks_.calls;
    return FormatPhc({.cost = cost,
                      .lanes = 1,
                      .salt = std::string(16, 's'),
                      .tag = TagOf(password)});
  }
  bool Matches(const SecretBytes& password,
               const PhcHash& hash) const override {
    ++hooks_.calls;
    if (hooks_.on_match) hooks_.on_match();
    return hash.tag == TagOf(password);
  }

 private:
  static std::string TagOf(const SecretBytes& password) {
    std::string tag(password.Reveal());
    tag.resize(32, '.');
    return tag;
  }
  Hooks& hooks_;
};

// FailingStore answers what a test tells it to, instead of its base.
class FailingStore final : public SessionStoreWrapper {
 public:
  using SessionStoreWrapper::SessionStoreWrapper;
  void StartCreate(std::shared_ptr<const NewSession> session, absl::Time now,
                   Created created) override {
    if (on_create) on_create(session->key);
    const auto create = [this, session, now, created] {
      SessionStoreWrapper::StartCreate(session, now, created);
    };
    {
      MutexLock lock(&mutex_);
      if (holds_) {
        held_.push_back(create);
        return;
      }
    }
    create();
  }
  // Hold keeps those who create a session waiting until Release.
  void Hold() {
    MutexLock lock(&mutex_);
    holds_ = true;
  }
  size_t held() const {
    MutexLock lock(&mutex_);
    return held_.size();
  }
  void Release() {
    std::vector<std::function<void()>> held;
    {
      MutexLock lock(&mutex_);
      holds_ = false;
      held.swap(held_);
    }
    for (const auto& create : held) create();
  }
  absl::StatusOr<Session> Find(const SessionKey& key,
                               absl::Time now) const override {
    if (on_find) on_find();
    if (!failure.ok()) return failure;
    return SessionStoreWrapper::Find(key, now);
  }
  absl::StatusOr<Session> FindInMemory(const SessionKey& key,
                                       absl::Time now) const override {
    if (!failure.ok()) return failure;
    return SessionStoreWrapper::FindInMemory(key, now);
  }
  absl::StatusOr<SessionKey> FindKey(const SessionId& id) const override {
    if (!failure.ok()) return failure;
    return SessionStoreWrapper::FindKey(id);
  }
  absl::StatusOr<SessionKey> FindKeyInMemory(
      const SessionId& id) const override {
    if (!failure.ok()) return failure;
    return SessionStoreWrapper::FindKeyInMemory(id);
  }
  absl::Status Ready() const override { return readiness; }

  absl::Status failure;
  absl::Status readiness;
  std::function<void()> on_find;  // called before each
  std::function<void(const SessionKey&)> on_create;

 private:
  mutable Mutex mutex_;
  bool holds_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::function<void()>> held_ ABSL_GUARDED_BY(mutex_);
};

// FailingAccounts answers look-ups as a test tells it to.
class FailingAccounts final : public AccountStore {
 public:
  explicit FailingAccounts(AccountStore& base) : base_(base) {}

  absl::StatusOr<Account> Find(absl::string_view name) const override {
    if (!failure.ok()) return failure;
    return base_.Find(name);
  }
  absl::StatusOr<Account> FindInMemory(absl::string_view name) const override {
    if (!failure.ok()) return failure;
    return base_.FindInMemory(name);
  }
  absl::StatusOr<uint64_t> Create(const Account& account) override {
    return base_.Create(account);
  }
  absl::StatusOr<std::vector<Account>> List(absl::string_view after,
                                            int limit) const override {
    return base_.List(after, limit);
  }
  absl::StatusOr<AccountChange> Edit(absl::string_view name,
                                     const AccountEdit& edit,
                                     absl::Time now) override {
    return base_.Edit(name, edit, now);
  }
  absl::Status UpgradeHash(absl::string_view name, const AccountUid& uid,
                           absl::string_view old_phc,
                           absl::string_view new_phc) override {
    return base_.UpgradeHash(name, uid, old_phc, new_phc);
  }
  absl::StatusOr<AccountChange> Delete(absl::string_view name,
                                       absl::Time now) override {
    return base_.Delete(name, now);
  }
  absl::StatusOr<uint64_t> Count() const override { return base_.Count(); }

  absl::Status failure;

 private:
  AccountStore& base_;
};

// World is all the verbs over a store in memory, a clock that stands still and
// hashes that cost nothing; with calls that wait for their answer.
class World {
 public:
  // The guard is off unless a test is about it.
  explicit World(SessionPolicy policy = {},
                 const LoginGuard::Options& guard = {.enabled = false})
      : guard_(guard), parts_(PartsOf(policy)) {
    hooks_.calls = 0;  // the dummy hash is made at start
  }
  ~World() {
    hashes_.Stop();
    workers_.Stop();
  }

  FakeClock& clock() { return clock_; }
  const ForwardClock& forward_clock() const { return forward_; }
  PlainHasher::Hooks& hooks() { return hooks_; }
  MemoryStore& memory() { return memory_; }
  FailingStore& failing() { return failing_; }
  static std::string issuer() { return kIssuer; }
  FailingAccounts& failing_accounts() { return failing_accounts_; }
  SessionCache& cache() { return cache_; }
  KeyRing& keys() { return *keys_; }
  JwtVerdicts& verdicts() { return verdicts_; }
  LoginGuard& guard() { return guard_; }
  HashPool& hashes() { return hashes_; }
  TaskPool& workers() { return workers_; }
  Log& log() { return *log_; }
  RecordingAudit& audit() { return audit_; }
  Authority& authority() { return authority_; }
  AccountAdmin& accounts() { return accounts_; }
  SessionAdmin& sessions() { return sessions_; }

  absl::StatusOr<AccountChange> TryCreateAccount(
      const std::string& name, std::vector<std::string> roles = {},
      const std::string& password = "pw") {
    return Await<absl::StatusOr<AccountChange>>([&](auto done) {
      accounts_.Create({.name = name,
                        .password = SecretBytes(password),
                        .roles = std::move(roles),
                        .origin = {},
                        .abandoned = [] { return false; }},
                       std::move(done));
    });
  }
  void CreateAccount(const std::string& name,
                     std::vector<std::string> roles = {},
                     const std::string& password = "pw") {
    const auto made = TryCreateAccount(name, std::move(roles), password);
    ASSERT_TRUE(made.ok()) << made.status();
  }

  absl::StatusOr<AccountChange> SetPassword(const std::string& name,
                                            const std::string& password) {
    return Await<absl::StatusOr<AccountChange>>([&](auto done) {
      accounts_.SetPassword(
          name, SecretBytes(password), Origin(), [] { return false; },
          std::move(done));
    });
  }

  static LoginCommand LoginOf(const std::string& account,
                              CredentialForm form = CredentialForm::kOpaque,
                              const std::string& password = "pw") {
    LoginCommand command;
    command.account = account;
    command.password = SecretBytes(password);
    command.form = form;
    command.abandoned = [] { return false; };
    return command;
  }

  static LoginCommand SecretLogin(
      const std::string& account, absl::string_view secret,
      CredentialForm form = CredentialForm::kOpaque) {
    LoginCommand command = LoginOf(account, form, "");
    command.proof = LoginCommand::Proof::kSecret;
    command.client_secret = SecretBytes(secret);
    return command;
  }

  // Makes a service account, and returns its one secret.
  std::string CreateService(const std::string& name,
                            std::vector<std::string> roles = {}) {
    const auto made = accounts_.CreateService(name, std::move(roles), Origin());
    EXPECT_TRUE(made.ok()) << made.status();
    return AddSecret(name);
  }
  std::string AddSecret(const std::string& name) {
    const auto added = accounts_.AddClientSecret(name, Origin());
    EXPECT_TRUE(added.ok()) << added.status();
    return added.ok() ? std::string(added->text.Reveal()) : "";
  }

  absl::StatusOr<Grant> TryLogin(LoginCommand command) {
    return Await<absl::StatusOr<Grant>>([&](auto done) {
      authority_.Login(std::move(command), std::move(done));
    });
  }

  Grant Login(LoginCommand command) {
    auto grant = TryLogin(std::move(command));
    EXPECT_TRUE(grant.ok()) << grant.status();
    return grant.ok() ? *std::move(grant) : Grant();
  }

  absl::StatusOr<ValidateAnswer> TryValidate(const SecretBytes& credential,
                                             ValidateQuery query = {}) {
    query.credential = credential.Reveal();
    return authority_.Validate(query, Reach::kDisk);
  }
  bool Active(const SecretBytes& credential, ValidateQuery query = {}) {
    const auto answer = TryValidate(credential, query);
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() && answer->active;
  }

 private:
  // Runs `start(done)` and waits until done was called with the answer.
  template <typename Answer, typename Start>
  static Answer Await(Start start) {
    std::optional<Answer> answer;
    Notification answered;
    start([&](Answer given) {
      answer = std::move(given);
      answered.Notify();
    });
    answered.Wait();
    return *std::move(answer);
  }

  AuthParts PartsOf(const SessionPolicy& policy) {
    return AuthParts{.accounts = account_cache_,
                     .sessions = cache_,
                     .keys = *keys_,
                     .verdicts = verdicts_,
                     .issuer = issuer_,
                     .passwords = passwords_,
                     .guard = guard_,
                     .hashes = hashes_,
                     .workers = workers_,
                     .clock = forward_,
                     .log = *log_,
                     .audit = audit_,
                     .policy = policy,
                     .issuer_name = kIssuer};
  }

  static constexpr char kIssuer[] = "latchkey:test";

  FakeClock clock_;
  const ForwardClock forward_{clock_};
  PlainHasher::Hooks hooks_;
  MemoryStore memory_;
  FailingStore failing_{memory_.sessions()};
  FailingAccounts failing_accounts_{memory_.accounts()};
  SessionCache cache_{failing_, {.max_entries = 256, .segments = 4}};
  AccountCache account_cache_{failing_accounts_, {}};
  JwtVerdicts verdicts_{{.max_entries = 256, .shards = 2}};
  std::unique_ptr<Log> log_ = Log::ToStderr(LogLevel::kError, clock_);
  std::unique_ptr<KeyRing> keys_ = *KeyRing::Open(
      memory_.keys(), *Sealer::FromKey(SecretBytes(std::string(32, 'k'))), {},
      clock_.Now());
  const JwtIssuer issuer_{*keys_,
                          {.issuer = kIssuer, .default_audience = kIssuer}};
  const PasswordChecker passwords_ = *PasswordChecker::Create(
      HashCost{}, std::make_unique<PlainHasher>(hooks_));
  RecordingAudit audit_;
  TaskPool workers_{{.name = "worker", .threads = 2, .queue_limit = 64}};
  LoginGuard guard_;
  HashPool hashes_{{.threads = 1, .queue_limit = 4}, forward_};
  const AuthParts parts_;
  Authority authority_{parts_};
  AccountAdmin accounts_{parts_};
  SessionAdmin sessions_{parts_};
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SERVER_AUTH_WORLD_H_
