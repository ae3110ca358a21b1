#ifndef LATCHKEY_SERVER_BASE_REACH_H_
#define LATCHKEY_SERVER_BASE_REACH_H_

namespace latchkey {

// Reach is how far a look-up may go.
enum class Reach {
  kMemory,  // never blocks; kUnavailable where the disk would have to be asked
  kDisk,    // for workers
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_BASE_REACH_H_
