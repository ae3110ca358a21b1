#ifndef LATCHKEY_SERVER_SETTINGS_H_
#define LATCHKEY_SERVER_SETTINGS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "server/account/login_guard.h"
#include "server/account/phc.h"
#include "server/auth/policy.h"
#include "server/base/log.h"
#include "server/credential/certificate.h"
#include "server/credential/certificate_files.h"
#include "server/credential/key_store.h"
#include "server/rpc/grants.h"
#include "server/rpc/transport_limits.h"

namespace latchkey {

// Settings is everything that can be set about latchkeyd, with its defaults.
// Flags win over LATCHKEY_* environment variables, those over the file.
struct Settings {
  std::string data_dir;  // required
  std::string listen = "127.0.0.1:7870";
  bool insecure = false;  // plaintext beyond loopback
  // TLS on `listen` once chain and key are named; see certificate_files.h.
  CertificateFiles tls;
  // Not named: optional once there is a client CA, else none.
  ClientCertificate client_certificate = ClientCertificate::kNone;
  bool uses_tls() const { return !tls.chain.empty(); }
  bool reflection = true;
  bool benchmark = false;      // serve an empty RPC to compare with
  std::string metrics_listen;  // host:port of /metrics; empty: not served
  // Whether anyone who reaches the port may call Validate.
  enum class OpenValidate { kAuto, kYes, kNo };
  OpenValidate open_validate = OpenValidate::kAuto;
  Grants grants;  // who else may do what
  absl::Duration drain_timeout = absl::Seconds(10);

  int max_connections = 0;  // 0: by the descriptor limit
  // A connection carries --max_streams calls; this is for many clients behind
  // one address.
  int max_connections_per_source = 256;
  TransportLimits transport;
  // Half of --worker_queue: so no method can take all of it.
  int max_calls_waiting = 512;

  LogLevel log_level = LogLevel::kInfo;
  std::string log_file;   // empty: standard error
  std::string audit_log;  // empty: none; "-": standard error
  bool audit_sync = false;

  std::string issuer;            // empty: "latchkey:" and the epoch
  std::string default_audience;  // empty: the issuer
  std::string master_key_file;   // empty: the data directory's path and
                                 //   ".master_key", beside it
  KeyAlgorithm jwt_algorithm = KeyAlgorithm::kEs256;
  absl::Duration jwt_life = absl::Minutes(5);
  absl::Duration key_publish_lead = absl::Hours(1);
  absl::Duration key_signing_life = absl::Hours(24 * 30);

  SessionPolicy session;

  // Of verifiers; see LeaseTable.
  absl::Duration lease_ttl = absl::Seconds(2);
  absl::Duration heartbeat_interval = absl::Milliseconds(500);
  int max_verifiers = 4096;

  LoginGuard::Options login;

  int hash_threads = 1;  // set to half the processors, at least 1
  int hash_queue = 64;
  absl::Duration hash_max_wait = absl::Seconds(2);
  HashCost hash_cost;

  int worker_threads = 32;  // calls, but logins, that may wait for a write
  int reader_threads = 4;
  int worker_queue = 1024;
  // Bytes of all caches and write buffers (see memory_plan.h): room for a
  // million sessions and more, on a small machine too.
  uint64_t memory_budget = uint64_t{1} << 30;

  // ValidateIsOpen settles what kAuto leaves open: only on plaintext that
  // nobody outside this machine reaches.
  bool ValidateIsOpen() const;
};

// What to print instead of serving, and the exit status that goes with it.
struct Instead {
  std::string text;
  int exit_status = 0;
};

// ReadSettings reads the command line, the environment (`NAME=value`, of which
// LATCHKEY_* counts) and the file that --config names. Unknown settings are
// refused by name. Answers with an Instead for --help and --version and for
// what is wrong (status 2, one line).
std::variant<Settings, Instead> ReadSettings(
    const std::vector<std::string>& arguments,
    const std::vector<std::string>& environment);

// IsLoopback tells whether `listen` (host:port) names a loopback address:
// 127.0.0.0/8, [::1] or localhost.
bool IsLoopback(const std::string& listen);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SETTINGS_H_
