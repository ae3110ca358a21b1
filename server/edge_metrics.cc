#include "server/edge_metrics.h"

#include <cstdint>

#include "absl/time/time.h"

namespace latchkey {

void WriteGuardMetrics(const LoginGuard& guard, MetricText& text) {
  const LoginGuard::Counts counts = guard.counts();
  text.Counter("latchkey_login_guard_admitted_total",
               "Logins let in before their proof was looked at.",
               counts.admitted);
  text.BeginCounter("latchkey_login_guard_refused_total",
                    "Logins told to wait, by whose failures it was for.");
  text.Sample({{"scope", "account_and_source"}}, counts.refused_pair);
  text.Sample({{"scope", "source"}}, counts.refused_source);
  text.Sample({{"scope", "account"}}, counts.refused_account);
  text.Sample({{"scope", "global"}}, counts.refused_global);
  text.BeginCounter("latchkey_login_guard_settled_total",
                    "Logins that were let in, by how they ended; what nothing "
                    "was found out of is not counted.");
  text.Sample({{"result", "succeeded"}}, counts.succeeded);
  text.Sample({{"result", "failed"}}, counts.failed);
  text.Counter("latchkey_login_guard_evicted_total",
               "Tallies forgotten for want of room, with failures in them.",
               counts.evicted);
  text.Gauge("latchkey_login_guard_failures",
             "Failed logins of all that are not forgiven yet, at the last try.",
             counts.global_score);
}

void WriteConnectionMetrics(const Acceptor::Counts& counts, MetricText& text) {
  text.Gauge("latchkey_connections_open",
             "Connections open now, by the last count.", counts.open);
  text.Counter("latchkey_connections_taken_total",
               "Connections accepted and handed to gRPC.", counts.taken);
  text.BeginCounter("latchkey_connections_refused_total",
                    "Connections closed at once, by what there was too much "
                    "of.");
  text.Sample({{"limit", "total"}}, counts.refused_full);
  text.Sample({{"limit", "source"}}, counts.refused_source);
  text.Sample({{"limit", "descriptors"}}, counts.refused_descriptors);
}

void WriteCertificateMetrics(const CertificateWatch& certificates,
                             MetricText& text) {
  text.Gauge("latchkey_certificate_expire_time_seconds",
             "When the served certificate expires, in seconds since 1970.",
             absl::ToDoubleSeconds(certificates.Current()->expire_time() -
                                   absl::UnixEpoch()));
  const CertificateWatch::Counts counts = certificates.counts();
  text.BeginCounter("latchkey_certificate_reloads_total",
                    "Certificates offered by a change of their files.");
  text.Sample({{"result", "loaded"}}, counts.loaded);
  text.Sample({{"result", "refused"}}, counts.refused);
}

void WriteVerifierMetrics(const RevocationHub& revocations, MetricText& text) {
  const LeaseTable::Figures leases = revocations.leases();
  text.Gauge("latchkey_verifier_streams",
             "Verifiers that follow revocations now.",
             uint64_t{leases.streams});
  text.Gauge("latchkey_verifier_leases",
             "Leases that run, those of broken streams included.",
             uint64_t{leases.leased});
  text.Gauge(
      "latchkey_verifier_oldest_lease_seconds",
      "Since the newest grant to the verifier for which that is longest; "
      "of those whose lease runs.",
      absl::ToDoubleSeconds(leases.oldest_lease));
  text.BeginCounter("latchkey_verifier_heartbeats_total",
                    "Heartbeats, by whether they got a lease or lagged.");
  text.Sample({{"result", "leased"}}, leases.grants);
  text.Sample({{"result", "lagged"}}, leases.refusals);
  text.Gauge("latchkey_propagation_waits",
             "Calls that wait until no verifier accepts any more.",
             uint64_t{leases.waits});
  text.Histogram("latchkey_revocation_propagation_seconds",
                 "From a commit that took something back to its being applied, "
                 "for each acknowledgement of each verifier.",
                 revocations.propagation());
  text.Histogram("latchkey_verifier_accepted_staleness_seconds",
                 "The oldest view that a verifier answered by since its last "
                 "heartbeat, as it reports.",
                 revocations.accepted_staleness());
  text.Gauge("latchkey_revocation_log_entries",
             "Revocations that streams are served from memory.",
             uint64_t{revocations.LogEntries()});
}

void WriteAuditMetrics(const AuditWriter& audit, MetricText& text) {
  text.Gauge("latchkey_audit_waiting",
             "Calls that wait for their line in the audit log.",
             uint64_t{audit.Waiting()});
}

}  // namespace latchkey
