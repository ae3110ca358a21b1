#include "server/account/tally_table.h"

#include <algorithm>
#include <tuple>

namespace latchkey {

TallyTable::TallyTable(size_t places, const TallyLimit& limit)
    : limit_(limit), tallies_(places), floors_(places / kWays) {}

size_t TallyTable::BytesFor(size_t places) {
  return places * sizeof(Tally) + places / kWays * sizeof(Floor);
}

size_t TallyTable::SetOf(uint64_t key) const {
  return key & (floors_.size() - 1);
}

double TallyTable::FloorAt(const Floor& floor, int64_t now_ms) const {
  return Tally{.failed_ms = floor.time_ms, .score = floor.score}.ScoreAt(
      now_ms, limit_);
}

Tally TallyTable::Fresh(uint64_t key, int64_t now_ms) const {
  Tally fresh = {.key = key};
  fresh.Carry(FloorAt(floors_[SetOf(key)], now_ms), now_ms, limit_);
  return fresh;
}

Tally TallyTable::Peek(uint64_t key, int64_t now_ms) const {
  const auto first = tallies_.begin() + SetOf(key) * kWays;
  const auto found = std::find_if(
      first, first + kWays, [key](const Tally& t) { return t.key == key; });
  return found != first + kWays ? *found : Fresh(key, now_ms);
}

Tally* TallyTable::Find(uint64_t key) {
  Tally* const first = &tallies_[SetOf(key) * kWays];
  Tally* const found = std::find_if(
      first, first + kWays, [key](const Tally& t) { return t.key == key; });
  return found != first + kWays ? found : nullptr;
}

Tally& TallyTable::Take(uint64_t key, int64_t now_ms) {
  Tally* const found = Find(key);
  if (found != nullptr) return *found;
  const Tally fresh = Fresh(key, now_ms);
  Tally& place = LeastToLose(SetOf(key), now_ms);
  Remember(place, &floors_[SetOf(key)], now_ms);
  return place = fresh;
}

Tally& TallyTable::LeastToLose(size_t set, int64_t now_ms) {
  const auto worth = [&](const Tally& tally) {
    return std::make_tuple(tally.key != 0, tally.under_way > 0,
                           tally.ScoreAt(now_ms, limit_),
                           tally.succeeded_ms != Tally::kNever,
                           std::max(tally.failed_ms, tally.succeeded_ms));
  };
  const auto first = tallies_.begin() + set * kWays;
  return *std::min_element(
      first, first + kWays,
      [&](const Tally& a, const Tally& b) { return worth(a) < worth(b); });
}

void TallyTable::Remember(const Tally& gone, Floor* floor, int64_t now_ms) {
  const double score = gone.ScoreAt(now_ms, limit_);
  if (score <= 0) return;
  ++evicted_;
  const double known =
      std::max(FloorAt(*floor, now_ms), std::min(score, limit_.burst));
  *floor = {.score = static_cast<float>(known), .time_ms = now_ms};
}

}  // namespace latchkey
