#ifndef LATCHKEY_SERVER_RPC_CONNECTION_COUNT_H_
#define LATCHKEY_SERVER_RPC_CONNECTION_COUNT_H_

#include <cstddef>
#include <optional>
#include <sys/types.h>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"

#include "server/rpc/connection_source.h"

namespace latchkey {

// ConnectionLimits is how many connections may be open at a time.
struct ConnectionLimits {
  int total = 0;
  // A connection carries --max_streams calls at a time: no one client needs as
  // many connections as this, but many behind one address translation may.
  int per_source = 256;
};

// ConnectionCount counts the open connections of one listener, in all and by
// source, though another closes them: gRPC owns a descriptor as soon as it has
// it, and tells nobody when it goes.
//
// So each connection is remembered as descriptor and socket inode. While gRPC
// has it open, both stay as they are; once it was closed, the descriptor is
// unused or names another socket or file, which has another inode. Looking
// takes one fstat a connection, and changes nothing, so a descriptor that is
// closed or used anew meanwhile does no harm. An inode number is used again
// after 4 billion sockets: that the same descriptor then gets it keeps one
// place taken for longer, no more.
//
// A sweep looks at all of them; it is made about once a second and before a
// refusal, but at most each kSweepInterval, so that a flood of refusals is not
// a flood of sweeps: 10,000 connections take some 5 ms. A place that just
// became free may be found that much later.
//
// Of one thread.
class ConnectionCount {
 public:
  static constexpr absl::Duration kSweepInterval = absl::Milliseconds(100);

  enum class Verdict { kTaken, kFull, kSourceFull };

  explicit ConnectionCount(ConnectionLimits limits) : limits_(limits) {}

  // Add counts the connection `fd`, which was just accepted, if the limits
  // allow; otherwise the caller closes it. Without `source` only the limit in
  // all holds. `now` is by the boot clock, here and below.
  Verdict Add(int fd, const std::optional<ConnectionSource>& source,
              absl::Duration now);

  // Sweep forgets what has been closed, if the last sweep is kSweepInterval
  // ago or more.
  void Sweep(absl::Duration now);

  // open returns how many connections were open when last looked.
  size_t open() const { return connections_.size(); }
  // sources returns how many sources these came from.
  size_t sources() const { return by_source_.size(); }

 private:
  struct Connection {
    dev_t device;
    ino_t inode;
    std::optional<ConnectionSource> source;
  };

  Verdict Judge(const std::optional<ConnectionSource>& source) const;
  void ForgetSource(const std::optional<ConnectionSource>& source);

  const ConnectionLimits limits_;
  absl::flat_hash_map<int, Connection> connections_;  // by descriptor
  absl::flat_hash_map<ConnectionSource, int> by_source_;
  absl::Duration last_sweep_ = -absl::InfiniteDuration();
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_CONNECTION_COUNT_H_
