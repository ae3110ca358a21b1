#ifndef LATCHKEY_CLIENT_REQUEST_SECRETS_H_
#define LATCHKEY_CLIENT_REQUEST_SECRETS_H_

#include "latchkey/v1/auth.pb.h"

namespace latchkey {

// WipeSecrets overwrites what of a request proves who somebody is, and leaves
// it empty: once it has been answered nobody needs it. What gRPC made of the
// request to send it is gRPC's, and not reached.
void WipeSecrets(v1::LoginRequest* request);
void WipeSecrets(v1::ValidateRequest* request);
void WipeSecrets(v1::BatchValidateRequest* request);
void WipeSecrets(v1::RefreshRequest* request);
void WipeSecrets(v1::LogoutRequest* request);

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_REQUEST_SECRETS_H_
