#ifndef LATCHKEY_SERVER_CREDENTIAL_CERTIFICATE_WATCH_H_
#define LATCHKEY_SERVER_CREDENTIAL_CERTIFICATE_WATCH_H_

#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "client/base/clock.h"
#include "client/base/mutex.h"
#include "server/base/log.h"
#include "server/credential/certificate.h"
#include "server/credential/certificate_files.h"

namespace latchkey {

// CertificateWatch holds the certificate that TLS serves with, and follows its
// files: when they change and the new ones are good, they take the old ones'
// place; when they are not, that is logged and counted and the old ones stay.
//
//   files    | A | A | b | b | C | C | C     b: bad
//   Poll       ^   ^   ^   ^   ^   ^   ^
//   Current    A   A   A   A   A   C   C
//                          refused once
//
// Certificate and key are written one after the other: so what has changed is
// judged when a second look finds it unchanged.
//
// Current and Counts are safe from any thread. What is read stays in memory;
// nothing is written anywhere.
class CertificateWatch {
 public:
  struct Counts {
    uint64_t loaded = 0;   // sets that took the place of another
    uint64_t refused = 0;  // sets that were offered and found bad
  };

  // Open reads and checks the first set. `clock` and `log` must outlive it.
  //   kFailedPrecondition  it is bad; one line says how
  static absl::StatusOr<std::unique_ptr<CertificateWatch>> Open(
      CertificateFiles files, const Clock& clock, Log& log);
  // Calls Stop.
  ~CertificateWatch();

  // Current returns the newest set that was found good. Never null; never
  // waits for a disk.
  std::shared_ptr<const ServerCertificate> Current() const;
  Counts counts() const;

  // Start polls every `interval` on a thread of its own.
  void Start(absl::Duration interval);
  // Stop ends and joins it. May be called again.
  void Stop();

  // Poll looks at the files once. For one thread at a time; the watch's own
  // does nothing else.
  void Poll();

 private:
  CertificateWatch(CertificateFiles files, ServerCertificate first,
                   const Clock& clock, Log& log)
      : files_(std::move(files)),
        clock_(clock),
        log_(log),
        current_(std::make_shared<const ServerCertificate>(std::move(first))) {}

  void Work(absl::Duration interval);
  void Replace(ServerCertificate certificate);
  void Refuse(const absl::Status& why);
  void SayIfExpired(const ServerCertificate& current, absl::Time now);

  const CertificateFiles files_;
  const Clock& clock_;
  Log& log_;

  // Touched by Poll only.
  CertificatePem last_read_;
  std::string last_complaint_;  // empty: none about what was read last
  bool said_expired_ = false;

  mutable Mutex mutex_;
  std::shared_ptr<const ServerCertificate> current_ ABSL_GUARDED_BY(mutex_);
  Counts counts_ ABSL_GUARDED_BY(mutex_);
  CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_CREDENTIAL_CERTIFICATE_WATCH_H_
