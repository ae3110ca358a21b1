#ifndef LATCHKEY_SERVER_BASE_PROCESS_METRICS_H_
#define LATCHKEY_SERVER_BASE_PROCESS_METRICS_H_

#include "absl/time/time.h"

#include "server/base/metric_text.h"

namespace latchkey {

// WriteProcessMetrics writes what there is to tell about any process, under
// the names that Prometheus's own libraries use: dashboards know them. What
// the system does not tell is left out.
void WriteProcessMetrics(absl::Time start_time, MetricText& text);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_BASE_PROCESS_METRICS_H_
