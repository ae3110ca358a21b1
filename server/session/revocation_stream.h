#ifndef LATCHKEY_SERVER_SESSION_REVOCATION_STREAM_H_
#define LATCHKEY_SERVER_SESSION_REVOCATION_STREAM_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "client/base/ids.h"
#include "client/verify/revocation_message.h"
#include "server/session/key_set_source.h"
#include "server/session/lease_table.h"
#include "server/session/revocation_log.h"

namespace latchkey {

// RevocationStream is the server's half of one stream. It knows nothing of
// what carries it: the owner hands it what came, and asks it what to write
// whenever it can write.
//
// Nothing queues up in it: it remembers how far it has written, and the newest
// lease not yet written. A consumer that does not read costs no more than one
// that does, and loses its lease.
//
// One thread at a time.
class RevocationStream {
 public:
  // Open returns a stream that has got no message yet.
  //   as LeaseTable::OpenStream
  // `log`, `keys` and `leases` must outlive it.
  static absl::StatusOr<std::unique_ptr<RevocationStream>> Open(
      const Epoch& epoch, const RevocationLog& log, const KeySetSource& keys,
      LeaseTable& leases);

  // The lease of the stream goes on to its end.
  ~RevocationStream();
  RevocationStream(const RevocationStream&) = delete;
  RevocationStream& operator=(const RevocationStream&) = delete;

  // Receive takes what came from the verifier. Never blocks.
  //   kInvalidArgument  not what a verifier may say now: end the stream
  [[nodiscard]] absl::Status Receive(const VerifierMessage& message);

  // Next returns what is to be written next, or nullopt: nothing, until
  // something was received, published in the log, or the keys changed. What it
  // returned must be written, in that order. Blocks only if NextReadsDisk.
  //   as RevocationLog::ReadAfter  end the stream
  [[nodiscard]] absl::StatusOr<std::optional<ServerMessage>> Next();
  bool NextReadsDisk() const;

 private:
  RevocationStream(const Epoch& epoch, const RevocationLog& log,
                   const KeySetSource& keys, LeaseTable& leases,
                   LeaseTable::StreamNumber number);

  absl::Status ReceiveOne(const Subscribe& subscribe);
  absl::Status ReceiveOne(const Heartbeat& heartbeat);

  const Epoch epoch_;
  const RevocationLog& log_;
  const KeySetSource& keys_;
  LeaseTable& leases_;
  const LeaseTable::StreamNumber number_;

  enum class State { kNew, kSubscribed, kWelcomed };
  State state_ = State::kNew;
  std::shared_ptr<const std::string> written_keys_;
  uint64_t written_ = 0;  // all up to this was returned by Next, or is known
  std::optional<Lease> lease_;  // not yet written
  // The verifier is to be told how far it is, though nothing was revoked.
  bool tell_head_ = false;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SESSION_REVOCATION_STREAM_H_
