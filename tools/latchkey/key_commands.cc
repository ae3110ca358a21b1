#include <iostream>
#include <string>

#include "nlohmann/json.hpp"

#include "latchkey/v1/key.grpc.pb.h"
#include "tools/latchkey/commands.h"
#include "tools/latchkey/options.h"
#include "tools/latchkey/server.h"
#include "tools/latchkey/show.h"
#include "tools/latchkey/table.h"
#include "tools/latchkey/wait.h"

namespace latchkey {
namespace {

using Keys = v1::KeyService;

struct NoOptions {};

void DefineNothing(CLI::App*, NoOptions*) {}

std::string StateText(v1::KeyState state) {
  switch (state) {
    case v1::KEY_STATE_PUBLISHED:
      return "published";
    case v1::KEY_STATE_SIGNING:
      return "signing";
    case v1::KEY_STATE_RETIRING:
      return "retiring";
    default:
      return "unknown";
  }
}

ExitCode List(const Invocation& invocation, const NoOptions&) {
  const v1::ListKeysRequest request;
  v1::ListKeysResponse response;
  const ExitCode code =
      Server(invocation)
          .Call<Keys>(&Keys::StubInterface::ListKeys, request, &response);
  if (code != ExitCode::kYes) return code;
  Table table({"KEY", "ALGORITHM", "STATE", "SIGNS FROM", "GONE AT"});
  for (const v1::Key& key : response.keys()) {
    table.AddRow({key.kid(), key.algorithm(), StateText(key.state()),
                  TimeText(key.activate_time()),
                  key.has_gone_time() ? TimeText(key.gone_time()) : ""});
  }
  return Show(invocation, response, table.Text());
}

ExitCode Rotate(const Invocation& invocation, const NoOptions&) {
  const v1::RotateKeyRequest request;
  v1::RotateKeyResponse response;
  const ExitCode code =
      Server(invocation)
          .Call<Keys>(&Keys::StubInterface::RotateKey, request, &response);
  if (code != ExitCode::kYes) return code;
  Record record;
  record.Add("key", response.key().kid());
  record.Add("algorithm", response.key().algorithm());
  record.Add("state", StateText(response.key().state()));
  record.Add("signs from", TimeText(response.key().activate_time()));
  return Show(invocation, response, record.Text());
}

struct RevokeOptions {
  std::string kid;
  WaitOptions wait;
};

void DefineRevoke(CLI::App* command, RevokeOptions* options) {
  command->add_option("key", options->kid, "The key, as key list names it")
      ->required();
  AddWaitOptions(command, &options->wait);
}

ExitCode Revoke(const Invocation& invocation, const RevokeOptions& options) {
  v1::RevokeKeyRequest request;
  request.set_kid(options.kid);
  ApplyWait(options.wait, &request);
  v1::RevokeKeyResponse response;
  const ExitCode code =
      Server(invocation)
          .Call<Keys>(&Keys::StubInterface::RevokeKey, request, &response);
  if (code != ExitCode::kYes) return code;
  Record record;
  record.Add("revoked", options.kid);
  if (response.has_successor()) {
    record.Add("signs now", response.successor().kid());
  }
  return ShowTaken(invocation, options.wait, response, record.Text());
}

ExitCode Jwks(const Invocation& invocation, const NoOptions&) {
  const v1::GetJwksRequest request;
  v1::GetJwksResponse response;
  const ExitCode code =
      Server(invocation)
          .Call<Keys>(&Keys::StubInterface::GetJwks, request, &response);
  if (code != ExitCode::kYes) return code;
  // Parsed and written anew: what goes to a terminal or a file is JSON and
  // ASCII, whatever was sent.
  const auto set =
      nlohmann::ordered_json::parse(response.jwks(), nullptr, false);
  if (set.is_discarded()) {
    std::cerr << "latchkey: the server's key set is no JSON\n";
    return ExitCode::kNoAnswer;
  }
  std::cout << set.dump(1, ' ', true) << "\n";
  return ExitCode::kYes;
}

}  // namespace

void AddKeyCommands(CLI::App* app, Invocation* invocation) {
  CLI::App* key =
      app->add_subcommand("key", "Show, rotate and revoke signing keys");
  key->require_subcommand(1);
  AddCommand<NoOptions>(
      key, invocation, "list",
      "List the keys and their place in life (admin socket)",
      "example:\n  latchkey --server unix:DIR/admin.sock key list",
      DefineNothing, List);
  AddCommand<NoOptions>(
      key, invocation, "rotate",
      "Publish the next key, which signs later (admin socket)",
      "example:\n  latchkey --server unix:DIR/admin.sock key rotate",
      DefineNothing, Rotate);
  AddCommand<RevokeOptions>(
      key, invocation, "revoke",
      "End all JWTs of a key at once; sessions live on (admin socket)",
      "example:\n  latchkey --server unix:DIR/admin.sock key revoke KID",
      DefineRevoke, Revoke);
  AddCommand<NoOptions>(key, invocation, "jwks",
                        "Print the public keys as a JWK set, JSON always",
                        "example:\n  latchkey key jwks > jwks.json",
                        DefineNothing, Jwks);
}

}  // namespace latchkey
