#ifndef LATCHKEY_CLIENT_GRPC_ASKER_H_
#define LATCHKEY_CLIENT_GRPC_ASKER_H_

#include <atomic>
#include <cstddef>
#include <memory>
#include <set>
#include <vector>

#include "absl/status/statusor.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/security/credentials.h"

#include "client/base/mutex.h"
#include "client/follow/asker.h"
#include "latchkey/v1/auth.grpc.pb.h"

namespace latchkey {

// ReadValidateResponse reads what AuthService.Validate said.
//   kInternal  an active answer without what it must have
absl::StatusOr<AskedAnswer> ReadValidateResponse(
    const v1::ValidateResponse& response);

// GrpcAsker asks AuthService.Validate, over several channels by turns. It tries
// once: who asks decides whether to ask again.
class GrpcAsker final : public Asker {
 public:
  // At least one channel. `credentials` are those of the calls; null: none.
  GrpcAsker(const std::vector<std::shared_ptr<grpc::Channel>>& channels,
            std::shared_ptr<grpc::CallCredentials> credentials);
  // As CancelAll.
  ~GrpcAsker() override;

  void Ask(absl::string_view credential, const CheckOptions& options,
           absl::Time deadline, Done done) override;
  void CancelAll() override;

 private:
  struct Call;

  // Puts `call` among those under way; false: no more are taken.
  bool Add(Call* call);
  void Answered(Call* call, const grpc::Status& status);

  const std::shared_ptr<grpc::CallCredentials> credentials_;
  std::vector<std::unique_ptr<v1::AuthService::Stub>> stubs_;
  std::atomic<size_t> next_stub_{0};

  Mutex mutex_;
  CondVar none_left_;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  std::set<Call*> calls_ ABSL_GUARDED_BY(mutex_);  // until `done` has returned
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_GRPC_ASKER_H_
