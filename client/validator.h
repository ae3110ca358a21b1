#ifndef LATCHKEY_CLIENT_VALIDATOR_H_
#define LATCHKEY_CLIENT_VALIDATOR_H_

// The public place of Validator; it is told of where nothing speaks gRPC.
#include "client/follow/validator.h"  // IWYU pragma: export

#endif  // LATCHKEY_CLIENT_VALIDATOR_H_
