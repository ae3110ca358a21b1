// The old question, measured: a session that is asked about, a token that is
// asked about, or a token that is checked where it is.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"

#include "client/base/status_macros.h"
#include "client/verify/jwt_verifier.h"
#include "latchkey/v1/auth.grpc.pb.h"
#include "tools/bench/credential_set.h"
#include "tools/bench/interrupt.h"
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
constexpr std::chrono::seconds kCallPatience(30);

// Way is one way to check, and what it costs.
struct Way {
  std::string name;
  double wire_bytes = 0;
  double seconds = 0;  // one after the other
  double per_second = 0;
  double disk_bytes = 0;
  double memory_bytes = 0;
  double logout_seconds = 0;
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

// Measures checking the same tokens in process: the signature each time.
absl::Status MeasureLocal(const Bench& bench, const Stage& stage,
                          const CredentialSet& tokens, Way* way) {
  bench.progress.Step(absl::StrCat("session-vs-token: ", way->name));
  way->plot.name = absl::StrCat(way->name, " (one thread)");
  const absl::Time now = bench.clock.Now();
  const std::shared_ptr<const KeySet> keys = stage.mint().Keys(now);
  Expectations expect;
  expect.issuer = expect.audience.emplace(kIssuer);
  const absl::Time begin = absl::Now();
  uint64_t calls = 0;
  while (absl::Now() < begin + 2 * bench.options.block) {
    if (!VerifyJwt(tokens[calls++ % tokens.size()].credential, *keys, expect,
                   now)
             .ok()) {
      return absl::AbortedError("a good token was refused in process");
    }
  }
  way->seconds =
      absl::ToDoubleSeconds(absl::Now() - begin) / static_cast<double>(calls);
  way->per_second = 1 / way->seconds;
  for (const int width : kWidths) {
    way->plot.points.push_back({static_cast<double>(width), way->per_second});
  }
  return absl::OkStatus();
}

absl::Status FromCall(const char* name, const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat(name, ": ", status.error_message()));
}

// Logs in and out again, and returns the time from asking for the logout to
// having been told that the credential is not good any more.
absl::StatusOr<double> LogoutToRefusal(v1::AuthService::Stub& stub,
                                       const LoginAccount& account,
                                       v1::CredentialFormat format) {
  const auto patience = [](grpc::ClientContext* context) {
    context->set_deadline(std::chrono::system_clock::now() + kCallPatience);
    return context;
  };
  v1::LoginRequest login;
  login.set_account(account.account.name);
  login.set_password(account.proof);
  login.set_credential_format(format);
  v1::LoginResponse granted;
  grpc::ClientContext login_context, logout_context;
  LATCHKEY_RETURN_IF_ERROR(
      FromCall("Login", stub.Login(patience(&login_context), login, &granted)));
  v1::ValidateRequest validate;
  validate.set_credential(granted.credential());
  v1::ValidateResponse answer;
  grpc::ClientContext before_context;
  LATCHKEY_RETURN_IF_ERROR(FromCall(
      "Validate", stub.Validate(patience(&before_context), validate, &answer)));
  if (!answer.active()) {
    return absl::AbortedError(
        "wrong answer: not active right after Login had answered");
  }
  v1::LogoutRequest logout;
  logout.set_credential(granted.credential());
  v1::LogoutResponse ended;
  const absl::Time begin = absl::Now();
  LATCHKEY_RETURN_IF_ERROR(FromCall(
      "Logout", stub.Logout(patience(&logout_context), logout, &ended)));
  grpc::ClientContext after_context;
  LATCHKEY_RETURN_IF_ERROR(FromCall(
      "Validate", stub.Validate(patience(&after_context), validate, &answer)));
  if (answer.active()) {
    return absl::AbortedError("wrong answer: active after Logout had answered");
  }
  return absl::ToDoubleSeconds(absl::Now() - begin);
}

absl::Status MeasureLogouts(const Bench& bench, const Stage& stage,
                            const LoginAccount& account, Way* opaque,
                            Way* jwt) {
  bench.progress.Step("session-vs-token: logouts");
  const auto stub = v1::AuthService::NewStub(
      grpc::CreateChannel(absl::StrCat("127.0.0.1:", stage.server().port()),
                          grpc::InsecureChannelCredentials()));
  for (Way* way : {opaque, jwt}) {
    std::vector<double> times;
    for (int i = 0; i < kLogouts; ++i) {
      if (Interrupted()) return absl::CancelledError("interrupted");
      LATCHKEY_ASSIGN_OR_RETURN(
          const double seconds,
          LogoutToRefusal(*stub, account,
                          way == opaque ? v1::CREDENTIAL_FORMAT_OPAQUE
                                        : v1::CREDENTIAL_FORMAT_JWT));
      times.push_back(seconds);
    }
    way->logout_seconds = Median(times);
  }
  return absl::OkStatus();
}

std::string MarkdownOf(const std::vector<Way>& ways) {
  std::string text =
      "| | bytes on the wire per check | time per check | checks per second |"
      " stored per session | a logout takes effect |\n"
      "|---|---:|---:|---:|---:|---:|\n";
  for (const Way& way : ways) {
    const bool local = way.wire_bytes == 0;
    absl::StrAppend(&text, "| ", way.name, " | ",
                    local ? "0" : FormatFigure(way.wire_bytes, "B"), " | ",
                    FormatFigure(way.seconds, "s"), " | ",
                    FormatFigure(way.per_second, "1/s"),
                    local ? " per thread" : "", " | ",
                    FormatFigure(way.disk_bytes, "B"), " disk, ",
                    FormatFigure(way.memory_bytes, "B"), " memory | ",
                    local ? absl::StrCat("when the token expires: up to ",
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
  Way local = {.name = "JWT, checked locally"};
  LATCHKEY_ASSIGN_OR_RETURN(const ProcessStats cold,
                            ReadProcessStats(stage->server().pid()));
  LATCHKEY_RETURN_IF_ERROR(MeasureRpc(bench, *stage, sessions, &opaque));
  LATCHKEY_ASSIGN_OR_RETURN(const ProcessStats warm,
                            ReadProcessStats(stage->server().pid()));
  LATCHKEY_RETURN_IF_ERROR(MeasureRpc(bench, *stage, tokens, &jwt));
  LATCHKEY_RETURN_IF_ERROR(MeasureLocal(bench, *stage, tokens, &local));
  LATCHKEY_RETURN_IF_ERROR(
      MeasureLogouts(bench, *stage, account, &opaque, &jwt));
  local.logout_seconds = absl::ToDoubleSeconds(kJwtLife);
  // A JWT is made over the same session record as an opaque credential.
  for (Way* way : {&opaque, &jwt, &local}) {
    way->disk_bytes = static_cast<double>(disk) / static_cast<double>(live);
    way->memory_bytes =
        static_cast<double>(warm.resident_bytes - cold.resident_bytes) /
        static_cast<double>(sessions.size());
  }
  // Nobody asks the server about it, so it keeps it on disk alone.
  local.memory_bytes = 0;
  return Tell(bench, {std::move(opaque), std::move(jwt), std::move(local)});
}

}  // namespace latchkey::bench
