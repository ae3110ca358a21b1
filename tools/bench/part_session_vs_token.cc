// The old question, measured: a session that is asked about, a token that is
// asked about, or a token that is checked where it is.
#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

#include "client/base/status_macros.h"
#include "client/verify/jwt_verifier.h"
#include "latchkey/v1/auth.grpc.pb.h"
#include "tools/bench/credential_set.h"
#include "tools/bench/grpc_calls.h"
#include "tools/bench/interrupt.h"
#include "tools/bench/local_checks.h"
#include "tools/bench/login_workload.h"
#include "tools/bench/measure.h"
#include "tools/bench/parts.h"
#include "tools/bench/process_stats.h"
#include "tools/bench/validate_workload.h"
#include "tools/bench/write_file.h"

namespace latchkey::bench {
namespace {

constexpr char kSection[] = "session or token";
constexpr uint64_t kSessions = 100'000;
constexpr uint64_t kQuickSessions = 20'000;
constexpr uint64_t kTokens = 10'000;
// Calls under way at once, for the plot.
constexpr int kWidths[] = {1, 4, 16, 64, 256};
constexpr int kLogouts = 50;
constexpr HashCost kCheapHash = {.time = 1, .memory_kib = 8192};
constexpr absl::Duration kJwtLife = absl::Minutes(5);  // the server's default

// Way is one way to check, and what it costs.
struct Way {
  std::string name;
  double wire_bytes = 0;
  double seconds = 0;  // one after the other
  double per_second = 0;
  double disk_bytes = 0;
  double memory_bytes = 0;  // of the server
  double logout_seconds = 0;
  bool is_local = false;
  bool is_blind = false;  // to a logout: good until it expires
  Series plot;
};

// Measures a way that asks the server.
absl::Status MeasureRpc(const Bench& bench, const Stage& stage,
                        const CredentialSet& set, Way* way) {
  bench.progress.Step(absl::StrCat("session-vs-token: ", way->name));
  way->plot.name = way->name;
  ValidateWorkload workload(set, Uniform(set.size(), bench.options.seed));
  LATCHKEY_ASSIGN_OR_RETURN(std::unique_ptr<LoadClient> load, stage.Connect());
  LATCHKEY_RETURN_IF_ERROR(WarmUp(*load, workload, set.size()));
  for (const int width : kWidths) {
    const int connections = std::max(1, width / 32);
    LATCHKEY_ASSIGN_OR_RETURN(load,
                              stage.Connect(connections, width / connections));
    LATCHKEY_ASSIGN_OR_RETURN(const Measured measured,
                              MeasureClosed(*load, stage.server().pid(),
                                            workload, 2 * bench.options.block));
    way->plot.points.push_back(
        {static_cast<double>(width), measured.PerSecond()});
    way->per_second = std::max(way->per_second, measured.PerSecond());
    if (width > 1) continue;
    const LoadResult& result = measured.last;
    way->seconds = absl::ToDoubleSeconds(result.latency.Percentile(50));
    way->wire_bytes =
        static_cast<double>(result.bytes_sent + result.bytes_received) /
        static_cast<double>(result.calls);
  }
  return absl::OkStatus();
}

// Measures checks in this process, one thread.
absl::Status MeasureLocal(const Bench& bench, const CredentialSet& set,
                          absl::FunctionRef<bool(const std::string&)> check,
                          Way* way) {
  bench.progress.Step(absl::StrCat("session-vs-token: ", way->name));
  way->plot.name = absl::StrCat(way->name, " (one thread)");
  std::vector<std::string> tokens;
  for (size_t i = 0; i < set.size(); ++i) tokens.push_back(set[i].credential);
  LATCHKEY_ASSIGN_OR_RETURN(
      way->per_second,
      RatePerSecond(tokens, 1, 2 * bench.options.block, check));
  way->seconds = 1 / way->per_second;
  for (const int width : kWidths) {
    way->plot.points.push_back({static_cast<double>(width), way->per_second});
  }
  return absl::OkStatus();
}

// Who is asked whether a credential is good.
using Asker = std::function<absl::StatusOr<bool>(const std::string&)>;

absl::StatusOr<bool> IsActive(v1::AuthService::Stub& stub,
                              const std::string& credential) {
  v1::ValidateRequest validate;
  validate.set_credential(credential);
  v1::ValidateResponse answer;
  grpc::ClientContext context;
  LATCHKEY_RETURN_IF_ERROR(FromCall(
      "Validate", stub.Validate(SetPatience(&context), validate, &answer)));
  return answer.active();
}

absl::StatusOr<std::string> Login(v1::AuthService::Stub& stub,
                                  const LoginAccount& account,
                                  v1::CredentialFormat format) {
  v1::LoginRequest login;
  login.set_account(account.account.name);
  login.set_password(account.proof);
  login.set_credential_format(format);
  v1::LoginResponse granted;
  grpc::ClientContext context;
  LATCHKEY_RETURN_IF_ERROR(
      FromCall("Login", stub.Login(SetPatience(&context), login, &granted)));
  return granted.credential();
}

// Logs in and out again, and returns the time from asking for the logout to
// having been told that the credential is not good any more.
absl::StatusOr<double> LogoutToRefusal(v1::AuthService::Stub& stub,
                                       const LoginAccount& account,
                                       v1::CredentialFormat format,
                                       v1::PropagationWait wait,
                                       const Asker& ask) {
  LATCHKEY_ASSIGN_OR_RETURN(const std::string credential,
                            Login(stub, account, format));
  LATCHKEY_ASSIGN_OR_RETURN(const bool before, ask(credential));
  if (!before) {
    return absl::AbortedError(
        "wrong answer: not active right after Login had answered");
  }
  v1::LogoutRequest logout;
  logout.set_credential(credential);
  logout.set_wait(wait);
  v1::LogoutResponse ended;
  grpc::ClientContext context;
  const absl::Time begin = absl::Now();
  LATCHKEY_RETURN_IF_ERROR(
      FromCall("Logout", stub.Logout(SetPatience(&context), logout, &ended)));
  LATCHKEY_ASSIGN_OR_RETURN(const bool after, ask(credential));
  if (after) {
    return absl::AbortedError("wrong answer: active after Logout had answered");
  }
  return absl::ToDoubleSeconds(absl::Now() - begin);
}

absl::Status MeasureLogouts(const Bench& bench, const Stage& stage,
                            const LoginAccount& account,
                            v1::CredentialFormat format,
                            OfflineValidator* verifier, Way* way) {
  bench.progress.Step(absl::StrCat("session-vs-token: logouts, ", way->name));
  const auto stub = v1::AuthService::NewStub(NewChannel(stage.server()));
  const Asker ask = [&](const std::string& credential) -> absl::StatusOr<bool> {
    if (verifier != nullptr) return IsAccepted(*verifier, credential);
    return IsActive(*stub, credential);
  };
  const auto wait = verifier != nullptr ? v1::PROPAGATION_WAIT_VERIFIERS
                                        : v1::PROPAGATION_WAIT_UNSPECIFIED;
  std::vector<double> times;
  for (int i = 0; i < kLogouts; ++i) {
    if (Interrupted()) return absl::CancelledError("interrupted");
    LATCHKEY_ASSIGN_OR_RETURN(
        const double seconds,
        LogoutToRefusal(*stub, account, format, wait, ask));
    times.push_back(seconds);
  }
  way->logout_seconds = Median(times);
  return absl::OkStatus();
}

// The two ways that ask nobody: blind to a logout, and told of it.
absl::Status MeasureLocally(const Bench& bench, const Stage& stage,
                            const LoginAccount& account,
                            const CredentialSet& tokens, Way* blind,
                            Way* leased) {
  const absl::Time now = bench.clock.Now();
  const std::shared_ptr<const KeySet> keys = stage.mint().Keys(now);
  Expectations expect;
  expect.issuer = expect.audience.emplace(kIssuer);
  LATCHKEY_RETURN_IF_ERROR(MeasureLocal(
      bench, tokens,
      [&](const std::string& token) {
        return VerifyJwt(token, *keys, expect, now).ok();
      },
      blind));
  LATCHKEY_ASSIGN_OR_RETURN(const auto verifier, StartValidator(stage));
  // What a verifier sees for the first time costs it the signature, too.
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (!IsAccepted(*verifier, tokens[i].credential)) {
      return absl::AbortedError("a good token was refused in process");
    }
  }
  LATCHKEY_RETURN_IF_ERROR(MeasureLocal(
      bench, tokens,
      [&](const std::string& token) { return IsAccepted(*verifier, token); },
      leased));
  return MeasureLogouts(bench, stage, account, v1::CREDENTIAL_FORMAT_JWT,
                        verifier.get(), leased);
}

std::string MarkdownOf(const std::vector<Way>& ways) {
  std::string text =
      "| | bytes on the wire per check | time per check | checks per second |"
      " stored per session | a logout takes effect |\n"
      "|---|---:|---:|---:|---:|---:|\n";
  for (const Way& way : ways) {
    absl::StrAppend(
        &text, "| ", way.name, " | ",
        way.is_local ? "0" : FormatFigure(way.wire_bytes, "B"), " | ",
        FormatFigure(way.seconds, "s"), " | ",
        FormatFigure(way.per_second, "1/s"), way.is_local ? " per thread" : "",
        " | ", FormatFigure(way.disk_bytes, "B"), " disk, ",
        FormatFigure(way.memory_bytes, "B"), " memory | ",
        way.is_blind ? absl::StrCat("when the token expires: up to ",
                                    FormatFigure(way.logout_seconds, "s"))
                     : absl::StrCat("at once: refused ",
                                    FormatFigure(way.logout_seconds, "s"),
                                    " after it was asked for"),
        " |\n");
  }
  return text;
}

absl::Status Tell(const Bench& bench, std::vector<Way> ways) {
  const std::string markdown = MarkdownOf(ways);
  for (const Way& way : ways) {
    const auto add = [&](const char* what, double value, const char* unit,
                         bool higher) {
      bench.report.Add({.section = kSection,
                        .name = absl::StrCat(way.name, ", ", what),
                        .measured = value,
                        .unit = unit,
                        .higher_is_better = higher});
    };
    add("bytes on the wire per check", way.wire_bytes, "B", false);
    add("time per check", way.seconds, "s", false);
    add("checks per second", way.per_second, "1/s", true);
    add("time until a logout takes effect", way.logout_seconds, "s", false);
  }
  SvgPlot plot = {.title = "Checks per second",
                  .x = {"checks under way at once", AxisUnit::kCount, true},
                  .y = {"checks per second", AxisUnit::kCount, true}};
  for (Way& way : ways) plot.series.push_back(std::move(way.plot));
  bench.report.AddPlot("session-vs-token", std::move(plot));
  std::printf("%s\n", markdown.c_str());
  return WriteFile(bench.options.out + "/session-vs-token.md", markdown);
}

}  // namespace

absl::Status RunSessionVsToken(const Bench& bench) {
  const BenchOptions& options = bench.options;
  LATCHKEY_ASSIGN_OR_RETURN(const LoginAccount account,
                            MakeLoginAccount(kCheapHash, bench.clock.Now()));
  Stage::Setup setup;
  setup.population.live =
      options.SessionsOr(options.quick ? kQuickSessions : kSessions);
  setup.more_accounts = {account.account};
  setup.server_flags = {
      absl::StrCat("--hash_time_cost=", kCheapHash.time),
      absl::StrCat("--hash_memory_kib=", kCheapHash.memory_kib)};
  LATCHKEY_ASSIGN_OR_RETURN(const std::unique_ptr<Stage> stage,
                            Stage::Seed(bench, std::move(setup)));
  LATCHKEY_ASSIGN_OR_RETURN(const int64_t disk,
                            DirectoryBytes(stage->data_dir()));
  LATCHKEY_RETURN_IF_ERROR(stage->Start());
  const uint64_t live = stage->population().options().live;
  CredentialSet sessions, tokens;
  sessions.AddOpaque(stage->population(), std::min(options.sample, live));
  LATCHKEY_RETURN_IF_ERROR(tokens.AddJwts(stage->population(), stage->mint(),
                                          std::min(kTokens, live),
                                          bench.clock.Now()));

  Way opaque = {.name = "opaque, by RPC"};
  Way jwt = {.name = "JWT, by RPC"};
  Way blind = {.name = "JWT, checked locally by its signature",
               .logout_seconds = absl::ToDoubleSeconds(kJwtLife),
               .is_local = true,
               .is_blind = true};
  Way leased = {.name = "JWT, checked locally under a lease", .is_local = true};
  LATCHKEY_ASSIGN_OR_RETURN(const ProcessStats cold,
                            ReadProcessStats(stage->server().pid()));
  LATCHKEY_RETURN_IF_ERROR(MeasureRpc(bench, *stage, sessions, &opaque));
  LATCHKEY_ASSIGN_OR_RETURN(const ProcessStats warm,
                            ReadProcessStats(stage->server().pid()));
  LATCHKEY_RETURN_IF_ERROR(MeasureRpc(bench, *stage, tokens, &jwt));
  LATCHKEY_RETURN_IF_ERROR(
      MeasureLocally(bench, *stage, account, tokens, &blind, &leased));
  LATCHKEY_RETURN_IF_ERROR(MeasureLogouts(
      bench, *stage, account, v1::CREDENTIAL_FORMAT_OPAQUE, nullptr, &opaque));
  LATCHKEY_RETURN_IF_ERROR(MeasureLogouts(
      bench, *stage, account, v1::CREDENTIAL_FORMAT_JWT, nullptr, &jwt));
  // A JWT is made over the same session record as an opaque credential.
  for (Way* way : {&opaque, &jwt, &blind, &leased}) {
    way->disk_bytes = static_cast<double>(disk) / static_cast<double>(live);
    // Nobody asks about what is checked locally: it is on disk alone.
    if (way->is_local) continue;
    way->memory_bytes =
        static_cast<double>(warm.resident_bytes - cold.resident_bytes) /
        static_cast<double>(sessions.size());
  }
  return Tell(bench, {std::move(opaque), std::move(jwt), std::move(blind),
                      std::move(leased)});
}

}  // namespace latchkey::bench
