#include "server/rpc/self_probe.h"

#include <memory>
#include <sys/socket.h>

#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "gtest/gtest.h"

#include "latchkey/internal/v1/benchmark.grpc.pb.h"
#include "server/rpc/listening.h"

namespace latchkey {
namespace {

struct Pair {
  Pair() {
    int raw[2];
    EXPECT_EQ(
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, raw),
        0);
    client = FileDescriptor(raw[0]);
    server = FileDescriptor(raw[1]);
  }
  FileDescriptor client;
  FileDescriptor server;
};

// Longer than any answer takes.
constexpr absl::Duration kLong = absl::Minutes(10);

TEST(AskHealth, AnAnswerIsAnAnswerWhateverItSays) {
  grpc::EnableDefaultHealthCheckService(true);
  // gRPC starts no server that has nothing but health.
  internal::v1::BenchmarkService::CallbackService service;
  grpc::ServerBuilder builder;
  builder.RegisterService(&service);
  const auto inlet = builder.experimental().AddExternalConnectionAcceptor(
      grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
      grpc::InsecureServerCredentials());
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  ASSERT_NE(server, nullptr);
  for (const bool serving : {true, false}) {
    server->GetHealthCheckService()->SetServingStatus(serving);
    Pair pair;
    grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters
        connection;
    connection.fd = pair.server.Release();
    inlet->HandleNewConnection(&connection);
    EXPECT_EQ(AskHealth(std::move(pair.client), kLong), absl::OkStatus());
  }
  server->Shutdown();
}

TEST(AskHealth, NobodyThereIsNoAnswer) {
  Pair broken;
  broken.server.Close();
  EXPECT_TRUE(absl::IsUnavailable(AskHealth(std::move(broken.client), kLong)));
  Pair silent;
  EXPECT_TRUE(absl::IsUnavailable(
      AskHealth(std::move(silent.client), absl::Milliseconds(20))));
}

TEST(ConnectTo, WhatListensTakesItAcceptedOrNot) {
  auto listening = ListenOnNetwork("127.0.0.1:0");
  ASSERT_TRUE(listening.ok());
  const sockaddr_storage address = NearAddressOf(listening->sockets.front());
  EXPECT_EQ(ConnectTo(address, kLong), absl::OkStatus());
  listening->sockets.clear();
  EXPECT_TRUE(absl::IsUnavailable(ConnectTo(address, kLong)));
}

TEST(ConnectTo, AListenerOnAllAddressesIsReachedByLoopback) {
  const auto listening = ListenOnNetwork("0.0.0.0:0");
  ASSERT_TRUE(listening.ok());
  EXPECT_EQ(ConnectTo(NearAddressOf(listening->sockets.front()), kLong),
            absl::OkStatus());
}

}  // namespace
}  // namespace latchkey
