#include <string>

#include "latchkey/v1/session_service.grpc.pb.h"
#include "tools/latchkey/commands.h"
#include "tools/latchkey/options.h"
#include "tools/latchkey/server.h"
#include "tools/latchkey/show.h"
#include "tools/latchkey/table.h"
#include "tools/latchkey/wait.h"

namespace latchkey {
namespace {

using Sessions = v1::SessionService;

struct SessionOptions {
  std::string name;  // of the account, or of the session
  WaitOptions wait;  // of revoke
};

ExitCode List(const Invocation& invocation, const SessionOptions& options) {
  Server server(invocation);
  v1::ListSessionsRequest request;
  request.set_parent(AccountResource(options.name));
  v1::ListSessionsResponse all;
  Table table({"SESSION", "LAST SEEN", "ENDS", "AUDIENCES", "DEVICE"});
  do {
    v1::ListSessionsResponse page;
    const ExitCode code = server.Call<Sessions>(
        &Sessions::StubInterface::ListSessions, request, &page);
    if (code != ExitCode::kYes) return code;
    for (const v1::Session& session : page.sessions()) {
      table.AddRow({session.name(), TimeText(session.last_seen_time()),
                    TimeText(session.expire_time()),
                    Joined(session.audiences()),
                    session.client().device_label()});
    }
    request.set_page_token(page.next_page_token());
    page.clear_next_page_token();
    all.MergeFrom(page);
  } while (!request.page_token().empty());
  return Show(invocation, all, table.Text());
}

ExitCode ShowOne(const Invocation& invocation, const SessionOptions& options) {
  v1::GetSessionRequest request;
  request.set_name(options.name);
  v1::GetSessionResponse response;
  const ExitCode code =
      Server(invocation)
          .Call<Sessions>(&Sessions::StubInterface::GetSession, request,
                          &response);
  if (code != ExitCode::kYes) return code;
  Record record;
  AddSession(response.session(), &record);
  return Show(invocation, response, record.Text());
}

ExitCode Revoke(const Invocation& invocation, const SessionOptions& options) {
  v1::RevokeSessionRequest request;
  request.set_name(options.name);
  ApplyWait(options.wait, &request);
  v1::RevokeSessionResponse response;
  const ExitCode code =
      Server(invocation)
          .Call<Sessions>(&Sessions::StubInterface::RevokeSession, request,
                          &response);
  if (code != ExitCode::kYes) return code;
  return ShowTaken(invocation, options.wait, response,
                   response.ended() ? "ended\n" : "had ended before\n");
}

void DefineSession(CLI::App* command, SessionOptions* options) {
  command
      ->add_option("session", options->name,
                   "Its name, accounts/NAME/sessions/ID, as list shows it")
      ->required();
}

}  // namespace

void AddSessionCommands(CLI::App* app, Invocation* invocation) {
  CLI::App* session = app->add_subcommand(
      "session", "Show and end sessions of others (admin socket)");
  session->require_subcommand(1);
  AddCommand<SessionOptions>(
      session, invocation, "list", "List the live sessions of an account",
      "example:\n  latchkey --server unix:DIR/admin.sock session list alice",
      [](CLI::App* command, SessionOptions* options) {
        command->add_option("account", options->name, "Its name, e.g. alice")
            ->required();
      },
      List);
  AddCommand<SessionOptions>(
      session, invocation, "show", "Show one live session",
      "example:\n  latchkey session show accounts/alice/sessions/ID",
      DefineSession, ShowOne);
  AddCommand<SessionOptions>(
      session, invocation, "revoke", "End one session",
      "example:\n  latchkey session revoke accounts/alice/sessions/ID",
      [](CLI::App* command, SessionOptions* options) {
        DefineSession(command, options);
        AddWaitOptions(command, &options->wait);
      },
      Revoke);
}

}  // namespace latchkey
