#include "absl/strings/str_cat.h"

#include "latchkey/v1/admin.grpc.pb.h"
#include "tools/latchkey/commands.h"
#include "tools/latchkey/options.h"
#include "tools/latchkey/server.h"
#include "tools/latchkey/show.h"
#include "tools/latchkey/table.h"

namespace latchkey {
namespace {

struct NoOptions {};

ExitCode Info(const Invocation& invocation, const NoOptions&) {
  const v1::GetServerInfoRequest request;
  v1::GetServerInfoResponse response;
  const ExitCode code = Server(invocation)
                            .Call<v1::AdminService>(
                                &v1::AdminService::StubInterface::GetServerInfo,
                                request, &response);
  if (code != ExitCode::kYes) return code;
  Record record;
  record.Add("version", response.version());
  record.Add("epoch", response.epoch());
  record.Add("issuer", response.issuer());
  record.Add("started", TimeText(response.start_time()));
  record.Add("uptime", DurationText(response.uptime()));
  record.Add("accounts", absl::StrCat(response.account_count()));
  record.Add("sessions", absl::StrCat(response.session_count()));
  record.Add("sessions in memory",
             absl::StrCat(response.cached_session_count(),
                          response.cache_warm() ? "" : " (still warming)"));
  record.Add("revision", response.revision().token());
  if (response.has_clock_held_for()) {
    record.Add("clock held for", DurationText(response.clock_held_for()));
  }
  return Show(invocation, response, record.Text());
}

}  // namespace

void AddInfoCommand(CLI::App* app, Invocation* invocation) {
  AddCommand<NoOptions>(
      app, invocation, "info",
      "Show the server's version and counts (admin "
      "socket)",
      "example:\n  latchkey --server unix:DIR/admin.sock info",
      [](CLI::App*, NoOptions*) {}, Info);
}

}  // namespace latchkey
