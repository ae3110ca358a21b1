#ifndef LATCHKEY_CLIENT_GUARD_CORE_H_
#define LATCHKEY_CLIENT_GUARD_CORE_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "grpcpp/server_context.h"

#include "client/base/clock.h"
#include "client/base/mutex.h"
#include "client/caller_proof.h"
#include "client/guarded_call.h"
#include "client/method_rule.h"
#include "client/server_guard.h"
#include "client/stream_watch.h"
#include "client/use_gate.h"
#include "client/validator.h"

namespace latchkey {

// GuardCore is what a ServerGuard and the interceptors of its servers share:
// it judges calls, and knows those that are open. It lives until the last of
// them is gone; Close ends what it does with things of others.
//
// Safe from any thread.
class GuardCore : public std::enable_shared_from_this<GuardCore> {
 public:
  GuardCore(Validator& validator, ServerGuardOptions options, MethodRules rules,
            const Clock& clock);
  ~GuardCore();

  // Close returns when validator, clock and on_refusal are used no more.
  // Streams are ended, and every call from now on is refused.
  void Close();

  // One call, as it comes in. `method` and `metadata` outlive the judgement.
  struct Incoming {
    absl::string_view method;
    const CallMetadata& metadata;
    std::shared_ptr<GuardedCall> call;
  };
  // Judge accepts, opens or refuses the call and calls `judged` then: before it
  // returns, or, if `may_delay`, perhaps later from another thread.
  void Judge(const Incoming& incoming, bool may_delay,
             std::function<void()> judged);

  // Watch has `end` called, at most once, when the session of the accepted
  // stream has ended: perhaps before it returns. Until Unwatch.
  std::shared_ptr<WatchedStream> Watch(const Incoming& incoming,
                                       std::function<void(StreamEnd)> end);
  void Unwatch(const std::shared_ptr<WatchedStream>& stream);

  // By the context of the call, which is not touched.
  void Remember(const grpc::ServerContextBase* context,
                std::shared_ptr<GuardedCall> call);
  void Forget(const grpc::ServerContextBase* context, const GuardedCall* call);
  std::shared_ptr<GuardedCall> Find(
      const grpc::ServerContextBase* context) const;

  // Count counts a refusal and tells of it.
  void Count(absl::string_view method, GuardRefusal why);
  GuardFigures figures() const;

 private:
  // So many that threads seldom meet in one.
  static constexpr size_t kShards = 16;
  struct alignas(64) Shard {
    mutable Mutex mutex;
    absl::flat_hash_map<const grpc::ServerContextBase*,
                        std::shared_ptr<GuardedCall>>
        calls ABSL_GUARDED_BY(mutex);
  };

  void Refuse(const Incoming& incoming, GuardRefusal why);
  void Decide(const Incoming& incoming, const MethodRule& rule,
              const absl::StatusOr<Verdict>& verdict);
  void Ask(const Incoming& incoming, const MethodRule& rule,
           const CallerProof& proof, bool may_delay,
           std::function<void()> judged);
  Shard& ShardOf(const grpc::ServerContextBase* context) const;

  Validator& validator_;
  const ServerGuardOptions options_;
  const MethodRules rules_;
  const Clock& clock_;
  mutable UseGate gate_;
  mutable std::array<Shard, kShards> shards_;

  std::atomic<uint64_t> admitted_{0};
  std::atomic<uint64_t> public_calls_{0};
  std::array<std::atomic<uint64_t>, kGuardRefusals> refused_ = {};
  std::atomic<uint64_t> streams_ended_{0};
  std::atomic<uint64_t> streams_unsure_{0};

  StreamWatch watch_;
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_GUARD_CORE_H_
