#ifndef LATCHKEY_CLIENT_GRPC_REVOCATION_TRANSPORT_H_
#define LATCHKEY_CLIENT_GRPC_REVOCATION_TRANSPORT_H_

#include <functional>
#include <memory>

#include "grpcpp/channel.h"
#include "grpcpp/security/credentials.h"

#include "client/base/mutex.h"
#include "client/follow/revocation_transport.h"

namespace latchkey {

// LiveCalls counts the calls that gRPC has not let go of. Safe from any thread.
class LiveCalls {
 public:
  void Add() {
    MutexLock lock(&mutex_);
    ++count_;
  }
  // Within the lock: whoever waits may destroy this next.
  void Remove() {
    MutexLock lock(&mutex_);
    if (--count_ == 0) none_.NotifyAll();
  }
  void AwaitNone() {
    MutexLock lock(&mutex_);
    while (count_ > 0) none_.Wait(&mutex_);
  }

 private:
  Mutex mutex_;
  CondVar none_;
  int count_ ABSL_GUARDED_BY(mutex_) = 0;
};

// GrpcRevocationTransport carries streams of revocations over one channel.
class GrpcRevocationTransport final : public RevocationTransport {
 public:
  // `credentials` are those of the calls; null: none.
  GrpcRevocationTransport(std::shared_ptr<grpc::Channel> channel,
                          std::shared_ptr<grpc::CallCredentials> credentials);
  // Waits until gRPC has let go of the last stream: the last reference to a
  // channel must not be one of gRPC's own threads', which would wait for
  // itself. Not in a callback of gRPC.
  ~GrpcRevocationTransport() override;

  std::unique_ptr<RevocationLink> Connect(std::function<void()> wake) override;

 private:
  const std::shared_ptr<grpc::Channel> channel_;
  const std::shared_ptr<grpc::CallCredentials> credentials_;
  LiveCalls calls_;
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_GRPC_REVOCATION_TRANSPORT_H_
