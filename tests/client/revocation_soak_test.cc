// The promise, kept by the real programs while everything goes wrong: no check
// that begins after a logout with wait = VERIFIERS has answered accepts.
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"

#include "client/base/clock.h"
#include "client/base/mutex.h"
#include "client/offline_validator.h"
#include "latchkey/v1/auth.grpc.pb.h"
#include "tools/bench/stage.h"

namespace latchkey {
namespace {

constexpr int kLogouts = 10'000;
// Of the server; of a verifier, whose lease is waited out then; and pauses and
// clock steps: one in so many logouts. By count, not by time, so that each run
// has as many of them.
constexpr int kLogoutsPerRestart = 1'000;
constexpr int kLogoutsPerReplacement = 250;
constexpr int kLogoutsPerPause = 50;
constexpr int kLogoutsPerStep = 20;
// While the server is stopped, verifiers are asked so often at most.
constexpr int kMostChecksInPause = 2'000'000;
constexpr size_t kVerifiers = 4;
constexpr absl::Duration kPatience = absl::Seconds(60);

// A verifier's clock: the wall is stepped, as by an operator or NTP.
class SteppedClock final : public Clock {
 public:
  absl::Time Now() const override {
    return base_.Now() + absl::Milliseconds(step_millis_.load());
  }
  absl::Duration SinceBoot() const override { return base_.SinceBoot(); }
  void StepTo(int64_t millis) { step_millis_ = millis; }

 private:
  const SystemClock base_{};
  std::atomic<int64_t> step_millis_{0};
};

// A verifier that may be replaced by another at any time.
class Verifier {
 public:
  void Begin(const std::string& address) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 200);
    auto validator = OfflineValidator::Create(
        {grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(),
                                   arguments)},
        {.issuer = bench::kIssuer,
         .clock_skew = absl::Seconds(60),
         .ask = AskPolicy::kNever,
         .longest_backoff = absl::Milliseconds(300)},
        nullptr, clock_);
    ASSERT_TRUE(validator.ok()) << validator.status();
    (*validator)->Start();
    Replace(*std::move(validator));
  }
  void End() { Replace(nullptr); }

  bool Accepts(const std::string& token) {
    const std::shared_ptr<OfflineValidator> validator = Get();
    return validator != nullptr &&
           validator->CheckLocal(token, {}, [](const Principal&) {}) == true;
  }

  SteppedClock& clock() { return clock_; }

 private:
  std::shared_ptr<OfflineValidator> Get() {
    MutexLock lock(&mutex_);
    return validator_;
  }
  void Replace(std::shared_ptr<OfflineValidator> next) {
    MutexLock lock(&mutex_);
    validator_.swap(next);
  }

  SteppedClock clock_;
  Mutex mutex_;
  std::shared_ptr<OfflineValidator> validator_ ABSL_GUARDED_BY(mutex_);
};

struct Token {
  std::string text;
  std::atomic<bool> ended{false};
};

class RevocationSoak : public testing::Test {
 protected:
  RevocationSoak()
      : folder_(std::filesystem::temp_directory_path() /
                ("latchkey-soak." + std::to_string(getpid()))),
        options_{.out = folder_,
                 .work_dir = std::filesystem::temp_directory_path(),
                 .latchkeyd = LATCHKEY_LATCHKEYD},
        report_("", {}),
        bench_{options_, clock_, report_, progress_} {}

  void StartServer() {
    bench::Stage::Setup setup;
    setup.population.live = (kLogouts + 1) * bench::Population::kJwtEvery;
    setup.server_flags = {"--lease_ttl=1s", "--heartbeat_interval=200ms"};
    auto stage = bench::Stage::SeedAndStart(bench_, std::move(setup));
    ASSERT_TRUE(stage.ok()) << stage.status();
    stage_ = *std::move(stage);
    address_ = stage_->server().admin_address();
    for (Verifier& verifier : verifiers_) verifier.Begin(address_);
  }

  std::string Mint(int number) {
    const uint64_t i = number * bench::Population::kJwtEvery +
                       (bench::Population::kJwtEvery - 1);
    return *stage_->mint().Mint(stage_->population().SessionOf(i).session,
                                absl::Hours(1), clock_.Now());
  }

  // Logs out until the answer says that no verifier accepts any more.
  void Logout(const std::string& token) {
    v1::LogoutRequest request;
    request.set_credential(token);
    request.set_wait(v1::PROPAGATION_WAIT_VERIFIERS);
    const absl::Time limit = absl::Now() + kPatience;
    while (absl::Now() < limit) {
      const auto stub = v1::AuthService::NewStub(
          grpc::CreateChannel(address_, grpc::InsecureChannelCredentials()));
      v1::LogoutResponse response;
      grpc::ClientContext context;
      context.set_deadline(absl::ToChronoTime(limit));
      const grpc::Status status = stub->Logout(&context, request, &response);
      if (status.ok() && response.propagation().complete()) return;
    }
    FAIL() << "no logout within a minute";
  }

  int Accepting(const std::string& token) {
    int accepting = 0;
    for (Verifier& verifier : verifiers_) accepting += verifier.Accepts(token);
    return accepting;
  }

  // Checks tokens that are being ended, as fast as it can.
  void CheckAll() {
    std::minstd_rand random(1);
    while (!done_) {
      Token* const token = current_.load();
      if (token == nullptr) continue;
      // Before the check begins.
      const bool ended = token->ended.load();
      if (verifiers_[random() % kVerifiers].Accepts(token->text) && ended) {
        ++violations_;
      }
      ++checks_;
      checks_.notify_all();
    }
  }

  // Has the server stand still while verifiers answer on: through some leases,
  // or but a moment.
  void Pause() {
    const int64_t until = checks_ + random_() % kMostChecksInPause;
    kill(stage_->server().pid(), SIGSTOP);
    for (int64_t now = checks_; now < until; now = checks_) checks_.wait(now);
    kill(stage_->server().pid(), SIGCONT);
  }

  // Goes wrong with logout number `i` under way, in another thread than it.
  void Disturb(int i) {
    Verifier& verifier = verifiers_[random_() % kVerifiers];
    if (i % kLogoutsPerReplacement == 0) verifier.Begin(address_);
    if (i % kLogoutsPerStep == 0) {
      // As far as they may be wrong without refusing what is good.
      verifier.clock().StepTo(static_cast<int64_t>(random_() % 90'000) -
                              45'000);
    }
    if (i % kLogoutsPerPause == 0) Pause();
  }

  void Restart() { ASSERT_TRUE(stage_->Start().ok()); }

  const SystemClock clock_;
  const std::filesystem::path folder_;
  const bench::BenchOptions options_;
  bench::Report report_;
  bench::Progress progress_;
  const bench::Bench bench_;
  std::unique_ptr<bench::Stage> stage_;
  std::string address_;
  std::minstd_rand random_{2};  // of Disturb
  std::array<Verifier, kVerifiers> verifiers_;
  std::atomic<Token*> current_{nullptr};
  std::atomic<int64_t> checks_{0};
  std::atomic<bool> done_{false};
  std::atomic<int> violations_{0};
};

TEST_F(RevocationSoak, NobodyAcceptsWhatWasLoggedOutEverywhere) {
  StartServer();
  std::vector<std::unique_ptr<Token>> tokens;
  std::thread checker([this] { CheckAll(); });
  int accepted_before = 0;
  for (int i = 0; i < kLogouts && !HasFatalFailure(); ++i) {
    if (i % kLogoutsPerRestart == kLogoutsPerRestart - 1) {
      std::printf("%d of %d logouts\n", i + 1, kLogouts);
      std::fflush(stdout);
      Restart();
    }
    tokens.push_back(std::make_unique<Token>());
    Token& token = *tokens.back();
    token.text = Mint(i);
    accepted_before += Accepting(token.text) > 0;
    current_ = &token;
    std::thread disturber([this, i] { Disturb(i); });
    Logout(token.text);
    token.ended = true;
    violations_ += Accepting(token.text);
    disturber.join();
  }
  done_ = true;
  checker.join();
  for (Verifier& verifier : verifiers_) verifier.End();
  EXPECT_EQ(violations_, 0);
  // Else it would have shown nothing.
  EXPECT_GT(accepted_before, kLogouts / 2);
}

}  // namespace
}  // namespace latchkey
