#include "server/base/metric_text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace latchkey {
namespace {

constexpr double kNanosPerSecond = 1e9;
constexpr double kMicrosPerSecond = 1e6;

// The shortest text that reads back as `value`.
std::string NumberText(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  std::array<char, 32> buffer;
  const std::to_chars_result end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return std::string(buffer.data(), end.ptr);
}

std::string EscapedHelp(absl::string_view text) {
  return absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"\n", "\\n"}});
}

std::string EscapedValue(absl::string_view text) {
  return absl::StrReplaceAll(text,
                             {{"\\", "\\\\"}, {"\n", "\\n"}, {"\"", "\\\""}});
}

}  // namespace

void MetricText::BeginCounter(absl::string_view name, absl::string_view help) {
  Begin("counter", name, help);
}

void MetricText::BeginGauge(absl::string_view name, absl::string_view help) {
  Begin("gauge", name, help);
}

void MetricText::BeginHistogram(absl::string_view name,
                                absl::string_view help) {
  Begin("histogram", name, help);
}

void MetricText::Sample(MetricLabels labels, uint64_t value) {
  Line("", labels, "", absl::StrCat(value));
}

void MetricText::Sample(MetricLabels labels, double value) {
  Line("", labels, "", NumberText(value));
}

void MetricText::Sample(MetricLabels labels,
                        const DurationHistogram::Snapshot& value) {
  uint64_t up_to = 0;
  for (size_t i = 0; i < DurationHistogram::kBounds; ++i) {
    up_to += value.counts[i];
    const double bound =
        static_cast<double>(uint64_t{1} << i) / kMicrosPerSecond;
    Line("_bucket", labels, NumberText(bound), absl::StrCat(up_to));
  }
  Line("_bucket", labels, "+Inf", absl::StrCat(value.total));
  Line("_sum", labels, "",
       NumberText(static_cast<double>(value.sum_nanos) / kNanosPerSecond));
  Line("_count", labels, "", absl::StrCat(value.total));
}

void MetricText::Counter(absl::string_view name, absl::string_view help,
                         uint64_t value) {
  BeginCounter(name, help);
  Sample({}, value);
}

void MetricText::Counter(absl::string_view name, absl::string_view help,
                         double value) {
  BeginCounter(name, help);
  Sample({}, value);
}

void MetricText::Gauge(absl::string_view name, absl::string_view help,
                       uint64_t value) {
  BeginGauge(name, help);
  Sample({}, value);
}

void MetricText::Gauge(absl::string_view name, absl::string_view help,
                       double value) {
  BeginGauge(name, help);
  Sample({}, value);
}

void MetricText::Histogram(absl::string_view name, absl::string_view help,
                           const DurationHistogram& histogram) {
  BeginHistogram(name, help);
  Sample({}, histogram.Read());
}

void MetricText::Begin(absl::string_view type, absl::string_view name,
                       absl::string_view help) {
  family_ = std::string(name);
  absl::StrAppend(&text_, "# HELP ", name, " ", EscapedHelp(help), "\n# TYPE ",
                  name, " ", type, "\n");
}

// `bound` is that of a bucket, or empty.
void MetricText::Line(absl::string_view suffix, MetricLabels labels,
                      absl::string_view bound, absl::string_view value) {
  absl::StrAppend(&text_, family_, suffix);
  absl::string_view before = "{";
  for (const MetricLabel& label : labels) {
    absl::StrAppend(&text_, before, label.name, "=\"",
                    EscapedValue(label.value), "\"");
    before = ",";
  }
  if (!bound.empty()) {
    absl::StrAppend(&text_, before, "le=\"", bound, "\"");
    before = ",";
  }
  absl::StrAppend(&text_, before == "," ? "} " : " ", value, "\n");
}

void MetricRegistry::Add(Source source) {
  MutexLock lock(&mutex_);
  sources_.push_back(std::move(source));
}

std::string MetricRegistry::Scrape() const {
  std::vector<Source> sources;
  {
    MutexLock lock(&mutex_);
    sources = sources_;
  }
  MetricText text;
  for (const Source& source : sources) source(text);
  return text.text();
}

}  // namespace latchkey
