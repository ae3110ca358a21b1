#ifndef LATCHKEY_CLIENT_AGENT_AGENT_H_
#define LATCHKEY_CLIENT_AGENT_AGENT_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/server.h"

#include "client/agent/agent_door.h"
#include "client/agent/agent_service.h"
#include "client/agent/agent_socket.h"
#include "client/agent/local_answers.h"
#include "client/agent/session_book.h"
#include "client/agent/settings.h"
#include "client/auth_client.h"
#include "client/base/clock.h"
#include "client/offline_validator.h"
#include "client/service_credentials.h"

namespace latchkey {

// Agent is all of latchkey-agent but the process: it listens from Start until
// it is destroyed, which waits for the calls under way. Its health is SERVING
// while it can answer by itself.
class Agent {
 public:
  // Start claims the socket, begins to follow the server and listens; the
  // server need not be there. For a process without other threads that make
  // files, since it sets the umask meanwhile.
  //   kInvalidArgument     a setting that cannot be used
  //   kFailedPrecondition  a file that cannot be read, the socket is another's,
  //                        or descriptors are too few for its connections
  // The message says which, and holds no secret.
  static absl::StatusOr<std::unique_ptr<Agent>> Start(
      const AgentSettings& settings);

  ~Agent();
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  // Look has health say what holds now. Returns a line for the log if that is
  // other than at the last look, else nothing.
  std::string Look();

 private:
  explicit Agent(absl::Duration ask_timeout);
  absl::Status Open(const AgentSettings& settings);
  absl::Status OpenCredentials(const AgentSettings& settings);
  absl::Status Listen(const AgentSettings& settings);

  const absl::Duration ask_timeout_;
  const SystemClock clock_;
  std::unique_ptr<AgentSocket> socket_;
  std::unique_ptr<AuthClient> client_;
  std::unique_ptr<ServiceCredentials> credentials_;  // null: none
  std::unique_ptr<OfflineValidator> validator_;
  SessionBook book_;
  std::unique_ptr<LocalAnswers> answers_;
  std::unique_ptr<AgentService> service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<AgentDoor> door_;

  // Of the thread that looks.
  bool is_ready_ = false;
  bool has_looked_ = false;
  size_t refused_by_server_ = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_AGENT_AGENT_H_
