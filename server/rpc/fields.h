#ifndef LATCHKEY_SERVER_RPC_FIELDS_H_
#define LATCHKEY_SERVER_RPC_FIELDS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/repeated_field.h"

#include "client/base/ids.h"
#include "client/base/secret_bytes.h"
#include "latchkey/v1/session.pb.h"
#include "server/account/account.h"
#include "server/base/error.h"

namespace latchkey {

// Limits of the contract besides those of tokens (token_limits.h); each is
// stated at its field in the .proto files.
constexpr size_t kMaxCredentialBytes = 8192;
constexpr size_t kMaxClientInfoBytes = 256;
constexpr int kMaxBatchValidate = 100;
constexpr int kMaxPageSize = 1000;
constexpr int kDefaultPageSize = 100;
// A page ends early when it has grown to this: clients of gRPC take answers of
// at most 4 MiB unless they say otherwise.
constexpr size_t kMaxPageBytes = size_t{3} << 20;
constexpr absl::Duration kMinSessionTtl = absl::Seconds(1);

// FieldChecks reads the fields of one request and collects what is wrong with
// them, so that the caller is told everything at once. Values returned are
// only to be used if status() is OK.
class FieldChecks {
 public:
  // Fail adds a violation.
  void Fail(absl::string_view field, absl::string_view description);

  void AccountId(absl::string_view field, absl::string_view value);
  void Password(absl::string_view field, const SecretBytes& value);
  void Credential(absl::string_view field, absl::string_view value);
  void Audience(absl::string_view field, absl::string_view value);
  void Audiences(absl::string_view field,
                 const google::protobuf::RepeatedPtrField<std::string>& values);
  void Roles(absl::string_view field,
             const google::protobuf::RepeatedPtrField<std::string>& values);
  void Client(absl::string_view field, const v1::ClientInfo& value);
  void CertificateNames(
      absl::string_view field,
      const google::protobuf::RepeatedPtrField<std::string>& values);

  // AccountName reads accounts/{account} and returns the bare name.
  std::string AccountName(absl::string_view field, absl::string_view value);

  // SessionName reads accounts/{account}/sessions/{id}.
  struct SessionRef {
    std::string account;
    SessionId id;
  };
  SessionRef SessionName(absl::string_view field, absl::string_view value);

  // SecretName reads accounts/{account}/secrets/{secret}.
  struct SecretRef {
    std::string account;
    ClientSecretId id;
  };
  SecretRef SecretName(absl::string_view field, absl::string_view value);

  void Kid(absl::string_view field, absl::string_view value);

  // PageSize returns 1 to kMaxPageSize; 0 is the default.
  int PageSize(absl::string_view field, int value);

  // Duration reads a duration that must be at least `least`, cut to whole
  // microseconds.
  absl::Duration Duration(absl::string_view field,
                          const google::protobuf::Duration& value,
                          absl::Duration least);

  // RevisionNumber reads the token of a revision of `epoch`.
  uint64_t RevisionNumber(absl::string_view field, const v1::Revision& value,
                          const Epoch& epoch);

  // status returns OK, or INVALID_ARGUMENT with every violation. If there is
  // none, but a revision is of another epoch: FAILED_PRECONDITION.
  absl::Status status() const;

 private:
  // Reads accounts/{account}/KIND/{id}; false if it is none.
  template <typename Id>
  static bool ReadChildName(absl::string_view value, absl::string_view infix,
                            std::string* account, Id* id);
  void Text(absl::string_view field, absl::string_view value, size_t limit);

  std::vector<FieldViolation> violations_;
  bool other_epoch_ = false;
};

// MoveSecret takes a secret out of a request's field and wipes the field.
SecretBytes MoveSecret(std::string* field);

// Page tokens: opaque to clients, base64url of what the page ended with.
std::string AccountPageToken(absl::string_view last_name);
std::optional<std::string> ReadAccountPageToken(absl::string_view token);
std::string SessionPageToken(const SessionId& last_id);
std::optional<SessionId> ReadSessionPageToken(absl::string_view token);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_FIELDS_H_
