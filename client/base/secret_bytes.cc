#include "client/base/secret_bytes.h"

#include <cstring>
#include <utility>

namespace latchkey {

void WipeMemory(void* data, size_t size) {
  if (size > 0) explicit_bzero(data, size);
}

SecretBytes::SecretBytes(absl::string_view bytes) : SecretBytes(bytes.size()) {
  if (!bytes.empty()) std::memcpy(bytes_.get(), bytes.data(), bytes.size());
}

SecretBytes::SecretBytes(size_t size)
    : bytes_(size > 0 ? new uint8_t[size]() : nullptr), size_(size) {}

SecretBytes::~SecretBytes() { Wipe(); }

SecretBytes::SecretBytes(SecretBytes&& other) noexcept
    : bytes_(std::move(other.bytes_)), size_(std::exchange(other.size_, 0)) {}

SecretBytes& SecretBytes::operator=(SecretBytes&& other) noexcept {
  if (this != &other) {
    Wipe();
    bytes_ = std::move(other.bytes_);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

absl::string_view SecretBytes::Reveal() const {
  return absl::string_view(reinterpret_cast<const char*>(bytes_.get()), size_);
}

bool operator==(const SecretBytes& a, const SecretBytes& b) {
  if (a.size_ != b.size_) return false;
  volatile uint8_t difference = 0;
  for (size_t i = 0; i < a.size_; ++i) {
    difference = difference | (a.bytes_[i] ^ b.bytes_[i]);
  }
  return difference == 0;
}

void SecretBytes::Wipe() {
  if (bytes_ != nullptr) WipeMemory(bytes_.get(), size_);
}

}  // namespace latchkey
