#include "client/follow/verifier_figures.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace latchkey {
namespace {

constexpr char kPrefix[] = "latchkey_verifier_";

void Head(absl::string_view name, absl::string_view type,
          absl::string_view help, std::string* text) {
  absl::StrAppend(text, "# HELP ", kPrefix, name, " ", help, "\n# TYPE ",
                  kPrefix, name, " ", type, "\n");
}

template <typename Value>
void One(absl::string_view name, absl::string_view type, absl::string_view help,
         Value value, std::string* text) {
  Head(name, type, help, text);
  absl::StrAppend(text, kPrefix, name, " ", value, "\n");
}

void Gauge(absl::string_view name, absl::string_view help, absl::Duration value,
           std::string* text) {
  Head(name, "gauge", help, text);
  if (value == absl::InfiniteDuration()) {
    absl::StrAppend(text, kPrefix, name, " +Inf\n");
  } else {
    absl::StrAppend(text, kPrefix, name, " ", absl::ToDoubleSeconds(value),
                    "\n");
  }
}

void Checks(const VerifierFigures& figures, std::string* text) {
  Head("checks_total", "counter", "Checks by how they ended.", text);
  const auto append = [text](absl::string_view outcome, uint64_t count) {
    absl::StrAppend(text, kPrefix, "checks_total{outcome=\"", outcome, "\"} ",
                    count, "\n");
  };
  append("local_yes", figures.local_yes);
  append("local_no", figures.local_no);
  append("asked", figures.asked);
  append("refused", figures.refused);
}

}  // namespace

void AppendMetrics(const VerifierFigures& figures, std::string* text) {
  One("leased", "gauge", "Whether it may answer by itself.",
      figures.leased ? 1 : 0, text);
  Gauge("lease_remaining_seconds", "For how long it may from now.",
        figures.lease_remaining, text);
  Gauge("view_age_seconds", "What is older than this is known here.",
        figures.view_age, text);
  Gauge("accepted_staleness_max_seconds",
        "The oldest view by which a check may have been answered.",
        figures.accepted_staleness_max, text);
  One("applied_revision", "gauge", "Newest revision applied.",
      figures.applied_revision, text);
  Checks(figures, text);
  One("connected", "gauge", "Whether the server's stream is there.",
      figures.connected ? 1 : 0, text);
  One("streams_total", "counter", "Streams begun.", figures.streams, text);
  One("restarts_total", "counter", "Epochs that replaced another one.",
      figures.restarts, text);
  One("bad_key_sets_total", "counter", "Key sets that could not be read.",
      figures.bad_key_sets, text);
  One("unreported_uses_total", "counter",
      "Sessions whose use is not told of, for want of room.",
      figures.unreported_uses, text);
  One("revocations", "gauge", "Revocations known.", figures.revocations, text);
  One("revocation_bytes", "gauge", "Memory of them.", figures.revocation_bytes,
      text);
  One("answers", "gauge", "Answers kept.", figures.answers, text);
  One("answer_bytes", "gauge", "Memory of them.", figures.answer_bytes, text);
}

}  // namespace latchkey
