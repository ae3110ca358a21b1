#ifndef LATCHKEY_CLIENT_PRINCIPAL_H_
#define LATCHKEY_CLIENT_PRINCIPAL_H_

// The public place of Principal; it is told of where nothing speaks gRPC.
#include "client/follow/principal.h"  // IWYU pragma: export

#endif  // LATCHKEY_CLIENT_PRINCIPAL_H_
