#ifndef LATCHKEY_TOOLS_BENCH_VALIDATE_WORKLOAD_H_
#define LATCHKEY_TOOLS_BENCH_VALIDATE_WORKLOAD_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "client/base/clock.h"
#include "tools/bench/credential_set.h"
#include "tools/bench/load.h"

namespace latchkey::bench {

// PingWorkload is the empty call that Validate is compared with.
class PingWorkload final : public Workload {
 public:
  PingWorkload();
  Request Next() override;
  Verdict Judge(uint64_t token, int grpc_status,
                absl::string_view message) override;
  std::string Explain(uint64_t token, int grpc_status,
                      absl::string_view message) override;

 private:
  const std::string body_;
};

// In which order a set is gone through. Orders are drawn once and repeated:
// drawing costs the load generator more than it may take.
using Order = std::vector<uint32_t>;
Order InTurn(size_t size);
Order Uniform(size_t size, uint64_t seed);
// A few are asked about most often: Zipf with exponent 0.99, ranks scattered
// over the set.
Order Skewed(size_t size, uint64_t seed);

// ValidateWorkload asks Validate about the credentials of a set.
class ValidateWorkload : public Workload {
 public:
  // `set` must outlive the workload.
  ValidateWorkload(const CredentialSet& set, Order order);

  Request Next() override;
  Verdict Judge(uint64_t token, int grpc_status,
                absl::string_view message) override;
  std::string Explain(uint64_t token, int grpc_status,
                      absl::string_view message) override;

 private:
  void FetchAhead() const;

  const CredentialSet& set_;
  const Order order_;
  size_t next_ = 0;
};

// BatchWorkload asks BatchValidate about `batch` credentials at a time.
class BatchWorkload final : public Workload {
 public:
  // `set` must outlive the workload, and have at least `batch` entries.
  BatchWorkload(const CredentialSet& set, size_t batch);

  Request Next() override;
  Verdict Judge(uint64_t token, int grpc_status,
                absl::string_view message) override;
  std::string Explain(uint64_t token, int grpc_status,
                      absl::string_view message) override;

 private:
  struct Batch {
    std::string body;
    std::vector<const Answer*> answers;
  };
  std::vector<Batch> batches_;
  size_t next_ = 0;
};

// ExpiringWorkload asks about sessions that expire while it runs: each answer
// is judged by when it was asked for and when it came. Within `tolerance` of
// the instant either answer may be right, since the question may have reached
// the server on either side of it.
class ExpiringWorkload final : public Workload {
 public:
  // `set` and `expire_times` go together, entry by entry; both and `clock`
  // must outlive the workload.
  ExpiringWorkload(const CredentialSet& set,
                   const std::vector<absl::Time>& expire_times,
                   absl::Duration tolerance, Order order, const Clock& clock);

  Request Next() override;
  Verdict Judge(uint64_t token, int grpc_status,
                absl::string_view message) override;
  std::string Explain(uint64_t token, int grpc_status,
                      absl::string_view message) override;

  // How many answers were judged on each side of their instant, and how many
  // were too close to it to be.
  uint64_t before() const { return before_; }
  uint64_t after() const { return after_; }
  uint64_t left_out() const { return left_out_; }

 private:
  // Of the calls under way, by their token.
  struct Asked {
    uint32_t entry = 0;
    absl::Time when;
  };
  const CredentialSet& set_;
  const std::vector<absl::Time>& expire_times_;
  const absl::Duration tolerance_;
  const Order order_;
  const Clock& clock_;
  std::vector<Asked> asked_;
  uint64_t next_ = 0;
  uint64_t before_ = 0;
  uint64_t after_ = 0;
  uint64_t left_out_ = 0;
};

}  // namespace latchkey::bench

#endif  // LATCHKEY_TOOLS_BENCH_VALIDATE_WORKLOAD_H_
