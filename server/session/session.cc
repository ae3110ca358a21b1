#include "server/session/session.h"
