#include "server/account/login_guard.h"

#include <algorithm>
#include <sodium.h>
#include <string>

#include "absl/strings/str_cat.h"

#include "server/base/error.h"
#include "server/base/random.h"

namespace latchkey {
namespace {

// A tally that only asks for turns stops doing so within a window after the
// attack; one that asks for waits is paid in full.
enum class Debt { kInFull, kAWindow };

TallyLimit LimitOf(const LoginGuard::Options& options, int burst, Debt debt) {
  TallyLimit limit;
  limit.burst = burst;
  limit.window_ms = absl::ToInt64Milliseconds(options.window);
  limit.max_delay_ms = absl::ToInt64Milliseconds(options.max_delay);
  if (debt == Debt::kAWindow) limit.most = 2.0 * burst;
  return limit;
}

// One that is switched off has nothing to remember.
size_t PlacesOf(const LoginGuard::Options& options, size_t places) {
  return options.enabled ? places : TallyTable::kWays;
}

// How long until the turn of a network that has its turns by `key`.
int64_t UntilTurn(uint64_t key, int64_t now_ms) {
  const int64_t phase = static_cast<int64_t>(key >> 32) % LoginGuard::kRoundMs;
  const int64_t place = (now_ms + phase) % LoginGuard::kRoundMs;
  return place < LoginGuard::kTurnMs ? 0 : LoginGuard::kRoundMs - place;
}

// Rounded up, to what people read and what tells little of a machine's clock;
// less than a turn, so that a turn is not missed by it.
absl::Duration RetryDelay(int64_t wait_ms) {
  const absl::Duration wait = absl::Milliseconds(wait_ms);
  return absl::Ceil(wait,
                    wait_ms < 1000 ? absl::Milliseconds(50) : absl::Seconds(1));
}

absl::Status Throttled(int64_t wait_ms) {
  return WithRetryDelay(
      MakeError(absl::StatusCode::kResourceExhausted, Reason::kLoginThrottled,
                "too many login attempts"),
      RetryDelay(wait_ms));
}

}  // namespace

LoginGuard::LoginGuard(const Options& options)
    : enabled_(options.enabled),
      hash_key_([] {
        static_assert(sizeof(HashKey) == crypto_shorthash_KEYBYTES);
        HashKey key;
        FillRandom(key.data(), key.size());
        return key;
      }()),
      global_limit_(LimitOf(options, options.global_burst, Debt::kAWindow)),
      pairs_(PlacesOf(options, options.pairs),
             LimitOf(options, options.burst, Debt::kInFull)),
      sources_(PlacesOf(options, options.sources),
               LimitOf(options, options.source_burst, Debt::kInFull)),
      accounts_(PlacesOf(options, options.accounts),
                LimitOf(options, options.account_burst, Debt::kAWindow)) {}

size_t LoginGuard::BytesFor(const Options& options) {
  return TallyTable::BytesFor(PlacesOf(options, options.pairs)) +
         TallyTable::BytesFor(PlacesOf(options, options.sources)) +
         TallyTable::BytesFor(PlacesOf(options, options.accounts));
}

uint64_t LoginGuard::Hash(Kind kind, absl::string_view account,
                          const SourceNetwork& source) const {
  // A network's bytes are of one length: no two inputs read alike.
  std::string text(1, static_cast<char>(kind));
  if (kind != Kind::kAccount) absl::StrAppend(&text, source.bytes());
  if (kind != Kind::kSource) absl::StrAppend(&text, account);
  uint64_t hash = 0;
  static_assert(sizeof(hash) == crypto_shorthash_BYTES);
  crypto_shorthash(reinterpret_cast<uint8_t*>(&hash),
                   reinterpret_cast<const uint8_t*>(text.data()), text.size(),
                   hash_key_.data());
  return std::max<uint64_t>(hash, 1);  // 0 is nobody
}

absl::StatusOr<LoginTicket> LoginGuard::Admit(absl::string_view account,
                                              const SourceNetwork& source,
                                              absl::Duration now) {
  if (!enabled_) return LoginTicket();
  LoginTicket ticket = {.pair = Hash(Kind::kPair, account, source),
                        .source = Hash(Kind::kSource, account, source),
                        .account = Hash(Kind::kAccount, account, source)};
  const int64_t now_ms = absl::ToInt64Milliseconds(now);
  MutexLock lock(&mutex_);
  const Wait wait = Decide(&ticket, source.is_local(), now_ms);
  if (wait.ms > 0) {
    ++(counts_.*wait.why);
    return Throttled(wait.ms);
  }
  ++counts_.admitted;
  pairs_.Take(ticket.pair, now_ms).Begin();
  sources_.Take(ticket.source, now_ms).Begin();
  accounts_.Take(ticket.account, now_ms).Begin();
  global_.Begin();
  return ticket;
}

LoginGuard::Wait LoginGuard::Decide(LoginTicket* ticket, bool local,
                                    int64_t now_ms) const {
  const Tally pair = pairs_.Peek(ticket->pair, now_ms);
  const Tally source = sources_.Peek(ticket->source, now_ms);
  const Tally account = accounts_.Peek(ticket->account, now_ms);
  const bool known = now_ms - source.succeeded_ms < kKnownForMs;
  const TallyLimit& account_limit = accounts_.limit();
  const bool account_full = !account.Fits(now_ms, account_limit, 1);
  const bool global_full = !known && !global_.Fits(now_ms, global_limit_, 1);
  // Nobody attacks by the socket of the data directory, but people may be many
  // behind it.
  const bool turns = !local && (account_full || global_full);
  if (turns) ticket->cost = static_cast<float>(pairs_.limit().burst);

  Wait wait = {pair.WaitMs(now_ms, pairs_.limit(), ticket->cost),
               &Counts::refused_pair};
  const int64_t source_ms =
      local ? 0 : source.WaitMs(now_ms, sources_.limit(), 1);
  if (source_ms > wait.ms) wait = {source_ms, &Counts::refused_source};
  if (!turns) return wait;
  // By the pair: a network's turns with one account say nothing of others.
  int64_t turn_ms = UntilTurn(ticket->pair, now_ms + wait.ms);
  const bool attacked =
      account.ScoreAt(now_ms, account_limit) + 1 > account_limit.burst ||
      global_.ScoreAt(now_ms, global_limit_) + 1 > global_limit_.burst;
  // Many at once, as when a service starts everywhere: soon it will be known
  // whether they succeed.
  if (!attacked) turn_ms = std::min(turn_ms, Tally::kSoonMs);
  if (turn_ms > 0) {
    wait = {wait.ms + turn_ms,
            account_full ? &Counts::refused_account : &Counts::refused_global};
  }
  return wait;
}

void LoginGuard::Settle(const LoginTicket& ticket, LoginOutcome outcome,
                        absl::Duration now) {
  if (ticket.pair == 0) return;
  const int64_t now_ms = absl::ToInt64Milliseconds(now);
  MutexLock lock(&mutex_);
  switch (outcome) {
    case LoginOutcome::kSucceeded:
      return NoteSuccess(ticket, now_ms);
    case LoginOutcome::kFailed:
      return NoteFailure(ticket, now_ms);
    case LoginOutcome::kUnknown:
      return GiveBack(ticket);
  }
}

void LoginGuard::NoteSuccess(const LoginTicket& ticket, int64_t now_ms) {
  ++counts_.succeeded;
  Tally& pair = pairs_.Take(ticket.pair, now_ms);
  Tally& source = sources_.Take(ticket.source, now_ms);
  // Once a window, or an attacker could pay for guesses with logins of his own.
  if (now_ms - pair.succeeded_ms >= global_limit_.window_ms) {
    source.Forgive(1);
    global_.Forgive(1);
  }
  pair.score = 0;
  pair.Succeed(now_ms);
  source.Succeed(now_ms);
  accounts_.Take(ticket.account, now_ms).Succeed(now_ms);
  global_.Succeed(now_ms);
}

void LoginGuard::NoteFailure(const LoginTicket& ticket, int64_t now_ms) {
  ++counts_.failed;
  pairs_.Take(ticket.pair, now_ms).Fail(now_ms, pairs_.limit(), ticket.cost);
  sources_.Take(ticket.source, now_ms).Fail(now_ms, sources_.limit(), 1);
  accounts_.Take(ticket.account, now_ms).Fail(now_ms, accounts_.limit(), 1);
  global_.Fail(now_ms, global_limit_, 1);
  counts_.global_score = global_.ScoreAt(now_ms, global_limit_);
}

void LoginGuard::GiveBack(const LoginTicket& ticket) {
  // A tally that went meanwhile is not made anew.
  if (Tally* pair = pairs_.Find(ticket.pair)) pair->GiveBack();
  if (Tally* source = sources_.Find(ticket.source)) source->GiveBack();
  if (Tally* account = accounts_.Find(ticket.account)) account->GiveBack();
  global_.GiveBack();
}

LoginGuard::Counts LoginGuard::counts() const {
  MutexLock lock(&mutex_);
  Counts counts = counts_;
  counts.evicted = pairs_.evicted() + sources_.evicted() + accounts_.evicted();
  return counts;
}

}  // namespace latchkey
