#ifndef LATCHKEY_SERVER_BASE_RANDOM_H_
#define LATCHKEY_SERVER_BASE_RANDOM_H_

#include <cstddef>
#include <cstdint>

namespace latchkey {

// FillRandom fills `size` bytes from the kernel's generator (getrandom(2)).
// Ends the process if the kernel has none to give: nothing made without it
// would be safe. Never blocks once the machine has booted; any thread.
void FillRandom(uint8_t* data, size_t size);

// RandomBytes returns a FixedBytes of random content: RandomBytes<SessionId>().
template <typename Fixed>
Fixed RandomBytes() {
  Fixed value;
  FillRandom(value.array().data(), Fixed::kSize);
  return value;
}

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_BASE_RANDOM_H_
