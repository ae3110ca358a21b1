#include "client/request_secrets.h"

#include <string>

#include "client/base/secret_bytes.h"

namespace latchkey {
namespace {

void Wipe(std::string* secret) {
  WipeMemory(secret->data(), secret->size());
  secret->clear();
}

}  // namespace

void WipeSecrets(v1::LoginRequest* request) {
  // Asking for a proof that is not there would make it the one that is.
  if (request->has_password()) Wipe(request->mutable_password());
  if (request->has_client_secret()) Wipe(request->mutable_client_secret());
  if (request->has_client_assertion()) {
    Wipe(request->mutable_client_assertion());
  }
}

void WipeSecrets(v1::ValidateRequest* request) {
  Wipe(request->mutable_credential());
}

void WipeSecrets(v1::BatchValidateRequest* request) {
  for (v1::ValidateRequest& one : *request->mutable_requests()) {
    WipeSecrets(&one);
  }
}

void WipeSecrets(v1::RefreshRequest* request) {
  Wipe(request->mutable_refresh_credential());
}

void WipeSecrets(v1::LogoutRequest* request) {
  if (request->has_credential()) Wipe(request->mutable_credential());
}

}  // namespace latchkey
