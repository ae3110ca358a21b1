#include "client/verify/key_material.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <sodium.h>
#include <string>
#include <utility>

#include "absl/numeric/bits.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

#include "client/verify/public_key.h"

namespace latchkey {
namespace {

constexpr size_t kCoordinateSize = 32;
constexpr size_t kEd25519KeySize = 32;
// Bounds the cost of a check: it grows with the exponent's bits.
constexpr size_t kMaxExponentSize = 4;

struct BuilderFree {
  void operator()(OSSL_PARAM_BLD* builder) const {
    OSSL_PARAM_BLD_free(builder);
  }
};
struct ParamsFree {
  void operator()(OSSL_PARAM* params) const { OSSL_PARAM_free(params); }
};
struct ContextFree {
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
};
struct NumberFree {
  void operator()(BIGNUM* number) const { BN_free(number); }
};
using Builder = std::unique_ptr<OSSL_PARAM_BLD, BuilderFree>;
using Params = std::unique_ptr<OSSL_PARAM, ParamsFree>;
using Context = std::unique_ptr<EVP_PKEY_CTX, ContextFree>;
using Number = std::unique_ptr<BIGNUM, NumberFree>;

uint8_t ByteAt(absl::string_view bytes, size_t i) {
  return static_cast<uint8_t>(bytes[i]);
}

bool IsOdd(absl::string_view number) {
  return (ByteAt(number, number.size() - 1) & 1) != 0;
}

// RFC 7518 section 6.3.1.1: as few bytes as the number needs.
bool IsMinimal(absl::string_view number) {
  return !number.empty() && number[0] != '\0';
}

size_t BitsOf(absl::string_view minimal) {
  return (minimal.size() - 1) * 8 +
         static_cast<size_t>(absl::bit_width(ByteAt(minimal, 0)));
}

Number ToNumber(absl::string_view bytes) {
  return Number(BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()),
                          static_cast<int>(bytes.size()), nullptr));
}

// Returns the key of these parameters, or null; leaves no OpenSSL error.
EvpKey KeyFromParams(const char* type, OSSL_PARAM_BLD* builder) {
  const Params params(OSSL_PARAM_BLD_to_param(builder));
  const Context context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (params == nullptr || context == nullptr ||
      EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY,
                        params.get()) != 1) {
    ERR_clear_error();
    return nullptr;
  }
  return EvpKey(key);
}

}  // namespace

absl::StatusOr<EvpKey> MakeP256Key(absl::string_view x, absl::string_view y) {
  if (x.size() != kCoordinateSize || y.size() != kCoordinateSize) {
    return absl::InvalidArgumentError("EC coordinates must have 32 bytes");
  }
  // 4 is the mark of an uncompressed point.
  const std::string point = absl::StrCat("\x04", x, y);
  const Builder builder(OSSL_PARAM_BLD_new());
  if (builder != nullptr &&
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME,
                                      "P-256", 0) == 1 &&
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY,
                                       point.data(), point.size()) == 1) {
    if (EvpKey key = KeyFromParams("EC", builder.get())) {
      const Context check(
          EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
      if (check != nullptr && EVP_PKEY_public_check(check.get()) == 1) {
        return key;
      }
    }
  }
  ERR_clear_error();
  return absl::InvalidArgumentError("EC point is not on P-256");
}

absl::StatusOr<EvpKey> MakeRsaKey(absl::string_view modulus,
                                  absl::string_view exponent) {
  if (!IsMinimal(modulus) || !IsMinimal(exponent)) {
    return absl::InvalidArgumentError(
        "RSA numbers must not be empty or begin with a zero byte");
  }
  if (BitsOf(modulus) < kMinRsaBits || BitsOf(modulus) > kMaxRsaBits) {
    return absl::InvalidArgumentError(
        "RSA modulus must have 2048 to 4096 bits");
  }
  if (!IsOdd(modulus)) {
    return absl::InvalidArgumentError("RSA modulus must be odd");
  }
  if (!IsOdd(exponent) || BitsOf(exponent) < 17 ||
      exponent.size() > kMaxExponentSize) {
    return absl::InvalidArgumentError(
        "RSA exponent must be odd and between 2^16 and 2^32");
  }
  const Number n = ToNumber(modulus);
  const Number e = ToNumber(exponent);
  const Builder builder(OSSL_PARAM_BLD_new());
  if (n != nullptr && e != nullptr && builder != nullptr &&
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) ==
          1 &&
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) ==
          1) {
    if (EvpKey key = KeyFromParams("RSA", builder.get())) return key;
  }
  ERR_clear_error();
  return absl::InvalidArgumentError("RSA key is refused by OpenSSL");
}

absl::Status CheckEd25519Point(absl::string_view bytes) {
  if (bytes.size() != kEd25519KeySize) {
    return absl::InvalidArgumentError("Ed25519 key must have 32 bytes");
  }
  if (sodium_init() < 0) return absl::InternalError("libsodium cannot start");
  if (crypto_core_ed25519_is_valid_point(
          reinterpret_cast<const unsigned char*>(bytes.data())) != 1) {
    return absl::InvalidArgumentError(
        "Ed25519 key is off the curve, of small order or not canonical");
  }
  return absl::OkStatus();
}

}  // namespace latchkey
