#ifndef LATCHKEY_SERVER_AUTH_HASH_ANSWER_H_
#define LATCHKEY_SERVER_AUTH_HASH_ANSWER_H_

#include <functional>

#include "server/base/task_pool.h"

namespace latchkey {

// AnswerOnWorker runs `answer`, which comes of a job of the hash pool, on a
// thread of `workers`, whatever their queue's limit; once they have stopped, in
// place. A hash thread has what others leave of a processor, and who answers
// writes for its connection, on which other calls may wait to be answered.
inline void AnswerOnWorker(TaskPool& workers,
                           const std::function<void()>& answer) {
  if (!workers.Continue(answer)) answer();
}

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_AUTH_HASH_ANSWER_H_
