// inventory LATCHKEY LISTEN ISSUER
//
// A service that other services call: it reserves items for whoever has the
// role `stock`. Credentials are checked here, in this process; what is taken
// back at Latchkey is refused here at once.
#include <iostream>
#include <memory>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"
#include "must.h"
#include "shop.grpc.pb.h"

#include "client/channel.h"
#include "client/offline_validator.h"
#include "client/server_guard.h"

using latchkey::MethodRule;
using latchkey::Principal;

class InventoryService final : public shop::Inventory::CallbackService {
 public:
  explicit InventoryService(latchkey::ServerGuard& guard) : guard_(guard) {}

  // A handler asks the guard who calls. One that forgets answers nobody.
  grpc::ServerUnaryReactor* Reserve(grpc::CallbackServerContext* context,
                                    const shop::ReserveRequest* request,
                                    shop::ReserveResponse* response) override {
    return guard_.Unary(context, [&](const Principal& who) {
      if (request->item().empty()) {
        return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "which item?");
      }
      response->set_by(who.account);
      return grpc::Status::OK;
    });
  }

 private:
  latchkey::ServerGuard& guard_;
};

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: inventory LATCHKEY LISTEN ISSUER\n";
    return 2;
  }
  // Who judges credentials: it follows Latchkey's stream of revocations.
  const auto validator = Must(latchkey::OfflineValidator::Create(
      Must(latchkey::OpenChannels({.target = argv[1]})), {.issuer = argv[3]}));
  validator->Start();
  validator->WaitUntilReady(absl::Now() + absl::Seconds(10));

  // Who may call what. A method without a rule is refused to everybody.
  const auto guard = Must(latchkey::ServerGuard::Create(
      *validator,
      {.audience = "inventory",
       .rules = {{"/shop.Inventory/Reserve", MethodRule::AllOf({"stock"})}}}));

  InventoryService service(*guard);
  grpc::ServerBuilder builder;
  builder.AddListeningPort(argv[2], grpc::InsecureServerCredentials());
  builder.RegisterService(&service);
  guard->AddTo(&builder);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) return 1;
  std::cout << "ready" << std::endl;
  server->Wait();
}
