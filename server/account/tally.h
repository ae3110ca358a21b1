#ifndef LATCHKEY_SERVER_ACCOUNT_TALLY_H_
#define LATCHKEY_SERVER_ACCOUNT_TALLY_H_

#include <cstdint>
#include <limits>

namespace latchkey {

// TallyLimit is what failures of one kind are held to. Times are milliseconds.
struct TallyLimit {
  double burst = 0;       // so many failures without a wait,
  int64_t window_ms = 0;  // all of which are forgiven in this time, one by one
  int64_t max_delay_ms = 0;
  // The score does not grow beyond it.
  double most = std::numeric_limits<float>::max();
};

// Tally counts the failures of one account, one source, or both, and the tries
// that are under way. Failures are forgiven at an even pace, `burst` in each
// window. What is above the burst must wait after each failure, twice as long
// for each: 1 s, 2 s, 4 s, up to max_delay.
//
//   score  7 |         /\        burst 5, and a try as soon as it is let in
//          6 |      /\/  \__
//          5 |--/\-/--------\___---  above: one at a time, with waits
//          0 |_/____________________
//
// So in the long run nobody has more failures than `burst` in a window, and
// never is a try later than max_delay after the last failure.
//
// Plain data, 40 bytes. All times are milliseconds of the boot clock.
struct Tally {
  // Long before boot, and far from an overflow.
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::min() / 4;
  // How soon to ask again when it only has to be known how tries under way end.
  static constexpr int64_t kSoonMs = 250;
  // Successes in a row that are remembered: how many more may be under way.
  static constexpr uint32_t kMostStreak = 1024;

  uint64_t key = 0;               // 0: not in use
  int64_t failed_ms = kNever;     // the last failure
  int64_t succeeded_ms = kNever;  // the last success
  float score = 0;                // as of failed_ms
  uint32_t under_way = 0;         // let in, and not yet known how they end
  uint32_t streak = 0;            // successes since the last failure

  // ScoreAt returns the failures that are not yet forgiven.
  double ScoreAt(int64_t now_ms, const TallyLimit& limit) const;

  // Fits tells whether one more failure of `cost` would be within the burst,
  // even if what is under way fails. As many of that are not counted as there
  // were successes in a row: who has proved the right to come in may come in
  // many times at once.
  bool Fits(int64_t now_ms, const TallyLimit& limit, double cost) const;

  // WaitMs returns how long a try must wait that may cost so much; 0: not.
  int64_t WaitMs(int64_t now_ms, const TallyLimit& limit, double cost) const;

  void Begin() { ++under_way; }
  // One of the three ends what Begin began.
  void GiveBack();
  void Fail(int64_t now_ms, const TallyLimit& limit, double cost);
  void Succeed(int64_t now_ms);

  // Forgive takes `failures` off the score.
  void Forgive(double failures);

  // Carry makes this the tally of somebody of whom it is only known that the
  // score is at most `known`: it counts, but asks for no wait yet.
  void Carry(double known, int64_t now_ms, const TallyLimit& limit);
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_ACCOUNT_TALLY_H_
