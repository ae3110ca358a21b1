#ifndef LATCHKEY_CLIENT_BASE_SECRET_BYTES_H_
#define LATCHKEY_CLIENT_BASE_SECRET_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/strings/string_view.h"

namespace latchkey {

// SecretBytes holds a password, a credential or a private key: it is wiped
// when it dies, has no printed form, and compares in constant time.
//
// Movable; a copy must be asked for by name. Not thread-safe for writing.
class SecretBytes {
 public:
  SecretBytes() = default;
  // Copies `bytes`; wiping the source is the caller's business.
  explicit SecretBytes(absl::string_view bytes);
  // Makes `size` zero bytes, to be filled through data().
  explicit SecretBytes(size_t size);
  ~SecretBytes();

  SecretBytes(SecretBytes&& other) noexcept;
  SecretBytes& operator=(SecretBytes&& other) noexcept;
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;

  // Copy returns an independent copy.
  SecretBytes Copy() const { return SecretBytes(Reveal()); }

  // Reveal returns the bytes; valid while this object lives unmoved. The name
  // is long on purpose: every use is a place to check that nothing is logged.
  absl::string_view Reveal() const;

  uint8_t* data() { return bytes_.get(); }
  const uint8_t* data() const { return bytes_.get(); }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // Compares in time that depends on the sizes alone.
  friend bool operator==(const SecretBytes& a, const SecretBytes& b);

 private:
  void Wipe();

  std::unique_ptr<uint8_t[]> bytes_;
  size_t size_ = 0;
};

// WipeMemory overwrites `size` bytes at `data` so that the compiler cannot
// leave it out. For the buffers of others (a request's string field).
void WipeMemory(void* data, size_t size);

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_BASE_SECRET_BYTES_H_
