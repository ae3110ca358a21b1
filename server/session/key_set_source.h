#ifndef LATCHKEY_SERVER_SESSION_KEY_SET_SOURCE_H_
#define LATCHKEY_SERVER_SESSION_KEY_SET_SOURCE_H_

#include <memory>
#include <string>

namespace latchkey {

// KeySetSource knows the public keys by which tokens are to be judged now.
// Safe from any thread; never blocks.
class KeySetSource {
 public:
  virtual ~KeySetSource() = default;

  // Current returns the JWK set that is published, as text: the same object as
  // long as it is unchanged. Null: none yet.
  virtual std::shared_ptr<const std::string> Current() const = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SESSION_KEY_SET_SOURCE_H_
