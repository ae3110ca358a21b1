#include "server/base/random.h"

#include <cstdlib>
#include <errno.h>
#include <sys/random.h>

namespace latchkey {

void FillRandom(uint8_t* data, size_t size) {
  while (size > 0) {
    const ssize_t got = getrandom(data, size, 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      std::abort();
    }
    data += got;
    size -= static_cast<size_t>(got);
  }
}

}  // namespace latchkey
