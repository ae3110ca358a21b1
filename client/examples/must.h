#ifndef LATCHKEY_CLIENT_EXAMPLES_MUST_H_
#define LATCHKEY_CLIENT_EXAMPLES_MUST_H_

#include <cstdlib>
#include <iostream>
#include <utility>

#include "absl/status/statusor.h"

// Must returns what was made; a program that cannot begin says why, and ends.
template <typename T>
T Must(absl::StatusOr<T> made) {
  if (!made.ok()) {
    std::cerr << made.status() << "\n";
    std::exit(1);
  }
  return *std::move(made);
}

#endif  // LATCHKEY_CLIENT_EXAMPLES_MUST_H_
