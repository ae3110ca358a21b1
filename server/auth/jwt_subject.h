#ifndef LATCHKEY_SERVER_AUTH_JWT_SUBJECT_H_
#define LATCHKEY_SERVER_AUTH_JWT_SUBJECT_H_

#include "server/credential/jwt_issuer.h"
#include "server/session/session.h"

namespace latchkey {

// JwtSubjectOf returns what a JWT over `session` speaks of.
JwtSubject JwtSubjectOf(const Session& session);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_AUTH_JWT_SUBJECT_H_
