#include "client/request_secrets.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace latchkey {
namespace {

// Longer than what fits into a string itself, whose memory then stays.
constexpr absl::string_view kSecret = "more than a handful of characters";

// Puts the secret into `field`, which is one of `request`'s, and looks where it
// was once it is wiped.
template <typename Request>
void ExpectWiped(Request* request, std::string* field) {
  *field = std::string(kSecret);
  const absl::string_view place(field->data(), field->size());
  WipeSecrets(request);
  EXPECT_TRUE(field->empty());
  EXPECT_FALSE(absl::StrContains(place, "characters"));
}

TEST(RequestSecretsTest, AnyProofOfALoginIsOverwritten) {
  v1::LoginRequest password, secret, assertion;
  ExpectWiped(&password, password.mutable_password());
  ExpectWiped(&secret, secret.mutable_client_secret());
  ExpectWiped(&assertion, assertion.mutable_client_assertion());
}

TEST(RequestSecretsTest, ALoginByCertificateStaysOne) {
  v1::LoginRequest request;
  request.mutable_client_certificate();
  WipeSecrets(&request);
  EXPECT_TRUE(request.has_client_certificate());
}

TEST(RequestSecretsTest, CredentialsAreOverwritten) {
  v1::ValidateRequest validate;
  ExpectWiped(&validate, validate.mutable_credential());
  v1::BatchValidateRequest batch;
  batch.add_requests();
  ExpectWiped(&batch, batch.add_requests()->mutable_credential());
  v1::RefreshRequest refresh;
  ExpectWiped(&refresh, refresh.mutable_refresh_credential());
  v1::LogoutRequest logout;
  ExpectWiped(&logout, logout.mutable_credential());
}

TEST(RequestSecretsTest, ALogoutBySessionStaysOne) {
  v1::LogoutRequest request;
  request.set_session("accounts/alice/sessions/1");
  WipeSecrets(&request);
  EXPECT_EQ(request.session(), "accounts/alice/sessions/1");
}

}  // namespace
}  // namespace latchkey
