#ifndef LATCHKEY_TESTS_SUPPORT_REVOCATION_SERVER_H_
#define LATCHKEY_TESTS_SUPPORT_REVOCATION_SERVER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "client/base/clock.h"
#include "client/base/mutex.h"
#include "client/follow/revocation_transport.h"
#include "client/verify/revocation_message.h"
#include "server/session/key_set_source.h"
#include "server/session/lease_table.h"
#include "server/session/revocation_log.h"
#include "server/session/revocation_stream.h"
#include "tests/support/memory_archive.h"

namespace latchkey {

// RevocationServer is the real server half of the revocation stream, over a
// transport that is a function call. It can be cut off, fall silent and be
// restored. Safe from any thread; must outlive its links.
class RevocationServer final : public RevocationTransport {
 public:
  RevocationServer(const Clock& clock, std::string jwks,
                   const LeaseTable::Options& options = {})
      : clock_(clock), options_(options), keys_(std::move(jwks)) {
    MutexLock lock(&mutex_);
    Open(1);
  }

  // Revoke commits `revocation`, and tells verifiers unless it is silent.
  uint64_t Revoke(const Revocation& revocation) {
    std::vector<std::function<void()>> wakes;
    uint64_t revision = 0;
    {
      MutexLock lock(&mutex_);
      revision = ++revision_;
      const RevocationsAt change = {.revision = revision,
                                    .revocations = {revocation}};
      archive_.Add(change);
      log_->Publish(revision, {change});
      leases_->Committed(revision, true);
      wakes = wakes_;
    }
    for (const auto& wake : wakes) wake();
    return revision;
  }
  // Restore cuts all streams and begins another epoch, without revocations.
  void Restore(uint8_t epoch) {
    Cut();
    MutexLock lock(&mutex_);
    Open(epoch);
  }
  // Cut breaks the streams that there are.
  void Cut() {
    std::vector<std::function<void()>> wakes;
    {
      MutexLock lock(&mutex_);
      ++generation_;
      wakes = std::exchange(wakes_, {});
    }
    for (const auto& wake : wakes) wake();
  }
  // While it is silent nothing comes from it.
  void SetSilent(bool silent) {
    MutexLock lock(&mutex_);
    silent_ = silent;
  }
  void SetKeys(std::string jwks) {
    MutexLock lock(&mutex_);
    keys_.Set(std::move(jwks));
  }

  Epoch epoch() const {
    MutexLock lock(&mutex_);
    return epoch_;
  }
  int streams() const {
    MutexLock lock(&mutex_);
    return streams_;
  }
  // Heartbeats returns those that came since it was last called.
  std::vector<Heartbeat> Heartbeats() {
    MutexLock lock(&mutex_);
    return std::exchange(heartbeats_, {});
  }
  std::vector<Subscribe> subscribed() const {
    MutexLock lock(&mutex_);
    return subscribed_;
  }
  LeaseTable& leases() { return *leases_; }

  std::unique_ptr<RevocationLink> Connect(std::function<void()> wake) override {
    MutexLock lock(&mutex_);
    ++streams_;
    wakes_.push_back(wake);
    auto link = std::make_unique<Link>(*this, generation_);
    link->stream = *RevocationStream::Open(epoch_, *log_, keys_, *leases_);
    return link;
  }

 private:
  class Keys final : public KeySetSource {
   public:
    explicit Keys(std::string jwks) { Set(std::move(jwks)); }
    void Set(std::string jwks) {
      jwks_ = std::make_shared<const std::string>(std::move(jwks));
    }
    std::shared_ptr<const std::string> Current() const override {
      return jwks_;
    }

   private:
    std::shared_ptr<const std::string> jwks_;
  };

  class Link final : public RevocationLink {
   public:
    Link(RevocationServer& server, int generation)
        : server_(server), generation_(generation) {}
    ~Link() override {
      MutexLock lock(&server_.mutex_);
      if (generation_ == server_.generation_) stream.reset();
    }

    bool CanSend() const override { return true; }
    void Send(const VerifierMessage& message) override {
      MutexLock lock(&server_.mutex_);
      if (generation_ != server_.generation_ || server_.silent_) return;
      if (const auto* one = std::get_if<Heartbeat>(&message)) {
        server_.heartbeats_.push_back(*one);
      } else {
        server_.subscribed_.push_back(std::get<Subscribe>(message));
      }
      end_.Update(stream->Receive(message));
    }
    std::optional<absl::StatusOr<ServerMessage>> Receive() override {
      MutexLock lock(&server_.mutex_);
      if (generation_ != server_.generation_) {
        return absl::StatusOr<ServerMessage>(absl::UnavailableError("cut"));
      }
      if (!end_.ok()) return absl::StatusOr<ServerMessage>(end_);
      if (server_.silent_) return std::nullopt;
      auto next = stream->Next();
      if (!next.ok()) return absl::StatusOr<ServerMessage>(next.status());
      if (!next->has_value()) return std::nullopt;
      if (auto* welcome = std::get_if<Welcome>(&**next)) {
        welcome->activity_interval = absl::Seconds(10);
      }
      return absl::StatusOr<ServerMessage>(**std::move(next));
    }

    std::unique_ptr<RevocationStream> stream;

   private:
    RevocationServer& server_;
    const int generation_;
    absl::Status end_;
  };

  void Open(uint8_t epoch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    // Streams of before still refer to these.
    if (leases_ != nullptr) old_leases_.push_back(std::move(leases_));
    if (log_ != nullptr) old_logs_.push_back(std::move(log_));
    epoch_.array().fill(epoch);
    archive_ = MemoryArchive();
    revision_ = 0;
    log_ =
        std::make_unique<RevocationLog>(RevocationLog::Options{}, 0, archive_);
    leases_ = *LeaseTable::Open(options_, 0, store_, clock_);
  }

  const Clock& clock_;
  const LeaseTable::Options options_;
  mutable Mutex mutex_;
  Keys keys_;
  MemoryArchive archive_;
  MemoryLeaseStore store_;
  std::vector<std::unique_ptr<RevocationLog>> old_logs_;
  std::vector<std::unique_ptr<LeaseTable>> old_leases_;
  Epoch epoch_ ABSL_GUARDED_BY(mutex_);
  uint64_t revision_ ABSL_GUARDED_BY(mutex_) = 0;
  std::unique_ptr<RevocationLog> log_;
  std::unique_ptr<LeaseTable> leases_;
  int generation_ ABSL_GUARDED_BY(mutex_) = 0;
  bool silent_ ABSL_GUARDED_BY(mutex_) = false;
  int streams_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<std::function<void()>> wakes_ ABSL_GUARDED_BY(mutex_);
  std::vector<Heartbeat> heartbeats_ ABSL_GUARDED_BY(mutex_);
  std::vector<Subscribe> subscribed_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SUPPORT_REVOCATION_SERVER_H_
