// From a logout to its being refused by verifiers that judge by themselves.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "grpcpp/grpcpp.h"

#include "client/base/mutex.h"
#include "client/base/status_macros.h"
#include "client/offline_validator.h"
#include "latchkey/v1/auth.grpc.pb.h"
#include "latchkey/v1/revocation.grpc.pb.h"
#include "tools/bench/credential_set.h"
#include "tools/bench/grpc_calls.h"
#include "tools/bench/histogram.h"
#include "tools/bench/interrupt.h"
#include "tools/bench/parts.h"

namespace latchkey::bench {
namespace {

constexpr char kSection[] = "revoke";
// Verifiers, and how many logouts each of so many hears of.
struct Size {
  int verifiers;
  int logouts;
};
constexpr Size kSizes[] = {{1, 1000}, {100, 200}, {1000, 50}};
constexpr Size kQuickSizes[] = {{1, 50}, {20, 20}};
constexpr int kCutOffLogouts = 5;
// Streams of one connection.
constexpr int kStreamsPerChannel = 50;
constexpr double kMostSeconds = 0.020;
constexpr double kWantedSeconds = 0.003;

// One credential on its way out, and when each verifier refused it.
class Round {
 public:
  Round(std::string token, size_t verifiers, absl::Duration begin)
      : token_(std::move(token)), begin_(begin), refused_(verifiers) {}

  const std::string& token() const { return token_; }

  // NoteRefusal says that verifier number `i` refuses it at `now`.
  void NoteRefusal(size_t i, absl::Duration now) {
    MutexLock lock(&mutex_);
    if (refused_[i]) return;
    refused_[i] = true;
    times_.Add(now - begin_);
    if (times_.Count() == refused_.size()) all_.NotifyAll();
  }

  // Await returns when every verifier has refused; false: one has not in time.
  bool Await() {
    MutexLock lock(&mutex_);
    while (times_.Count() < refused_.size()) {
      if (!all_.WaitFor(&mutex_, kCallPatience)) return false;
    }
    return true;
  }

  Histogram times() {
    MutexLock lock(&mutex_);
    return times_;
  }

 private:
  const std::string token_;
  const absl::Duration begin_;
  Mutex mutex_;
  CondVar all_;
  std::vector<bool> refused_ ABSL_GUARDED_BY(mutex_);
  Histogram times_ ABSL_GUARDED_BY(mutex_);
};

// Verifiers that follow the server, each as in a process of its own but that
// they share connections.
class Verifiers {
 public:
  static absl::StatusOr<std::unique_ptr<Verifiers>> Start(const Bench& bench,
                                                          const Stage& stage,
                                                          int count) {
    std::unique_ptr<Verifiers> result(new Verifiers(bench.clock));
    std::shared_ptr<grpc::Channel> channel;
    for (int i = 0; i < count; ++i) {
      if (i % kStreamsPerChannel == 0) channel = NewChannel(stage.server());
      LATCHKEY_ASSIGN_OR_RETURN(
          auto validator,
          OfflineValidator::Create({channel}, {.issuer = kIssuer,
                                               .ask = AskPolicy::kNever,
                                               .max_answer_bytes = 1 << 20}));
      validator->Start();
      result->all_.push_back(std::move(validator));
    }
    for (size_t i = 0; i < result->all_.size(); ++i) {
      if (!result->all_[i]->WaitUntilReady(absl::Now() + kCallPatience)) {
        return absl::UnavailableError("a verifier gets no lease");
      }
      result->subscriptions_.push_back(result->all_[i]->OnChange(
          [verifiers = result.get(), i] { verifiers->Look(i); }));
    }
    return result;
  }

  size_t size() const { return all_.size(); }

  // Accepted returns how many accept `token` now.
  int Accepted(const std::string& token) {
    int accepted = 0;
    for (const auto& validator : all_) {
      const auto found =
          validator->CheckLocal(token, {}, [](const Principal&) {});
      if (found == true) ++accepted;
    }
    return accepted;
  }

  void Begin(std::shared_ptr<Round> round) {
    MutexLock lock(&mutex_);
    round_ = std::move(round);
  }

 private:
  explicit Verifiers(const Clock& clock) : clock_(clock) {}

  // Something has changed for verifier number `i`.
  void Look(size_t i) {
    std::shared_ptr<Round> round;
    {
      MutexLock lock(&mutex_);
      round = round_;
    }
    if (round == nullptr) return;
    const auto found =
        all_[i]->CheckLocal(round->token(), {}, [](const Principal&) {});
    if (found == false) round->NoteRefusal(i, clock_.SinceBoot());
  }

  const Clock& clock_;
  Mutex mutex_;
  std::shared_ptr<Round> round_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<OfflineValidator>> all_;
  // First to go.
  std::vector<std::unique_ptr<Validator::Subscription>> subscriptions_;
};

absl::StatusOr<v1::PropagationReport> Logout(v1::AuthService::Stub& stub,
                                             const std::string& token) {
  v1::LogoutRequest request;
  request.set_credential(token);
  request.set_wait(v1::PROPAGATION_WAIT_VERIFIERS);
  v1::LogoutResponse response;
  grpc::ClientContext context;
  LATCHKEY_RETURN_IF_ERROR(FromCall(
      "Logout", stub.Logout(SetPatience(&context), request, &response)));
  if (response.ended_count() != 1 || !response.propagation().complete()) {
    return absl::AbortedError(
        "wrong answer: Logout ended nothing, or did not wait for verifiers");
  }
  return response.propagation();
}

double SecondsOf(const google::protobuf::Duration& duration) {
  return static_cast<double>(duration.seconds()) + 1e-9 * duration.nanos();
}

// Tokens of sessions, each to be ended once.
class Tokens {
 public:
  Tokens(const Stage& stage, const Clock& clock)
      : stage_(stage), clock_(clock) {}

  absl::StatusOr<std::string> Next() {
    const uint64_t i =
        next_++ * Population::kJwtEvery + (Population::kJwtEvery - 1);
    return stage_.mint().Mint(stage_.population().SessionOf(i).session,
                              absl::Minutes(5), clock_.Now());
  }

 private:
  const Stage& stage_;
  const Clock& clock_;
  uint64_t next_ = 0;
};

void AddTimes(const Bench& bench, int verifiers, const Histogram& refusals,
              const Histogram& answers) {
  const bool one = verifiers == 1;
  ReportRow row = {.section = kSection,
                   .name = absl::StrCat("logout to refusal, ", verifiers,
                                        " verifier", one ? "" : "s", ", p99"),
                   .measured = absl::ToDoubleSeconds(refusals.Percentile(99)),
                   .unit = "s",
                   .higher_is_better = false,
                   .note = absl::StrCat(
                       "p50 ", absl::FormatDuration(refusals.Percentile(50)),
                       ", max ", absl::FormatDuration(refusals.Max()), " of ",
                       refusals.Count(), "; Logout itself p99 ",
                       absl::FormatDuration(answers.Percentile(99)))};
  if (one) {
    row.at_least = kMostSeconds;
    row.aim = kWantedSeconds;
  }
  bench.report.Add(std::move(row));
}

absl::Status MeasureSize(const Bench& bench, const Stage& stage,
                         v1::AuthService::Stub& stub, Tokens& tokens,
                         const Size& size) {
  bench.progress.Step(absl::StrCat("revoke: ", size.verifiers, " verifiers"));
  LATCHKEY_ASSIGN_OR_RETURN(const auto verifiers,
                            Verifiers::Start(bench, stage, size.verifiers));
  // Waits out the leases of those before.
  LATCHKEY_ASSIGN_OR_RETURN(const std::string first, tokens.Next());
  LATCHKEY_RETURN_IF_ERROR(Logout(stub, first).status());
  Histogram refusals, answers;
  for (int i = 0; i < size.logouts; ++i) {
    if (Interrupted()) return absl::CancelledError("interrupted");
    bench.progress.Part(i, size.logouts);
    LATCHKEY_ASSIGN_OR_RETURN(std::string token, tokens.Next());
    if (verifiers->Accepted(token) != size.verifiers) {
      return absl::AbortedError("wrong answer: a live token is not accepted");
    }
    const absl::Duration begin = bench.clock.SinceBoot();
    const auto round = std::make_shared<Round>(token, verifiers->size(), begin);
    verifiers->Begin(round);
    LATCHKEY_ASSIGN_OR_RETURN(const v1::PropagationReport report,
                              Logout(stub, token));
    answers.Add(bench.clock.SinceBoot() - begin);
    if (verifiers->Accepted(token) != 0) {
      return absl::AbortedError("wrong answer: accepted after Logout answered");
    }
    if (report.verifiers() < size.verifiers) {
      return absl::AbortedError("wrong answer: not all verifiers were counted");
    }
    if (!round->Await()) {
      return absl::UnavailableError("a verifier was told nothing");
    }
    refusals.Merge(round->times());
  }
  verifiers->Begin(nullptr);
  AddTimes(bench, size.verifiers, refusals, answers);
  return absl::OkStatus();
}

// A verifier that gets a lease and then neither reads nor writes.
class CutOff {
 public:
  explicit CutOff(std::shared_ptr<grpc::Channel> channel)
      : stub_(v1::RevocationService::NewStub(channel)),
        stream_(stub_->WatchRevocations(&context_)) {}
  ~CutOff() {
    context_.TryCancel();
    static_cast<void>(stream_->Finish());
  }

  // TakeLease goes on until it has one.
  absl::Status TakeLease() {
    v1::WatchRevocationsRequest subscribe;
    subscribe.mutable_subscribe();
    stream_->Write(subscribe);
    uint64_t applied = 0;
    v1::WatchRevocationsResponse response;
    while (stream_->Read(&response)) {
      if (response.has_lease()) return absl::OkStatus();
      if (response.has_key_set()) continue;
      if (response.has_batch()) applied = response.batch().through();
      v1::WatchRevocationsRequest beat;
      beat.mutable_heartbeat()->set_applied(applied);
      stream_->Write(beat);
    }
    return absl::UnavailableError("the stream ended");
  }

 private:
  const std::unique_ptr<v1::RevocationService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::WatchRevocationsRequest,
                                           v1::WatchRevocationsResponse>>
      stream_;
};

absl::Status MeasureCutOff(const Bench& bench, const Stage& stage,
                           v1::AuthService::Stub& stub, Tokens& tokens) {
  bench.progress.Step("revoke: one verifier cut off");
  Histogram waits;
  for (int i = 0; i < kCutOffLogouts; ++i) {
    if (Interrupted()) return absl::CancelledError("interrupted");
    CutOff verifier(NewChannel(stage.server()));
    LATCHKEY_RETURN_IF_ERROR(verifier.TakeLease());
    LATCHKEY_ASSIGN_OR_RETURN(const std::string token, tokens.Next());
    LATCHKEY_ASSIGN_OR_RETURN(const v1::PropagationReport report,
                              Logout(stub, token));
    if (report.lease_expired() < 1) {
      return absl::AbortedError("wrong answer: nobody's lease was waited out");
    }
    waits.Add(absl::Seconds(SecondsOf(report.elapsed())));
  }
  // By default: 500 ms + 2 s + 20 ms + 1 % of 2 s.
  constexpr double kBoundSeconds = 2.54;
  bench.report.Add({.section = kSection,
                    .name = "Logout that waits for a verifier cut off, longest",
                    .measured = absl::ToDoubleSeconds(waits.Max()),
                    .unit = "s",
                    .at_least = kBoundSeconds,
                    .higher_is_better = false,
                    .note = "the bound: interval + lease + margin"});
  return absl::OkStatus();
}

}  // namespace

absl::Status RunRevoke(const Bench& bench) {
  const bool quick = bench.options.quick;
  const auto sizes =
      quick ? absl::MakeConstSpan(kQuickSizes) : absl::MakeConstSpan(kSizes);
  uint64_t logouts = kCutOffLogouts;
  for (const Size& size : sizes) logouts += size.logouts + 1;
  Stage::Setup setup;
  setup.population.live = (logouts + 1) * Population::kJwtEvery;
  LATCHKEY_ASSIGN_OR_RETURN(const std::unique_ptr<Stage> stage,
                            Stage::SeedAndStart(bench, std::move(setup)));
  const auto stub = v1::AuthService::NewStub(NewChannel(stage->server()));
  Tokens tokens(*stage, bench.clock);
  for (const Size& size : sizes) {
    LATCHKEY_RETURN_IF_ERROR(MeasureSize(bench, *stage, *stub, tokens, size));
  }
  return MeasureCutOff(bench, *stage, *stub, tokens);
}

}  // namespace latchkey::bench
