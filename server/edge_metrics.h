#ifndef LATCHKEY_SERVER_EDGE_METRICS_H_
#define LATCHKEY_SERVER_EDGE_METRICS_H_

#include "server/account/login_guard.h"
#include "server/auth/revocation_hub.h"
#include "server/base/audit_writer.h"
#include "server/base/metric_text.h"
#include "server/credential/certificate_watch.h"
#include "server/rpc/acceptor.h"

namespace latchkey {

// What stands between the network and the verbs tells about itself: each of
// these writes its families, from any thread.
void WriteGuardMetrics(const LoginGuard& guard, MetricText& text);
void WriteConnectionMetrics(const Acceptor::Counts& counts, MetricText& text);
void WriteCertificateMetrics(const CertificateWatch& certificates,
                             MetricText& text);
void WriteVerifierMetrics(const RevocationHub& revocations, MetricText& text);
void WriteAuditMetrics(const AuditWriter& audit, MetricText& text);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_EDGE_METRICS_H_
