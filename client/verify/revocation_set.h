#ifndef LATCHKEY_CLIENT_VERIFY_REVOCATION_SET_H_
#define LATCHKEY_CLIENT_VERIFY_REVOCATION_SET_H_

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "client/base/ids.h"
#include "client/base/reader_gate.h"
#include "client/verify/revocation.h"
#include "client/verify/revoked_ids.h"

namespace latchkey {

// RevocationSet is what a verifier knows to be revoked.
//
// What was added is seen by every Refuses that begins afterwards, and stays
// until its drop_time: never only until what it stops has expired by this
// machine's clock. Adding what is known changes nothing, so that entries may
// come twice, and in any order.
//
// One thread adds and sweeps; any number ask, without a lock, in time that
// does not grow with what is known.
class RevocationSet {
 public:
  struct Options {
    // Sessions and accounts that are kept at most, at up to 64 bytes each;
    // more than that and Add refuses, so that no server can fill the memory.
    size_t max_entries = 4'000'000;
  };
  // Keys and epochs are few; each check looks through them.
  static constexpr size_t kMaxKeys = 64;
  static constexpr size_t kMaxEpochs = 64;

  // `gate` must outlive it.
  RevocationSet(const Options& options, ReaderGate& gate);
  ~RevocationSet();
  RevocationSet(const RevocationSet&) = delete;
  RevocationSet& operator=(const RevocationSet&) = delete;

  // Refuses tells whether a credential of these facts has been revoked.
  // REQUIRES: within a visit of the gate.
  bool Refuses(const RevocableFacts& facts) const;

  // Add takes `revocation` up. `now` is as of Sweep.
  //   kResourceExhausted  there is no room: it was not added, and nobody may
  //                       accept by this set any more
  //   kInvalidArgument    of a kind that is not known, or too long: likewise
  [[nodiscard]] absl::Status Add(const Revocation& revocation, absl::Time now);

  // Sweep frees a part of what may be dropped at `now`, a point in time that
  // no later check is judged before; kSweeps calls go over everything. It
  // changes no answer about what has not expired.
  void Sweep(absl::Time now);
  static constexpr size_t kSweeps = RevokedIds::kShards;

  // size returns how many entries there are; Bytes what they take.
  size_t size() const;
  size_t Bytes() const;

 private:
  struct Named {
    std::string name;  // a kid, or an epoch's bytes
    absl::Time drop_time;
  };
  // A short list, made anew for each change.
  class NamedList {
   public:
    explicit NamedList(ReaderGate& gate) : gate_(gate) {}
    ~NamedList() { delete list_.load(std::memory_order_acquire); }

    bool Has(absl::string_view name) const;
    [[nodiscard]] absl::Status Add(absl::string_view name, absl::Time drop_time,
                                   size_t limit, absl::Time now);
    void Sweep(absl::Time now);
    size_t size() const;
    size_t Bytes() const;

   private:
    using List = std::vector<Named>;
    // What of the list is kept at `now`.
    std::unique_ptr<List> Kept(absl::Time now) const;
    void Replace(std::unique_ptr<List> list);

    ReaderGate& gate_;
    std::atomic<const List*> list_{nullptr};  // null: empty
  };

  const Options options_;
  RevokedIds sessions_;
  RevokedIds accounts_;
  NamedList keys_;
  NamedList epochs_;
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_VERIFY_REVOCATION_SET_H_
