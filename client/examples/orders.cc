// orders LATCHKEY LISTEN ISSUER INVENTORY SECRET_FILE
//
// A service that customers call, and that calls Inventory: as itself, with a
// credential of its own that it gets from Latchkey, and never lets grow old.
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <variant>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"
#include "must.h"
#include "shop.grpc.pb.h"

#include "client/auth_client.h"
#include "client/call_metadata.h"
#include "client/caller_proof.h"
#include "client/offline_validator.h"
#include "client/server_guard.h"
#include "client/service_credentials.h"

using latchkey::MethodRule;
using latchkey::Verdict;

// Has `to` be answered by nobody who knows less of what was taken back than the
// caller of `from` does.
absl::Status PassOnRevision(const grpc::ServerContext& from,
                            grpc::ClientContext* to) {
  const auto proof = latchkey::ReadCallerProof(from.client_metadata());
  const auto* const shown = std::get_if<latchkey::CallerProof>(&proof);
  if (shown == nullptr) return absl::OkStatus();
  return latchkey::AddRevision(shown->revision, to);
}

// With gRPC's synchronous API, for a change: it may wait.
class OrdersService final : public shop::Orders::Service {
 public:
  OrdersService(latchkey::ServerGuard& guard,
                latchkey::ServiceCredentials& credentials,
                const std::string& inventory)
      : guard_(guard),
        credentials_(credentials),
        inventory_(shop::Inventory::NewStub(grpc::CreateChannel(
            inventory, grpc::InsecureChannelCredentials()))) {}

  grpc::Status Place(grpc::ServerContext* context,
                     const shop::PlaceRequest* request,
                     shop::PlaceResponse* response) override {
    const Verdict who = guard_.Admit(context);
    if (who == nullptr) return guard_.Refusal(context);

    // The call ends when its caller's does, and carries our own credential.
    // Over TLS it would be set_credentials(credentials_.call_credentials()).
    const auto call = grpc::ClientContext::FromServerContext(*context);
    absl::Status ready = credentials_.AddTo(call.get());
    // What our caller knows to have happened, Inventory must know as well.
    if (ready.ok()) ready = PassOnRevision(*context, call.get());
    if (!ready.ok()) return {grpc::StatusCode::UNAVAILABLE, "no credential"};
    shop::ReserveRequest reserve;
    reserve.set_item(request->item());
    shop::ReserveResponse reserved;
    const grpc::Status status =
        inventory_->Reserve(call.get(), reserve, &reserved);
    if (!status.ok()) return {grpc::StatusCode::INTERNAL, "not reserved"};

    response->set_customer(who->account);
    response->set_reserved_by(reserved.by());
    return grpc::Status::OK;
  }

 private:
  latchkey::ServerGuard& guard_;
  latchkey::ServiceCredentials& credentials_;
  const std::unique_ptr<shop::Inventory::Stub> inventory_;
};

int main(int argc, char** argv) {
  if (argc != 6) {
    std::cerr << "usage: orders LATCHKEY LISTEN ISSUER INVENTORY SECRET_FILE\n";
    return 2;
  }
  const std::string inventory = argv[4];
  std::string secret;
  std::ifstream(argv[5]) >> secret;

  // Calls to Latchkey, and with them our own credential.
  const auto client =
      Must(latchkey::AuthClient::Create({.channel = {.target = argv[1]}}));
  const auto credentials = Must(latchkey::ServiceCredentials::Create(
      {.login = {.account = "orders",
                 .proof = latchkey::ClientSecret{latchkey::SecretBytes(secret)},
                 .audiences = {"inventory"}},
       .local_target = inventory},
      *client));

  // The rest is as in inventory.cc.
  const auto validator = Must(latchkey::OfflineValidator::Create(
      {client->channel()}, {.issuer = argv[3]}));
  validator->Start();
  validator->WaitUntilReady(absl::Now() + absl::Seconds(10));
  const auto guard = Must(latchkey::ServerGuard::Create(
      *validator,
      {.audience = "orders",
       .rules = {{"/shop.Orders/Place", MethodRule::AllOf({"customer"})}}}));

  OrdersService service(*guard, *credentials, inventory);
  grpc::ServerBuilder builder;
  builder.AddListeningPort(argv[2], grpc::InsecureServerCredentials());
  builder.RegisterService(&service);
  guard->AddTo(&builder);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) return 1;
  std::cout << "ready" << std::endl;
  server->Wait();
}
