#ifndef LATCHKEY_SERVER_DESCRIPTOR_PLAN_H_
#define LATCHKEY_SERVER_DESCRIPTOR_PLAN_H_

#include <cstdint>

#include "absl/status/statusor.h"

namespace latchkey {

// DescriptorPlan is how the process's descriptors are shared out, so that
// connections never take those that the database needs.
struct DescriptorPlan {
  int connections = 0;  // of the network listener
  int table_files = 0;  // kept open by RocksDB
};

// PlanDescriptors shares `limit` out. `connections` is what was asked for; 0:
// what there is room for, but at most 10,000, which idle and without TLS take
// some 200 MB.
//   kFailedPrecondition  `limit` is too low, as a whole or for `connections`
absl::StatusOr<DescriptorPlan> PlanDescriptors(uint64_t limit, int connections);

// RaiseDescriptorLimit raises the process's limit to the most that it may set
// itself, and returns what it then is.
uint64_t RaiseDescriptorLimit();

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_DESCRIPTOR_PLAN_H_
