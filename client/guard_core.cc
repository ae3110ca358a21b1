#include "client/guard_core.h"

#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace latchkey {
namespace {

// Waiting lets one thread wait for another's answer.
class Waiting {
 public:
  void End() {
    MutexLock lock(&mutex_);
    ended_ = true;
    changed_.NotifyAll();
  }
  void Wait() {
    MutexLock lock(&mutex_);
    while (!ended_) changed_.Wait(&mutex_);
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace

GuardCore::GuardCore(Validator& validator, ServerGuardOptions options,
                     MethodRules rules, const Clock& clock)
    : validator_(validator),
      options_(std::move(options)),
      rules_(std::move(rules)),
      clock_(clock),
      watch_(validator, clock, options_.check_timeout,
             options_.recheck_interval) {}

GuardCore::~GuardCore() = default;

void GuardCore::Close() {
  gate_.Close();
  watch_.Stop();
}

void GuardCore::Judge(const Incoming& incoming, bool may_delay,
                      std::function<void()> judged) {
  const MethodRule* rule = rules_.Find(incoming.method);
  if (rule == nullptr) {
    Refuse(incoming, GuardRefusal::kNoRule);
    return judged();
  }
  if (rule->access == MethodRule::Access::kPublic) {
    public_calls_.fetch_add(1, std::memory_order_relaxed);
    incoming.call->Open();
    return judged();
  }
  const auto proof = ReadCallerProof(incoming.metadata);
  if (const auto* why = std::get_if<GuardRefusal>(&proof)) {
    Refuse(incoming, *why);
    return judged();
  }
  Ask(incoming, *rule, std::get<CallerProof>(proof), may_delay,
      std::move(judged));
}

void GuardCore::Ask(const Incoming& incoming, const MethodRule& rule,
                    const CallerProof& proof, bool may_delay,
                    std::function<void()> judged) {
  const CheckOptions options = {
      .audience = rule.audience.value_or(options_.audience),
      .max_auth_age = rule.max_auth_age,
      .at_least_as_fresh = std::string(proof.revision),
      .passive = rule.passive};
  // The call, and with it whoever else holds this, may be over when Check
  // returns; and an answer may come when the guard is closed.
  const auto self = shared_from_this();
  const auto waiting = may_delay ? nullptr : std::make_shared<Waiting>();
  std::optional<Verdict> known;
  {
    const UseGate::Use use(gate_);
    if (!use.ok()) {
      known = nullptr;
      Refuse(incoming, GuardRefusal::kUnavailable);
    } else if (known = validator_.CheckNow(proof.credential, options); known) {
      Decide(incoming, rule, *known);
    } else {
      validator_.Check(proof.credential, options,
                       clock_.Now() + options_.check_timeout,
                       [self, incoming, &rule, waiting,
                        judged](const absl::StatusOr<Verdict>& verdict) {
                         self->Decide(incoming, rule, verdict);
                         waiting != nullptr ? waiting->End() : judged();
                       });
    }
  }
  // Not within the use: all of a synchronous handler may run here.
  if (!known && waiting == nullptr) return;
  if (!known) waiting->Wait();
  judged();
}

void GuardCore::Decide(const Incoming& incoming, const MethodRule& rule,
                       const absl::StatusOr<Verdict>& verdict) {
  if (!verdict.ok()) return Refuse(incoming, RefusalFor(verdict.status()));
  if (*verdict == nullptr) {
    return Refuse(incoming, GuardRefusal::kCredentialRefused);
  }
  if (!HasRoles(**verdict, rule.roles)) {
    return Refuse(incoming, GuardRefusal::kMissingRole);
  }
  admitted_.fetch_add(1, std::memory_order_relaxed);
  incoming.call->Accept(*verdict);
}

void GuardCore::Refuse(const Incoming& incoming, GuardRefusal why) {
  incoming.call->Refuse(why);
  Count(incoming.method, why);
}

void GuardCore::Count(absl::string_view method, GuardRefusal why) {
  refused_[static_cast<size_t>(why)].fetch_add(1, std::memory_order_relaxed);
  const UseGate::Use use(gate_);
  if (use.ok() && options_.on_refusal) options_.on_refusal(method, why);
}

std::shared_ptr<WatchedStream> GuardCore::Watch(
    const Incoming& incoming, std::function<void(StreamEnd)> end) {
  const auto proof = ReadCallerProof(incoming.metadata);
  const MethodRule* rule = rules_.Find(incoming.method);
  auto count_and_end = [self = shared_from_this(),
                        end = std::move(end)](StreamEnd why) {
    (why == StreamEnd::kTakenBack ? self->streams_ended_
                                  : self->streams_unsure_)
        .fetch_add(1, std::memory_order_relaxed);
    end(why);
  };
  auto stream = std::make_shared<WatchedStream>(
      incoming.call->who(), std::get<CallerProof>(proof).credential,
      rule->audience.value_or(options_.audience), std::move(count_and_end));
  const UseGate::Use use(gate_);
  if (use.ok()) {
    watch_.Add(stream);
  } else {
    stream->End(StreamEnd::kUnsure);
  }
  return stream;
}

void GuardCore::Unwatch(const std::shared_ptr<WatchedStream>& stream) {
  watch_.Remove(stream);
}

void GuardCore::Remember(const grpc::ServerContextBase* context,
                         std::shared_ptr<GuardedCall> call) {
  Shard& shard = ShardOf(context);
  MutexLock lock(&shard.mutex);
  // A context at the same address is of a call that is over.
  shard.calls.insert_or_assign(context, std::move(call));
}

void GuardCore::Forget(const grpc::ServerContextBase* context,
                       const GuardedCall* call) {
  Shard& shard = ShardOf(context);
  MutexLock lock(&shard.mutex);
  const auto found = shard.calls.find(context);
  if (found != shard.calls.end() && found->second.get() == call) {
    shard.calls.erase(found);
  }
}

std::shared_ptr<GuardedCall> GuardCore::Find(
    const grpc::ServerContextBase* context) const {
  const Shard& shard = ShardOf(context);
  MutexLock lock(&shard.mutex);
  const auto found = shard.calls.find(context);
  return found == shard.calls.end() ? nullptr : found->second;
}

GuardCore::Shard& GuardCore::ShardOf(
    const grpc::ServerContextBase* context) const {
  // The lowest bits of addresses from the heap are all alike.
  return shards_[(reinterpret_cast<uintptr_t>(context) >> 8) % kShards];
}

GuardFigures GuardCore::figures() const {
  GuardFigures figures;
  figures.admitted = admitted_.load(std::memory_order_relaxed);
  figures.public_calls = public_calls_.load(std::memory_order_relaxed);
  for (size_t i = 0; i < kGuardRefusals; ++i) {
    figures.refused[i] = refused_[i].load(std::memory_order_relaxed);
  }
  figures.streams_open = watch_.open();
  figures.streams_ended = streams_ended_.load(std::memory_order_relaxed);
  figures.streams_unsure = streams_unsure_.load(std::memory_order_relaxed);
  return figures;
}

}  // namespace latchkey
