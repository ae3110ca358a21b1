#ifndef LATCHKEY_SERVER_RPC_GRANTS_H_
#define LATCHKEY_SERVER_RPC_GRANTS_H_

#include <cstddef>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "server/base/origin.h"

namespace latchkey {

// Each is looked up in a table, so that this bounds memory and not time.
constexpr size_t kMaxGrants = 10000;
// The longest SPIFFE ID.
constexpr size_t kMaxGrantedUriBytes = 2048;
// A call's URI is cut at as many places at most to find what it lies below.
constexpr int kMaxUriSegments = 32;

// Grants says which permissions a caller has, beyond those of anyone:
//
//   uri:spiffe://example.org/billing   the URI in a certificate, byte by byte
//   uri:spiffe://example.org/prod/*    every URI below that, at any depth
//   dns:billing.example.org            the DNS name in a certificate
//   account:billing                    the service account
//
// A caller that several fit has what they give together. Built once, then read
// from any thread.
class Grants {
 public:
  // Add reads IDENTITY=ROLE[,ROLE]; roles are validator, admin, reason and
  // on_behalf. An identity may come again, and then has both.
  //   kInvalidArgument  one line that says what is wrong with which
  absl::Status Add(absl::string_view grant);

  // What certificates with that SAN, and that account, have. A `*` is only
  // matched by a URI whose path is plain: segments of [A-Za-z0-9._-], none of
  // them `.` or `..`.
  PermissionSet OfUri(absl::string_view uri) const;
  PermissionSet OfDns(absl::string_view name) const;
  PermissionSet OfAccount(absl::string_view account) const;

  // What at least one caller has, or one account: what nobody has need not be
  // looked for.
  PermissionSet OfAny() const { return any_; }
  PermissionSet OfAnyAccount() const { return any_account_; }

 private:
  using Table = absl::flat_hash_map<std::string, PermissionSet>;

  absl::Status AddIdentity(absl::string_view identity,
                           PermissionSet permissions);

  Table uris_;
  Table uris_below_;  // by what stands before the `*`, the slash included
  Table dns_names_;
  Table accounts_;
  PermissionSet any_;
  PermissionSet any_account_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_GRANTS_H_
