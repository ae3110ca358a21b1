#ifndef LATCHKEY_TESTS_CLIENT_FAKE_AUTH_SERVER_H_
#define LATCHKEY_TESTS_CLIENT_FAKE_AUTH_SERVER_H_

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"

#include "client/base/mutex.h"
#include "latchkey/v1/auth.grpc.pb.h"

namespace latchkey {

// ErrorOf returns an error as the server sends it; an empty reason, and no
// delay, are left out.
grpc::Status ErrorOf(grpc::StatusCode code, const std::string& reason,
                     std::optional<absl::Duration> retry_delay = {});

// FakeAuthServer is AuthService on a real port of this machine, which answers
// as it is told: well, unless errors were planned or it is held.
class FakeAuthServer final : public v1::AuthService::Service {
 public:
  // One call that came, as the handler saw it.
  struct Seen {
    std::string method;
    std::string peer;
    std::string authorization;
    std::string revision;
    std::string detail;  // of the request: what proves, refreshes or is checked
  };

  // Plaintext without a certificate.
  explicit FakeAuthServer(const std::string& certificate = "",
                          const std::string& key = "");
  ~FakeAuthServer() override;

  // HOST:PORT
  std::string target() const;

  // The next calls get these errors, one each.
  void FailNext(const grpc::Status& error, int times = 1);
  // Calls wait, once they were seen, until Release or until they are cancelled.
  void Hold();
  void Release();
  // Waits until `count` calls have been seen in all.
  void WaitForCalls(size_t count);
  std::vector<Seen> seen() const;
  size_t CountOf(const std::string& method) const;

  // What Login and Refresh answer with, but for a number in the credential.
  // A session ends `session_life` after its login.
  void SetLife(absl::Duration life, absl::Duration session_life);

  grpc::Status Login(grpc::ServerContext* context,
                     const v1::LoginRequest* request,
                     v1::LoginResponse* response) override;
  grpc::Status Validate(grpc::ServerContext* context,
                        const v1::ValidateRequest* request,
                        v1::ValidateResponse* response) override;
  grpc::Status BatchValidate(grpc::ServerContext* context,
                             const v1::BatchValidateRequest* request,
                             v1::BatchValidateResponse* response) override;
  grpc::Status Refresh(grpc::ServerContext* context,
                       const v1::RefreshRequest* request,
                       v1::RefreshResponse* response) override;
  grpc::Status Logout(grpc::ServerContext* context,
                      const v1::LogoutRequest* request,
                      v1::LogoutResponse* response) override;

 private:
  grpc::Status Answer(const std::string& method, const std::string& detail,
                      grpc::ServerContext* context);
  template <typename Response>
  void Issue(Response* response);

  mutable Mutex mutex_;
  CondVar changed_;
  bool held_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<grpc::Status> planned_ ABSL_GUARDED_BY(mutex_);
  std::vector<Seen> seen_ ABSL_GUARDED_BY(mutex_);
  absl::Duration life_ ABSL_GUARDED_BY(mutex_) = absl::Minutes(5);
  absl::Duration session_life_ ABSL_GUARDED_BY(mutex_) = absl::Hours(12);
  int issued_ ABSL_GUARDED_BY(mutex_) = 0;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_CLIENT_FAKE_AUTH_SERVER_H_
