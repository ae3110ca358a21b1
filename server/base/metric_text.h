#ifndef LATCHKEY_SERVER_BASE_METRIC_TEXT_H_
#define LATCHKEY_SERVER_BASE_METRIC_TEXT_H_

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "client/base/mutex.h"
#include "server/base/metrics.h"

namespace latchkey {

// MetricLabel tells one series of a family from the others. Values come from
// fixed sets (methods, codes, reasons): never from a request, and never a
// secret or a name of an account; so the number of series is bounded, and
// whoever may scrape learns nothing about anybody.
struct MetricLabel {
  absl::string_view name;
  absl::string_view value;
};
using MetricLabels = std::initializer_list<MetricLabel>;

// MetricText is the text of one scrape, in the Prometheus text format 0.0.4.
// A family is begun once, with the type in the name of the call, and followed
// by its samples:
//
//   # HELP latchkey_calls_total Calls answered.
//   # TYPE latchkey_calls_total counter
//   latchkey_calls_total{method="Login",code="OK"} 12
//
// Names are as Prometheus wants them: base units, `_seconds`, `_bytes`, and
// `_total` at the end of what only goes up.
class MetricText {
 public:
  static constexpr char kContentType[] =
      "text/plain; version=0.0.4; charset=utf-8";

  // These begin a family.
  void BeginCounter(absl::string_view name, absl::string_view help);
  void BeginGauge(absl::string_view name, absl::string_view help);
  void BeginHistogram(absl::string_view name, absl::string_view help);

  // These add a sample to the family that was begun last.
  void Sample(MetricLabels labels, uint64_t value);
  void Sample(MetricLabels labels, double value);
  void Sample(MetricLabels labels, const DurationHistogram::Snapshot& value);

  // These add a family of one sample without labels.
  void Counter(absl::string_view name, absl::string_view help, uint64_t value);
  void Counter(absl::string_view name, absl::string_view help, double value);
  void Gauge(absl::string_view name, absl::string_view help, uint64_t value);
  void Gauge(absl::string_view name, absl::string_view help, double value);
  void Histogram(absl::string_view name, absl::string_view help,
                 const DurationHistogram& histogram);

  const std::string& text() const { return text_; }

 private:
  void Begin(absl::string_view type, absl::string_view name,
             absl::string_view help);
  void Line(absl::string_view suffix, MetricLabels labels,
            absl::string_view bound, absl::string_view value);

  std::string family_;
  std::string text_;
};

// MetricRegistry knows who has something to tell, and asks them all at each
// scrape. It keeps no figures: each part keeps its own.
//
// Safe from any thread.
class MetricRegistry {
 public:
  // Writes whole families; called at each scrape, on the scraper's thread. It
  // must not wait for a disk or for a call, and what it touches must live
  // until nobody scrapes any more. No family is written by two sources.
  using Source = std::function<void(MetricText&)>;

  MetricRegistry() = default;
  MetricRegistry(const MetricRegistry&) = delete;
  MetricRegistry& operator=(const MetricRegistry&) = delete;

  // Add has `source` asked from now on, behind those that were added before.
  void Add(Source source);

  // Scrape returns what all sources tell now.
  std::string Scrape() const;

 private:
  mutable Mutex mutex_;
  std::vector<Source> sources_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_BASE_METRIC_TEXT_H_
