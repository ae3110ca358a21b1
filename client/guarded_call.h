#ifndef LATCHKEY_CLIENT_GUARDED_CALL_H_
#define LATCHKEY_CLIENT_GUARDED_CALL_H_

#include <atomic>

#include "client/guard_refusal.h"
#include "client/validator.h"

namespace latchkey {

// GuardedCall is how far one call of a guarded server has come:
//
//   kPending --Accept--> kAccepted --Ask--> kServed     may answer
//      |                     +--answers without asking--+
//      +--Refuse-------------------------------------> kRefused
//      +--Open---------------------------------------> kServed   (Public)
//
// It is judged, by one of Accept, Refuse and Open, before its handler begins;
// the rest is safe from any thread.
class GuardedCall {
 public:
  void Accept(Verdict who);
  void Refuse(GuardRefusal why);
  void Open();

  // who returns whom Accept was called with.
  const Verdict& who() const { return who_; }

  // Ask returns who calls, or null.
  Verdict Ask();

  // Answer tells whether what the handler sends may leave. If the handler did
  // not ask before, that is a refusal, told of once, and stays one.
  enum class Leave { kYes, kNo, kNoSinceNow };
  Leave Answer();

  bool IsAccepted() const;
  bool IsRefused() const;
  // refusal returns why. REQUIRES: IsRefused.
  GuardRefusal refusal() const;

 private:
  enum class State { kPending, kAccepted, kServed, kRefused };

  std::atomic<State> state_{State::kPending};
  std::atomic<GuardRefusal> refusal_{GuardRefusal::kNotAsked};
  Verdict who_;  // not written once it is judged
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_GUARDED_CALL_H_
