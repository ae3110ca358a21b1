#include "server/account/tally.h"

#include <algorithm>
#include <cmath>

namespace latchkey {
namespace {

constexpr int64_t kFirstDelayMs = 1000;
// Two to so many seconds is more than any delay that can be set.
constexpr int kMostDoublings = 20;

double ForgivenIn(int64_t elapsed_ms, const TallyLimit& limit) {
  return limit.burst * static_cast<double>(elapsed_ms) /
         static_cast<double>(limit.window_ms);
}

int64_t DelayMs(double excess, const TallyLimit& limit) {
  const int doublings =
      static_cast<int>(std::min<double>(std::ceil(excess), kMostDoublings)) - 1;
  return std::min(kFirstDelayMs << std::max(doublings, 0), limit.max_delay_ms);
}

}  // namespace

double Tally::ScoreAt(int64_t now_ms, const TallyLimit& limit) const {
  if (score <= 0) return 0;
  // Another thread may have read its clock a moment later, and come first.
  const int64_t elapsed_ms = std::max<int64_t>(now_ms - failed_ms, 0);
  return std::max(score - ForgivenIn(elapsed_ms, limit), 0.0);
}

bool Tally::Fits(int64_t now_ms, const TallyLimit& limit, double cost) const {
  const uint32_t doubtful = under_way - std::min(under_way, streak);
  const double at_risk = (static_cast<double>(doubtful) + 1) * cost;
  return ScoreAt(now_ms, limit) + at_risk <= limit.burst;
}

int64_t Tally::WaitMs(int64_t now_ms, const TallyLimit& limit,
                      double cost) const {
  if (Fits(now_ms, limit, cost)) return 0;
  if (under_way > 0) return kSoonMs;
  const double excess = ScoreAt(now_ms, limit) + cost - limit.burst;
  return std::max<int64_t>(failed_ms + DelayMs(excess, limit) - now_ms, 0);
}

void Tally::GiveBack() {
  if (under_way > 0) --under_way;
}

void Tally::Fail(int64_t now_ms, const TallyLimit& limit, double cost) {
  GiveBack();
  const double sum = ScoreAt(now_ms, limit) + cost;
  score = static_cast<float>(std::min(sum, limit.most));
  failed_ms = std::max(now_ms, failed_ms);
  streak = 0;
}

void Tally::Succeed(int64_t now_ms) {
  GiveBack();
  succeeded_ms = std::max(now_ms, succeeded_ms);
  streak = std::min(streak + 1, kMostStreak);
}

void Tally::Forgive(double failures) {
  score = static_cast<float>(std::max(score - failures, 0.0));
}

void Tally::Carry(double known, int64_t now_ms, const TallyLimit& limit) {
  if (known <= 0) return;
  failed_ms = now_ms - limit.max_delay_ms;
  score = static_cast<float>(known + ForgivenIn(limit.max_delay_ms, limit));
}

}  // namespace latchkey
