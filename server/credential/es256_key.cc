#include "server/credential/es256_key.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string>
#include <utility>

#include "client/base/status_macros.h"
#include "server/credential/digest.h"

namespace latchkey {
namespace {

constexpr size_t kScalarSize = 32;
constexpr size_t kPointSize = 1 + 2 * kScalarSize;  // 0x04, x, y

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Number = std::unique_ptr<BIGNUM, Freer<BN_clear_free>>;
using NumberContext = std::unique_ptr<BN_CTX, Freer<BN_CTX_free>>;
using Group = std::unique_ptr<EC_GROUP, Freer<EC_GROUP_free>>;
using Point = std::unique_ptr<EC_POINT, Freer<EC_POINT_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Freer<EVP_PKEY_CTX_free>>;
using DerSignature = std::unique_ptr<ECDSA_SIG, Freer<ECDSA_SIG_free>>;
using PointBytes = std::array<uint8_t, kPointSize>;

absl::Status OpensslFailed() {
  // What it left for this thread concerns nobody after it.
  ERR_clear_error();
  return absl::InternalError("OpenSSL failed on an ES256 key");
}

// Computes the public point of the scalar.
absl::StatusOr<PointBytes> ComputePoint(const BIGNUM* scalar) {
  const NumberContext context(BN_CTX_new());
  const Group group(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  if (context == nullptr || group == nullptr) return OpensslFailed();
  if (BN_is_zero(scalar) ||
      BN_cmp(scalar, EC_GROUP_get0_order(group.get())) >= 0) {
    return absl::InvalidArgumentError("not a private scalar of P-256");
  }
  const Point point(EC_POINT_new(group.get()));
  PointBytes bytes;
  if (point == nullptr ||
      EC_POINT_mul(group.get(), point.get(), scalar, nullptr, nullptr,
                   context.get()) != 1 ||
      EC_POINT_point2oct(group.get(), point.get(),
                         POINT_CONVERSION_UNCOMPRESSED, bytes.data(),
                         bytes.size(), context.get()) != bytes.size()) {
    return OpensslFailed();
  }
  return bytes;
}

absl::StatusOr<Key> MakeKey(const BIGNUM* scalar, PointBytes& point) {
  // OpenSSL wants a number here in the byte order of the machine.
  SecretBytes native(kScalarSize);
  std::string group = SN_X9_62_prime256v1;
  OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group.data(),
                                       group.size()),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                        point.size()),
      OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, native.data(),
                              native.size()),
      OSSL_PARAM_construct_end()};
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* key = nullptr;
  if (BN_bn2nativepad(scalar, native.data(), kScalarSize) < 0 ||
      context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_KEYPAIR, params) != 1) {
    return OpensslFailed();
  }
  return Key(key);
}

class Es256Key final : public SigningKey {
 public:
  Es256Key(SecretBytes scalar, PublicKey public_key, Key key)
      : SigningKey(KeyAlgorithm::kEs256, std::move(scalar),
                   std::move(public_key)),
        key_(std::move(key)) {}

  absl::StatusOr<std::string> Sign(absl::string_view input) const override {
    const CredentialDigest digest = DigestOf(input);
    std::array<uint8_t, 80> der;  // two integers of 33 bytes and their headers
    size_t size = der.size();
    const KeyContext context(
        EVP_PKEY_CTX_new_from_pkey(nullptr, key_.get(), nullptr));
    if (context == nullptr || EVP_PKEY_sign_init(context.get()) != 1 ||
        EVP_PKEY_sign(context.get(), der.data(), &size, digest.array().data(),
                      digest.kSize) != 1) {
      return OpensslFailed();
    }
    const uint8_t* in = der.data();
    const DerSignature parsed(
        d2i_ECDSA_SIG(nullptr, &in, static_cast<long>(size)));
    std::string raw(2 * kScalarSize, '\0');
    uint8_t* const out = reinterpret_cast<uint8_t*>(raw.data());
    if (parsed == nullptr ||
        BN_bn2binpad(ECDSA_SIG_get0_r(parsed.get()), out, kScalarSize) < 0 ||
        BN_bn2binpad(ECDSA_SIG_get0_s(parsed.get()), out + kScalarSize,
                     kScalarSize) < 0) {
      return OpensslFailed();
    }
    return raw;
  }

 private:
  const Key key_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<const SigningKey>> MakeEs256Key(
    SecretBytes scalar) {
  if (scalar.size() != kScalarSize) {
    return absl::InvalidArgumentError("not a private scalar of P-256");
  }
  const Number number(BN_bin2bn(scalar.data(), kScalarSize, nullptr));
  if (number == nullptr) return OpensslFailed();
  BN_set_flags(number.get(), BN_FLG_CONSTTIME);
  LATCHKEY_ASSIGN_OR_RETURN(PointBytes point, ComputePoint(number.get()));
  LATCHKEY_ASSIGN_OR_RETURN(Key key, MakeKey(number.get(), point));
  const absl::string_view bytes(reinterpret_cast<const char*>(point.data()),
                                point.size());
  LATCHKEY_ASSIGN_OR_RETURN(
      PublicKey public_key,
      PublicKey::FromEs256Point(bytes.substr(1, kScalarSize),
                                bytes.substr(1 + kScalarSize)));
  return std::make_shared<const Es256Key>(
      std::move(scalar), std::move(public_key), std::move(key));
}

}  // namespace latchkey
