// verifier_probe TARGET ISSUER
//
// A verifier in a process of its own, for tests that stop it or cut it off. It
// answers each line of its standard input with one, and ends with it:
//   ready           waits until it can answer by itself: ready, or not ready
//   now CREDENTIAL  what it knows by itself: accepted, refused, or unknown
//   ask CREDENTIAL  likewise, by asking the server if need be
#include <iostream>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

#include "client/channel.h"
#include "client/offline_validator.h"

namespace latchkey {
namespace {

// Longer than an answer takes, and short enough to be waited out by a test.
constexpr absl::Duration kPatience = absl::Seconds(1);

const char* Spell(const Verdict& verdict) {
  return verdict == nullptr ? "refused" : "accepted";
}

const char* Now(OfflineValidator& validator, const std::string& credential) {
  const std::optional<Verdict> known = validator.CheckNow(credential, {});
  return known.has_value() ? Spell(*known) : "unknown";
}

const char* Ask(OfflineValidator& validator, const std::string& credential) {
  const char* answer = "unknown";
  absl::Notification done;
  validator.Check(credential, {}, absl::Now() + kPatience,
                  [&](const absl::StatusOr<Verdict>& verdict) {
                    if (verdict.ok()) answer = Spell(*verdict);
                    done.Notify();
                  });
  done.WaitForNotification();
  return answer;
}

std::string Answer(OfflineValidator& validator, const std::string& line) {
  const size_t space = line.find(' ');
  const std::string what = line.substr(0, space);
  if (what == "ready") {
    return validator.WaitUntilReady(absl::Now() + kPatience) ? "ready"
                                                             : "not ready";
  }
  if (space == std::string::npos) return "which credential?";
  const std::string credential = line.substr(space + 1);
  if (what == "now") return Now(validator, credential);
  if (what == "ask") return Ask(validator, credential);
  return "what?";
}

int Run(const std::string& target, const std::string& issuer) {
  const auto channels =
      OpenChannels({.target = target, .insecure = true, .connections = 1});
  if (!channels.ok()) {
    std::cerr << channels.status() << "\n";
    return 1;
  }
  // What was cut off is given up, and made anew, soon.
  const auto validator = OfflineValidator::Create(
      *channels, {.issuer = issuer,
                  .silence_timeout = absl::Seconds(2),
                  .longest_backoff = absl::Milliseconds(500)});
  if (!validator.ok()) {
    std::cerr << validator.status() << "\n";
    return 1;
  }
  (*validator)->Start();
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << Answer(**validator, line) << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace latchkey

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: verifier_probe TARGET ISSUER\n";
    return 2;
  }
  return latchkey::Run(argv[1], argv[2]);
}
