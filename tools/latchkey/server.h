#ifndef LATCHKEY_TOOLS_LATCHKEY_SERVER_H_
#define LATCHKEY_TOOLS_LATCHKEY_SERVER_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/status.h"

#include "tools/latchkey/invocation.h"

namespace latchkey {

// CheckAddress refuses an address that plaintext must not go to: anything but
// a Unix socket or a loopback address, unless `insecure`. TLS goes anywhere.
//   kInvalidArgument  refused; the message says how to go on
enum class Transport { kPlaintext, kTls };
absl::Status CheckAddress(absl::string_view address, bool insecure,
                          Transport transport = Transport::kPlaintext);

// Server is the server that an invocation speaks to. For one thread.
class Server {
 public:
  // `invocation` must outlive the server. Nothing is connected before Call.
  explicit Server(const Invocation& invocation);

  // Call makes one call, under the invocation's timeout. Unless it succeeds,
  // the failure has been printed, and the answer is its exit code.
  template <typename Service, typename Request, typename Response>
  ExitCode Call(grpc::Status (Service::StubInterface::*method)(
                    grpc::ClientContext*, const Request&, Response*),
                const Request& request, Response* response) {
    if (channel_ == nullptr) return ExitCode::kUsage;
    const auto stub = Service::NewStub(channel_);
    grpc::ClientContext context;
    SetDeadline(&context);
    typename Service::StubInterface& calls = *stub;
    return Report((calls.*method)(&context, request, response));
  }

 private:
  absl::Status Open();
  void SetDeadline(grpc::ClientContext* context) const;
  ExitCode Report(const grpc::Status& status) const;

  const Invocation& invocation_;
  const bool tls_;
  std::shared_ptr<grpc::Channel> channel_;  // null: refused, and said why
};

}  // namespace latchkey

#endif  // LATCHKEY_TOOLS_LATCHKEY_SERVER_H_
