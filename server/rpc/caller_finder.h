#ifndef LATCHKEY_SERVER_RPC_CALLER_FINDER_H_
#define LATCHKEY_SERVER_RPC_CALLER_FINDER_H_

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "grpcpp/security/auth_context.h"
#include "grpcpp/support/string_ref.h"

#include "server/base/origin.h"
#include "server/base/reach.h"
#include "server/rpc/grants.h"
#include "server/rpc/method.h"

namespace latchkey {

// AccountBehind returns the bare name of the service account whose live
// credential it is given; nullopt if it is none. With Reach::kMemory it never
// blocks, and kUnavailable without a Reason means: ask again with Reach::kDisk
// from a reader.
using AccountBehind = std::function<absl::StatusOr<std::optional<std::string>>(
    absl::string_view credential, Reach reach)>;

// CallerFinder establishes who makes a call that came by one listener.
//
//   the Unix socket   whoever reaches it is the operator, and may do all
//   certificate       what the grants of its SANs give together; a SPIFFE ID
//                     counts only if it is the certificate's one URI
//   authorization     "Bearer " and a credential of a service account. Looked
//                     at only if the certificate does not give what the method
//                     needs or heeds, and accounts have grants. The account is
//                     then the caller, unless only the certificate may make
//                     the call
//
// A method that needs no permission beyond anyone's never fails for what is in
// the header: clients may send there what concerns others. Where one is
// needed, what is there must be good.
//
// The transport must have verified the certificates that it hands on.
//
// Nothing is kept: each call is looked at anew, whatever its connection has
// called before. Safe from any thread.
class CallerFinder {
 public:
  using Metadata = std::multimap<grpc::string_ref, grpc::string_ref>;

  struct Options {
    Listener listener;
    bool open_validate;  // anyone may call Validate
    Grants grants;
    AccountBehind account_behind;
  };
  explicit CallerFinder(Options options);

  // anyone returns what everybody may who reaches this listener.
  PermissionSet anyone() const { return anyone_; }

  // MayHave tells whether some caller has `permission` here.
  bool MayHave(Permission permission) const;

  // OfCertificate returns the permissions that a call has without a look at
  // its headers. Never blocks.
  PermissionSet OfCertificate(const grpc::AuthContext& peer) const;

  // Find returns the caller of a method with `rule`, with all permissions that
  // count; whether they suffice is for the caller of this to decide.
  //   kUnauthenticated  kCallerRefused: a permission is needed, and what is in
  //                     `authorization` is malformed, twice or not alive
  //   kUnavailable      without a Reason: as AccountBehind; with one, the
  //                     store has failed or closed
  absl::StatusOr<Caller> Find(const MethodRule& rule,
                              const grpc::AuthContext& peer,
                              const Metadata& metadata, Reach reach) const;

 private:
  Caller ByCertificate(const grpc::AuthContext& peer) const;
  absl::StatusOr<Caller> ByAccount(Metadata::const_iterator first,
                                   Metadata::const_iterator last,
                                   Reach reach) const;

  const Options options_;
  const PermissionSet anyone_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_CALLER_FINDER_H_
