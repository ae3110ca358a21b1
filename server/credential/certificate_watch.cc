#include "server/credential/certificate_watch.h"

#include <pthread.h>

#include "client/base/status_macros.h"

namespace latchkey {

absl::StatusOr<std::unique_ptr<CertificateWatch>> CertificateWatch::Open(
    CertificateFiles files, const Clock& clock, Log& log) {
  LATCHKEY_ASSIGN_OR_RETURN(CertificatePem pem, ReadCertificateFiles(files));
  LATCHKEY_ASSIGN_OR_RETURN(
      ServerCertificate first,
      ServerCertificate::Check(std::move(pem), clock.Now()));
  return std::unique_ptr<CertificateWatch>(
      new CertificateWatch(std::move(files), std::move(first), clock, log));
}

CertificateWatch::~CertificateWatch() { Stop(); }

std::shared_ptr<const ServerCertificate> CertificateWatch::Current() const {
  MutexLock lock(&mutex_);
  return current_;
}

CertificateWatch::Counts CertificateWatch::counts() const {
  MutexLock lock(&mutex_);
  return counts_;
}

void CertificateWatch::Start(absl::Duration interval) {
  thread_ = std::thread([this, interval] { Work(interval); });
}

void CertificateWatch::Stop() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

void CertificateWatch::Work(absl::Duration interval) {
  pthread_setname_np(pthread_self(), "certificates");
  while (true) {
    {
      MutexLock lock(&mutex_);
      const absl::Duration due = clock_.SinceBoot() + interval;
      while (!stopping_) {
        const absl::Duration left = due - clock_.SinceBoot();
        if (left <= absl::ZeroDuration()) break;
        wake_.WaitFor(&mutex_, left);
      }
      if (stopping_) return;
    }
    Poll();
  }
}

void CertificateWatch::Poll() {
  const std::shared_ptr<const ServerCertificate> current = Current();
  const absl::Time now = clock_.Now();
  SayIfExpired(*current, now);
  absl::StatusOr<CertificatePem> read = ReadCertificateFiles(files_);
  // In want of descriptors nothing was seen: the next look will tell.
  if (absl::IsResourceExhausted(read.status())) return;
  if (!read.ok()) return Refuse(read.status());
  const bool settled = *read == last_read_;
  if (!settled) {
    last_read_ = read->Copy();
    last_complaint_.clear();
  }
  if (*read == current->pem()) last_complaint_.clear();
  if (!settled || *read == current->pem()) return;
  absl::StatusOr<ServerCertificate> checked =
      ServerCertificate::Check(*std::move(read), now);
  if (!checked.ok()) return Refuse(checked.status());
  Replace(*std::move(checked));
}

void CertificateWatch::Replace(ServerCertificate certificate) {
  const auto replacement =
      std::make_shared<const ServerCertificate>(std::move(certificate));
  said_expired_ = false;
  {
    MutexLock lock(&mutex_);
    current_ = replacement;
    ++counts_.loaded;
  }
  // Only now: who has read this line has the new one.
  log_.Info("certificate replaced",
            {{"certificate", DigestPrefix(replacement->digest())},
             {"expire_time", absl::FormatTime(replacement->expire_time(),
                                              absl::UTCTimeZone())}});
}

// Once for each set and what is wrong with it: not once per look.
void CertificateWatch::Refuse(const absl::Status& why) {
  if (why.message() == last_complaint_) return;
  last_complaint_ = std::string(why.message());
  log_.Error("new certificate refused; the old one stays",
             {{"file", files_.chain}, {"why", last_complaint_}});
  MutexLock lock(&mutex_);
  ++counts_.refused;
}

void CertificateWatch::SayIfExpired(const ServerCertificate& current,
                                    absl::Time now) {
  if (said_expired_ || now < current.expire_time()) return;
  said_expired_ = true;
  log_.Error("certificate in use has expired; clients will refuse it",
             {{"file", files_.chain}});
}

}  // namespace latchkey
