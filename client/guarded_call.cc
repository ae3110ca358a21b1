#include "client/guarded_call.h"

#include <utility>

namespace latchkey {

void GuardedCall::Accept(Verdict who) {
  who_ = std::move(who);
  state_.store(State::kAccepted);
}

void GuardedCall::Refuse(GuardRefusal why) {
  refusal_.store(why);
  state_.store(State::kRefused);
}

void GuardedCall::Open() { state_.store(State::kServed); }

Verdict GuardedCall::Ask() {
  State seen = State::kAccepted;
  if (state_.compare_exchange_strong(seen, State::kServed) ||
      seen == State::kServed) {
    return who_;
  }
  return nullptr;
}

GuardedCall::Leave GuardedCall::Answer() {
  State seen = State::kAccepted;
  if (state_.compare_exchange_strong(seen, State::kRefused)) {
    return Leave::kNoSinceNow;
  }
  // What is not judged yet has no handler that could send anything.
  return seen == State::kServed ? Leave::kYes : Leave::kNo;
}

bool GuardedCall::IsAccepted() const {
  return state_.load() == State::kAccepted;
}

bool GuardedCall::IsRefused() const { return state_.load() == State::kRefused; }

GuardRefusal GuardedCall::refusal() const { return refusal_.load(); }

}  // namespace latchkey
