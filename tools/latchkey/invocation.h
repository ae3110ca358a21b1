#ifndef LATCHKEY_TOOLS_LATCHKEY_INVOCATION_H_
#define LATCHKEY_TOOLS_LATCHKEY_INVOCATION_H_

#include <functional>
#include <string>

#include "absl/time/time.h"

namespace latchkey {

// ExitCode is what scripts decide by. Public: never renumber.
enum class ExitCode {
  kYes = 0,       // done; of validate: active
  kNo = 1,        // the server said no: inactive, refused, not found
  kUsage = 2,     // the command line or a value in it is malformed
  kNoAnswer = 3,  // the server could not be reached, or failed
};

// TlsFiles says how to speak TLS with a server; without a CA it is plaintext.
struct TlsFiles {
  std::string ca;           // whose servers are believed
  std::string certificate;  // of this client; may be empty
  std::string key;          // of that certificate
  std::string server_name;  // empty: the host of the address
};

// Invocation is one run of the command line: the options that every command
// has, and what the chosen command will do.
struct Invocation {
  std::string server = "127.0.0.1:7870";  // HOST:PORT or unix:PATH
  bool insecure = false;                  // plaintext beyond this machine
  TlsFiles tls;
  bool json = false;
  absl::Duration timeout = absl::Seconds(10);  // of each call

  std::function<ExitCode()> action;
};

}  // namespace latchkey

#endif  // LATCHKEY_TOOLS_LATCHKEY_INVOCATION_H_
