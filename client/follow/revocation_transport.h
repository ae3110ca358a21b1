#ifndef LATCHKEY_CLIENT_FOLLOW_REVOCATION_TRANSPORT_H_
#define LATCHKEY_CLIENT_FOLLOW_REVOCATION_TRANSPORT_H_

#include <functional>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"

#include "client/verify/revocation_message.h"

namespace latchkey {

// RevocationLink is one stream of revocations, whatever carries it. It holds
// one message that came at most: nothing more is read before that was taken, so
// that a server that sends faster than is read queues up on its own side.
//
// One thread at a time. Never blocks. Once it is destroyed the stream is over.
class RevocationLink {
 public:
  virtual ~RevocationLink() = default;

  // CanSend tells whether nothing is being written: messages that wait in a
  // queue would be of no use.
  virtual bool CanSend() const = 0;
  // Send writes `message`. REQUIRES: CanSend
  virtual void Send(const VerifierMessage& message) = 0;

  // Receive returns what came next; nullopt: nothing yet. An error means that
  // the stream is over: there will be no more.
  virtual std::optional<absl::StatusOr<ServerMessage>> Receive() = 0;
};

// RevocationTransport begins streams to one server.
class RevocationTransport {
 public:
  virtual ~RevocationTransport() = default;

  // Connect begins a stream; never blocks, never null. `wake` is called, from
  // any thread and perhaps once too often, also when the link is gone already,
  // whenever CanSend or Receive may say something else than before.
  virtual std::unique_ptr<RevocationLink> Connect(
      std::function<void()> wake) = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_FOLLOW_REVOCATION_TRANSPORT_H_
