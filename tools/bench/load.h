#ifndef LATCHKEY_TOOLS_BENCH_LOAD_H_
#define LATCHKEY_TOOLS_BENCH_LOAD_H_

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "tools/bench/histogram.h"

namespace latchkey::bench {

// Request is one unary gRPC call to make. Its bytes are not copied: they live
// until the call has been judged.
struct Request {
  absl::string_view path;  // "/package.Service/Method"
  absl::string_view body;  // as Framed makes it
  uint64_t token = 0;      // handed back with the answer
};

// Framed returns `message` as gRPC sends it: a zero, its length in four bytes,
// itself.
std::string Framed(absl::string_view message);

enum class Verdict {
  kRight,
  kWrong,  // an answer, but not the one it must be
  kError,  // no answer: the stream broke, or a status that is no answer
};

// Workload says what to ask and what must be answered. A LoadClient calls it
// from the thread that runs it, between reading and sending, so it must be
// quick.
class Workload {
 public:
  virtual ~Workload() = default;

  virtual Request Next() = 0;

  // Judge is called once per request. `grpc_status` is -1 if there is no
  // answer; then the verdict is kError whatever Judge returns. `message`,
  // valid during the call only, is the response without its frame; with a
  // status that is not OK its grpc-message, without an answer what broke.
  virtual Verdict Judge(uint64_t token, int grpc_status,
                        absl::string_view message) = 0;

  // Explain puts a wrong or missing answer into words; it is asked for the
  // first of each.
  virtual std::string Explain(uint64_t token, int grpc_status,
                              absl::string_view message);
};

// NoAnswer puts into words that a call of `method` got none, as Explain is
// told of it: its status and the server's words, or what broke.
std::string NoAnswer(absl::string_view method, int grpc_status,
                     absl::string_view message);

// LoadResult is what became of the calls of one workload.
struct LoadResult {
  uint64_t calls = 0;  // that ended: right + wrong + errors
  uint64_t wrong = 0;
  uint64_t errors = 0;  // also those never sent because the server went
  // By gRPC status, OK first; the last counts streams that broke and unsent.
  std::array<uint64_t, 18> by_status = {};
  absl::Duration elapsed;  // from the first call to the last answer
  // Of every call that was answered, right or wrong.
  Histogram latency;
  // The part of it that passed before the call was sent.
  Histogram wait;
  std::string first_wrong;  // Explain's words, empty if there was none
  std::string first_error;
  uint64_t bytes_sent = 0;  // on the wire; in a mixed run of all its streams
  uint64_t bytes_received = 0;
  absl::Duration client_cpu;     // of the load client's thread, as above
  uint64_t longest_backlog = 0;  // open loop: calls that waited at once

  double CallsPerSecond() const;
};

// LoadOptions says whom to load and how wide.
struct LoadOptions {
  std::string host = "127.0.0.1";  // an IPv4 address
  int port = 0;
  int connections = 8;
  int streams = 32;  // calls in flight per connection, at most
  // With calls in flight, how long may no answer come at all.
  absl::Duration silence_limit = absl::Seconds(30);
  // Asked every loop turn, if set; true ends the run with kCancelled.
  std::function<bool()> stop;
};

// LoadStream is one of several workloads of a mixed open loop.
struct LoadStream {
  Workload* workload = nullptr;
  double rate = 0;  // arrivals per second
};

// LoadClient loads a gRPC server over plaintext HTTP/2 connections from one
// thread. It is no gRPC client: it does what a call needs and nothing else, so
// that it costs much less than the server that it measures.
// In an open loop it sleeps until the next call is due and never spins.
//
// A connection that the server winds down (GOAWAY) is replaced when its last
// call has ended. One that breaks ends its calls as errors and is not replaced
// during the run; when none is left the run ends, and its errors say so. Every
// run begins by opening what is missing.
//
// For one thread at a time.
class LoadClient {
 public:
  // Connect opens the connections and waits for the server's settings.
  //   kInvalidArgument     no IPv4 address, or no connections or streams
  //   kUnavailable         nothing listens there, or it does not answer
  //   kFailedPrecondition  the server allows fewer streams per connection, or
  //                        speaks no HTTP/2
  static absl::StatusOr<std::unique_ptr<LoadClient>> Connect(
      const LoadOptions& options);
  virtual ~LoadClient() = default;

  // All runs fail with
  //   kUnavailable       what was missing could not be opened
  //   kDeadlineExceeded  silence_limit passed without an answer
  //   kCancelled         stop said so
  //   kInvalidArgument   a rate that is not above zero
  // After a failed run calls may still be in the server; the next run opens
  // fresh connections.

  // RunClosed keeps connections * streams calls in flight until `duration` has
  // passed or `max_calls` were made, then waits for what is in flight.
  virtual absl::StatusOr<LoadResult> RunClosed(Workload& workload,
                                               absl::Duration duration,
                                               uint64_t max_calls) = 0;

  // RunOpen makes the calls of a Poisson process with `rate` arrivals per
  // second, drawn from `seed`, over `duration`, then waits for the answers.
  // Latency counts from the instant that a call was to be sent, so a call that
  // waits in line because all streams are taken counts its wait.
  //   kResourceExhausted  a million calls wait in line: the server cannot
  //                       carry the rate
  absl::StatusOr<LoadResult> RunOpen(Workload& workload, double rate,
                                     absl::Duration duration, uint64_t seed);

  // RunOpenMixed is RunOpen over several workloads, each with a line and an
  // equal share of all streams of its own, so that one that floods does not
  // hold the others back. A result per workload, in order.
  virtual absl::StatusOr<std::vector<LoadResult>> RunOpenMixed(
      const std::vector<LoadStream>& mix, absl::Duration duration,
      uint64_t seed) = 0;
};

}  // namespace latchkey::bench

#endif  // LATCHKEY_TOOLS_BENCH_LOAD_H_
