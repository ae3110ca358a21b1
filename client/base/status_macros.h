#ifndef LATCHKEY_CLIENT_BASE_STATUS_MACROS_H_
#define LATCHKEY_CLIENT_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// LATCHKEY_RETURN_IF_ERROR(expr) returns the status that `expr` gives if it is
// not OK. (Debian's Abseil has no such macro.)
#define LATCHKEY_RETURN_IF_ERROR(expr)                   \
  do {                                                   \
    ::absl::Status latchkey_status_ = (expr);            \
    if (!latchkey_status_.ok()) return latchkey_status_; \
  } while (false)

// LATCHKEY_ASSIGN_OR_RETURN(lhs, expr) assigns the value of the StatusOr that
// `expr` gives to `lhs`, or returns its status.
#define LATCHKEY_ASSIGN_OR_RETURN(lhs, expr)                                \
  LATCHKEY_ASSIGN_OR_RETURN_1_(LATCHKEY_CONCAT_(latchkey_value_, __LINE__), \
                               lhs, expr)
#define LATCHKEY_ASSIGN_OR_RETURN_1_(value, lhs, expr) \
  auto value = (expr);                                 \
  if (!value.ok()) return std::move(value).status();   \
  lhs = *std::move(value)
#define LATCHKEY_CONCAT_(a, b) LATCHKEY_CONCAT_1_(a, b)
#define LATCHKEY_CONCAT_1_(a, b) a##b

#endif  // LATCHKEY_CLIENT_BASE_STATUS_MACROS_H_
