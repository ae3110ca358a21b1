#include "tests/client/fake_auth_server.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "client/base/ids.h"
#include "client/verify/revision.h"
#include "latchkey/internal/v1/error_details.pb.h"

namespace latchkey {
namespace {

namespace details = ::latchkey::internal::v1;

// The server's wall clock, which is another than the client's.
constexpr int64_t kServerNow = 1'700'000'000;

template <typename Message>
void Add(details::ErrorStatus& error, const char* type, const Message& detail) {
  auto* any = error.add_details();
  any->set_type_url(absl::StrCat("type.googleapis.com/", type));
  any->set_value(detail.SerializeAsString());
}

std::string MetadataOf(const grpc::ServerContext& context, const char* name) {
  const auto range = context.client_metadata().equal_range(name);
  std::string all;
  for (auto i = range.first; i != range.second; ++i) {
    absl::StrAppend(&all, all.empty() ? "" : ",",
                    absl::string_view(i->second.data(), i->second.size()));
  }
  return all;
}

}  // namespace

grpc::Status ErrorOf(grpc::StatusCode code, const std::string& reason,
                     std::optional<absl::Duration> retry_delay) {
  details::ErrorStatus error;
  if (!reason.empty()) {
    details::ErrorInfo info;
    info.set_reason(reason);
    Add(error, "google.rpc.ErrorInfo", info);
  }
  if (retry_delay.has_value()) {
    details::RetryInfo retry;
    retry.mutable_retry_delay()->set_seconds(
        absl::ToInt64Seconds(*retry_delay));
    Add(error, "google.rpc.RetryInfo", retry);
  }
  return {code, "planned", error.SerializeAsString()};
}

FakeAuthServer::FakeAuthServer(const std::string& certificate,
                               const std::string& key) {
  auto credentials = grpc::InsecureServerCredentials();
  if (!certificate.empty()) {
    grpc::SslServerCredentialsOptions options;
    options.pem_key_cert_pairs.push_back({key, certificate});
    credentials = grpc::SslServerCredentials(options);
  }
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", credentials, &port_);
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
}

FakeAuthServer::~FakeAuthServer() {
  Release();
  server_->Shutdown();
}

std::string FakeAuthServer::target() const {
  return absl::StrCat("127.0.0.1:", port_);
}

void FakeAuthServer::FailNext(const grpc::Status& error, int times) {
  MutexLock lock(&mutex_);
  for (int i = 0; i < times; ++i) planned_.push_back(error);
}

void FakeAuthServer::Hold() {
  MutexLock lock(&mutex_);
  held_ = true;
}

void FakeAuthServer::Release() {
  MutexLock lock(&mutex_);
  held_ = false;
  changed_.NotifyAll();
}

void FakeAuthServer::WaitForCalls(size_t count) {
  MutexLock lock(&mutex_);
  while (seen_.size() < count) changed_.Wait(&mutex_);
}

std::vector<FakeAuthServer::Seen> FakeAuthServer::seen() const {
  MutexLock lock(&mutex_);
  return seen_;
}

size_t FakeAuthServer::CountOf(const std::string& method) const {
  MutexLock lock(&mutex_);
  return std::count_if(seen_.begin(), seen_.end(),
                       [&](const Seen& one) { return one.method == method; });
}

void FakeAuthServer::SetLife(absl::Duration life, absl::Duration session_life) {
  MutexLock lock(&mutex_);
  life_ = life;
  session_life_ = session_life;
}

grpc::Status FakeAuthServer::Answer(const std::string& method,
                                    const std::string& detail,
                                    grpc::ServerContext* context) {
  MutexLock lock(&mutex_);
  seen_.push_back({method, context->peer(),
                   MetadataOf(*context, "authorization"),
                   MetadataOf(*context, "latchkey-revision"), detail});
  changed_.NotifyAll();
  // Nothing wakes a handler of this kind when its call is cancelled.
  while (held_ && !context->IsCancelled()) {
    changed_.WaitFor(&mutex_, absl::Milliseconds(10));
  }
  if (planned_.empty()) return grpc::Status::OK;
  const grpc::Status error = planned_.front();
  planned_.pop_front();
  return error;
}

template <typename Response>
void FakeAuthServer::Issue(Response* response) {
  MutexLock lock(&mutex_);
  ++issued_;
  response->set_credential(absl::StrCat("credential-", issued_));
  response->set_refresh_credential(absl::StrCat("refresh-", issued_));
  auto* session = response->mutable_session();
  session->mutable_last_seen_time()->set_seconds(kServerNow);
  session->mutable_expire_time()->set_seconds(
      kServerNow + absl::ToInt64Seconds(session_life_));
  response->mutable_expire_time()->set_seconds(
      kServerNow + absl::ToInt64Seconds(std::min(life_, session_life_)));
  response->mutable_revision()->set_token(RevisionToken(Epoch(), issued_));
}

grpc::Status FakeAuthServer::Login(grpc::ServerContext* context,
                                   const v1::LoginRequest* request,
                                   v1::LoginResponse* response) {
  std::string proof = request->client_secret() + request->client_assertion();
  if (request->has_client_certificate()) proof = "certificate";
  const grpc::Status status = Answer("Login", proof, context);
  if (status.ok()) Issue(response);
  if (request->credential_format() != v1::CREDENTIAL_FORMAT_JWT) {
    response->clear_refresh_credential();
  }
  return status;
}

grpc::Status FakeAuthServer::Validate(grpc::ServerContext* context,
                                      const v1::ValidateRequest* request,
                                      v1::ValidateResponse* response) {
  response->set_active(true);
  return Answer("Validate", request->credential(), context);
}

grpc::Status FakeAuthServer::BatchValidate(
    grpc::ServerContext* context, const v1::BatchValidateRequest* request,
    v1::BatchValidateResponse* response) {
  for (int i = 0; i < request->requests_size(); ++i) {
    response->add_responses()->set_active(true);
  }
  return Answer("BatchValidate", "", context);
}

grpc::Status FakeAuthServer::Refresh(grpc::ServerContext* context,
                                     const v1::RefreshRequest* request,
                                     v1::RefreshResponse* response) {
  const grpc::Status status =
      Answer("Refresh", request->refresh_credential(), context);
  if (status.ok()) Issue(response);
  return status;
}

grpc::Status FakeAuthServer::Logout(grpc::ServerContext* context,
                                    const v1::LogoutRequest* request,
                                    v1::LogoutResponse* response) {
  response->set_ended_count(1);
  return Answer("Logout", request->credential(), context);
}

}  // namespace latchkey
