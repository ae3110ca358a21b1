#include "tools/bench/local_checks.h"

#include <atomic>
#include <thread>
#include <utility>

#include "absl/time/clock.h"

#include "client/base/status_macros.h"
#include "tools/bench/grpc_calls.h"

namespace latchkey::bench {
namespace {

// Longer than any part takes.
constexpr absl::Duration kTokenLife = absl::Hours(1);
constexpr int kCallsPerLook = 64;

}  // namespace

absl::StatusOr<std::unique_ptr<OfflineValidator>> StartValidator(
    const Stage& stage) {
  LATCHKEY_ASSIGN_OR_RETURN(
      auto validator,
      OfflineValidator::Create({NewChannel(stage.server())},
                               {.issuer = kIssuer, .ask = AskPolicy::kNever}));
  validator->Start();
  if (!validator->WaitUntilReady(absl::Now() + kCallPatience)) {
    return absl::UnavailableError("a verifier gets no lease");
  }
  return validator;
}

absl::StatusOr<std::vector<std::string>> MintTokens(const Bench& bench,
                                                    const Stage& stage,
                                                    size_t count) {
  std::vector<std::string> tokens;
  for (uint64_t k = 0; k < count; ++k) {
    const uint64_t i = k * Population::kJwtEvery + (Population::kJwtEvery - 1);
    LATCHKEY_ASSIGN_OR_RETURN(
        std::string token,
        stage.mint().Mint(stage.population().SessionOf(i).session, kTokenLife,
                          bench.clock.Now()));
    tokens.push_back(std::move(token));
  }
  return tokens;
}

absl::StatusOr<double> RatePerSecond(
    const std::vector<std::string>& tokens, int threads,
    absl::Duration duration, absl::FunctionRef<bool(const std::string&)> work) {
  std::atomic<uint64_t> calls{0};
  std::atomic<bool> is_wrong{false};
  const absl::Time begin = absl::Now();
  const auto run = [&](size_t at) {
    uint64_t mine = 0;
    while (absl::Now() < begin + duration && !is_wrong) {
      for (int i = 0; i < kCallsPerLook; ++i) {
        if (!work(tokens[at])) is_wrong = true;
        if (++at == tokens.size()) at = 0;
      }
      mine += kCallsPerLook;
    }
    calls += mine;
  };
  std::vector<std::thread> others;
  for (int i = 1; i < threads; ++i) {
    others.emplace_back(run, i * tokens.size() / threads);
  }
  run(0);
  for (std::thread& other : others) other.join();
  if (is_wrong)
    return absl::AbortedError("a good token was refused in process");
  return static_cast<double>(calls) /
         absl::ToDoubleSeconds(absl::Now() - begin);
}

bool IsAccepted(OfflineValidator& validator, const std::string& token) {
  bool is_named = false;
  const auto found =
      validator.CheckLocal(token, {}, [&](const Principal& principal) {
        is_named = !principal.account.empty();
      });
  return found == true && is_named;
}

}  // namespace latchkey::bench
