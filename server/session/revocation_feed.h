#ifndef LATCHKEY_SERVER_SESSION_REVOCATION_FEED_H_
#define LATCHKEY_SERVER_SESSION_REVOCATION_FEED_H_

#include <cstdint>
#include <functional>
#include <utility>

#include "absl/types/span.h"

#include "server/session/commit_listener.h"
#include "server/session/lease_table.h"
#include "server/session/revocation_archive.h"
#include "server/session/revocation_log.h"

namespace latchkey {

// RevocationFeed tells those who follow revocations what became durable, in
// the one order that is right: the log can be read before the lease table
// counts on it, and streams are woken when both know.
class RevocationFeed final : public CommitListener {
 public:
  // `wake` lets every stream ask what it has to write; it must not block, for
  // it runs on the committer's thread. `log` and `leases` must outlive this.
  RevocationFeed(RevocationLog& log, LeaseTable& leases,
                 std::function<void()> wake)
      : log_(log), leases_(leases), wake_(std::move(wake)) {}

  void Committed(uint64_t through,
                 absl::Span<const RevocationsAt> changes) override {
    log_.Publish(through, changes);
    leases_.Committed(through, !changes.empty());
    // What revoked nothing goes out with the next heartbeat's answer.
    if (!changes.empty()) wake_();
  }

 private:
  RevocationLog& log_;
  LeaseTable& leases_;
  const std::function<void()> wake_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SESSION_REVOCATION_FEED_H_
