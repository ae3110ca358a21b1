#include "server/auth/jwt_subject.h"

namespace latchkey {

JwtSubject JwtSubjectOf(const Session& session) {
  JwtSubject subject;
  subject.account_uid = session.account_uid;
  subject.account = session.account;
  subject.session_id = session.id;
  subject.generation = session.generation;
  subject.auth_time = session.auth_time;
  subject.audiences = session.audiences;
  subject.amr = session.amr;
  subject.roles = session.roles;
  subject.expire_time = session.expire_time;
  subject.idle_expire_time = session.idle_expire_time();
  return subject;
}

}  // namespace latchkey
