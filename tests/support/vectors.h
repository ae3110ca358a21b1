#ifndef LATCHKEY_TESTS_SUPPORT_VECTORS_H_
#define LATCHKEY_TESTS_SUPPORT_VECTORS_H_

#include <fstream>
#include <string>

#include "nlohmann/json.hpp"

namespace latchkey {

// ReadVectors returns a file of tests/vectors. Throws, and so fails the test,
// if it is missing or no JSON.
inline nlohmann::ordered_json ReadVectors(const std::string& name) {
  std::ifstream file(std::string(LATCHKEY_VECTORS) + "/" + name);
  return nlohmann::ordered_json::parse(file);
}

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SUPPORT_VECTORS_H_
