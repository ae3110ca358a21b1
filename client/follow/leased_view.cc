#include "client/follow/leased_view.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "client/base/status_macros.h"

namespace latchkey {
namespace {

// A boot clock never shows less than zero: no lease.
constexpr int64_t kNoLease = -1;
// As unknown: every wall clock is later.
constexpr int64_t kUnknown = std::numeric_limits<int64_t>::min();

// The end of the year 9999, as of a token's times.
constexpr int64_t kLatestMicros = 253402300799ll * 1000000;

}  // namespace

// All of one epoch.
struct LeasedView::State {
  State(const RevocationSet::Options& options, ReaderGate& gate)
      : set(options, gate) {}
  ~State() { delete keys.load(std::memory_order_acquire); }

  std::optional<Epoch> epoch;
  std::atomic<int64_t> lease_end_nanos{kNoLease};  // of the boot clock
  std::atomic<uint64_t> applied{0};
  // The server's wall clock less this machine's boot clock, by the newest
  // lease; microseconds.
  std::atomic<int64_t> server_ahead_micros{kUnknown};
  // The latest that its wall clock ever showed. It may show less after a
  // restart; but what was dropped by this must stay expired.
  std::atomic<int64_t> latest_micros{kUnknown};
  // Never null; what it points to may hold none.
  std::atomic<const std::shared_ptr<const KeySet>*> keys{
      new std::shared_ptr<const KeySet>()};
  RevocationSet set;
};

LeasedView::Look::Look(const LeasedView& view)
    : view_(view),
      visit_(view.gate_),
      state_(*view.state_.load(std::memory_order_acquire)),
      lease_end_nanos_(state_.lease_end_nanos.load(std::memory_order_acquire)) {
}

bool LeasedView::Look::Refuses(const RevocableFacts& facts) const {
  return state_.epoch != facts.epoch || state_.set.Refuses(facts);
}

const std::shared_ptr<const KeySet>& LeasedView::Look::keys() const {
  return *state_.keys.load(std::memory_order_acquire);
}

const std::optional<Epoch>& LeasedView::Look::epoch() const {
  return state_.epoch;
}

uint64_t LeasedView::Look::applied() const {
  return state_.applied.load(std::memory_order_acquire);
}

LeasedView::Look::Reading LeasedView::Look::ReadClocks() const {
  int64_t now = absl::ToUnixMicros(view_.clock_.Now());
  now = std::max(now, state_.latest_micros.load(std::memory_order_acquire));
  const int64_t ahead =
      state_.server_ahead_micros.load(std::memory_order_acquire);
  const int64_t boot_nanos = absl::ToInt64Nanoseconds(view_.clock_.SinceBoot());
  if (ahead != kUnknown) now = std::max(now, ahead + boot_nanos / 1000);
  return {.leased = boot_nanos < lease_end_nanos_,
          .now = absl::FromUnixMicros(now),
          .since_boot = absl::Nanoseconds(boot_nanos)};
}

LeasedView::LeasedView(const Clock& clock,
                       const RevocationSet::Options& options)
    : clock_(clock), options_(options), state_(new State(options, gate_)) {}

LeasedView::~LeasedView() { delete state_.load(std::memory_order_acquire); }

void LeasedView::Restart(const Epoch& epoch) {
  State* const old = state_.load(std::memory_order_relaxed);
  auto fresh = std::make_unique<State>(options_, gate_);
  fresh->epoch = epoch;
  state_.store(fresh.release(), std::memory_order_release);
  // No look that begins from now on finds it; those that have begun must not
  // rely on what is no longer added to.
  gate_.Retire(std::shared_ptr<const State>(old));
}

absl::Status LeasedView::Add(absl::Span<const Revocation> revocations) {
  State& state = *state_.load(std::memory_order_relaxed);
  const int64_t latest = state.latest_micros.load(std::memory_order_relaxed);
  const absl::Time now =
      latest == kUnknown ? absl::InfinitePast() : absl::FromUnixMicros(latest);
  for (const Revocation& revocation : revocations) {
    LATCHKEY_RETURN_IF_ERROR(state.set.Add(revocation, now));
  }
  return absl::OkStatus();
}

void LeasedView::NoteApplied(uint64_t revision) {
  State& state = *state_.load(std::memory_order_relaxed);
  // What was added stays known, also if all is read anew.
  if (revision > state.applied.load(std::memory_order_relaxed)) {
    state.applied.store(revision, std::memory_order_release);
  }
}

void LeasedView::SetKeys(std::shared_ptr<const KeySet> keys) {
  State& state = *state_.load(std::memory_order_relaxed);
  using Holder = const std::shared_ptr<const KeySet>;
  Holder* const old = state.keys.exchange(new Holder(std::move(keys)),
                                          std::memory_order_acq_rel);
  gate_.Retire(std::shared_ptr<Holder>(old));
}

void LeasedView::Renew(absl::Duration end) {
  State& state = *state_.load(std::memory_order_relaxed);
  const int64_t nanos = absl::ToInt64Nanoseconds(end);
  if (nanos > state.lease_end_nanos.load(std::memory_order_relaxed)) {
    state.lease_end_nanos.store(nanos, std::memory_order_release);
  }
}

void LeasedView::EndLease() {
  state_.load(std::memory_order_relaxed)
      ->lease_end_nanos.store(kNoLease, std::memory_order_release);
}

void LeasedView::NoteServerTime(absl::Time server_time) {
  State& state = *state_.load(std::memory_order_relaxed);
  const int64_t micros =
      std::clamp(absl::ToUnixMicros(server_time), int64_t{0}, kLatestMicros);
  const int64_t boot = absl::ToInt64Microseconds(clock_.SinceBoot());
  if (micros > state.latest_micros.load(std::memory_order_relaxed)) {
    state.latest_micros.store(micros, std::memory_order_release);
  }
  state.server_ahead_micros.store(micros - boot, std::memory_order_release);
  state.set.Sweep(absl::FromUnixMicros(
      state.latest_micros.load(std::memory_order_relaxed)));
  gate_.Collect();
}

void LeasedView::Retire(std::shared_ptr<const void> object) {
  gate_.Retire(std::move(object));
}

void LeasedView::Collect() { gate_.Collect(); }

std::optional<Epoch> LeasedView::epoch() const {
  return state_.load(std::memory_order_relaxed)->epoch;
}

absl::Duration LeasedView::lease_end() const {
  const ReaderGate::Visit visit(gate_);
  return absl::Nanoseconds(
      state_.load(std::memory_order_acquire)
          ->lease_end_nanos.load(std::memory_order_acquire));
}

size_t LeasedView::size() const {
  return state_.load(std::memory_order_relaxed)->set.size();
}

size_t LeasedView::Bytes() const {
  return state_.load(std::memory_order_relaxed)->set.Bytes();
}

}  // namespace latchkey
