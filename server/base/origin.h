#ifndef LATCHKEY_SERVER_BASE_ORIGIN_H_
#define LATCHKEY_SERVER_BASE_ORIGIN_H_

#include <cstdint>
#include <string>

namespace latchkey {

// Permission is a right of a caller, beyond what anyone has who reaches the
// port.
enum class Permission : uint8_t {
  kValidate,       // Validate and BatchValidate
  kAdminister,     // accounts, sessions and keys
  kSeeReason,      // learn why a credential is not active
  kLoginOnBehalf,  // have ClientInfo of Login counted as the true source
};

// PermissionSet is a set of them. A value.
class PermissionSet {
 public:
  constexpr PermissionSet() = default;
  static constexpr PermissionSet All() {
    return PermissionSet()
        .With(Permission::kValidate)
        .With(Permission::kAdminister)
        .With(Permission::kSeeReason)
        .With(Permission::kLoginOnBehalf);
  }

  constexpr PermissionSet With(Permission permission) const {
    return PermissionSet(bits_ | Bit(permission));
  }
  constexpr PermissionSet And(PermissionSet others) const {
    return PermissionSet(bits_ | others.bits_);
  }
  constexpr bool Has(Permission permission) const {
    return (bits_ & Bit(permission)) != 0;
  }
  friend constexpr bool operator==(PermissionSet, PermissionSet) = default;

 private:
  explicit constexpr PermissionSet(uint32_t bits) : bits_(bits) {}
  static constexpr uint32_t Bit(Permission permission) {
    return uint32_t{1} << static_cast<int>(permission);
  }

  uint32_t bits_ = 0;
};

// Caller is who makes a call, as far as the server has established it. It is
// established for each call anew and never kept with the connection.
struct Caller {
  enum class Kind {
    kUnknown,         // reached the port
    kOperator,        // reached the Unix socket of the data directory
    kCertificate,     // showed a client certificate
    kServiceAccount,  // showed a credential of a service account
  };
  Kind kind = Kind::kUnknown;
  // "operator", a SAN of the certificate, "accounts/NAME"; empty if unknown.
  std::string name;
  PermissionSet permissions;
};

// Origin is where a call came from: for the guard of logins and for the audit.
struct Origin {
  Caller caller;
  // The peer's IP address without its port, as the transport knows it; empty
  // for the Unix socket.
  std::string address;
  // Names the call in logs, the audit and the trailers of its answer.
  std::string correlation_id;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_BASE_ORIGIN_H_
