#ifndef LATCHKEY_TOOLS_BENCH_H2_CONNECTION_H_
#define LATCHKEY_TOOLS_BENCH_H2_CONNECTION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "tools/bench/h2_headers.h"

namespace latchkey::bench {

// CallTag is what the caller of a connection wants back with an answer.
struct CallTag {
  uint64_t token = 0;
  int64_t intended_nanos = 0;  // when the call was to be sent
  int lane = 0;
};

// AnswerSink takes the answers of connections.
class AnswerSink {
 public:
  virtual ~AnswerSink() = default;

  // OnAnswer is called once per call. `grpc_status` is -1 if there is no
  // answer. `text` is the response without its frame; with a status that is
  // not OK, the words of it; without an answer, what broke.
  virtual void OnAnswer(const CallTag& tag, int grpc_status,
                        absl::string_view text) = 0;
};

// H2Connection makes unary gRPC calls over one plaintext HTTP/2 connection
// without blocking. It keeps to flow control, answers pings and reads HPACK
// through libnghttp2; it knows no priorities, no pushes and no upgrade. It
// frames for itself because nghttp2's own sessions cost more per call than
// the server should be allowed to.
//
// Nothing is allocated per call once its buffers have grown.
// For one thread.
class H2Connection {
 public:
  // Open connects and waits for the server's settings, a few seconds at most.
  //   kInvalidArgument     `host` is no IPv4 address
  //   kUnavailable         nothing listens there, or it does not answer
  //   kFailedPrecondition  it speaks no HTTP/2, or allows fewer than `streams`
  //                        at once
  static absl::StatusOr<std::unique_ptr<H2Connection>> Open(
      const std::string& host, int port, int streams);
  ~H2Connection();
  H2Connection(const H2Connection&) = delete;
  H2Connection& operator=(const H2Connection&) = delete;

  int fd() const { return fd_; }
  int in_flight() const { return static_cast<int>(calls_.size()); }

  // Not OK once the connection is of no use: then call Fail.
  const absl::Status& health() const { return health_; }
  // True after the server has asked for no more calls here.
  bool winding_down() const { return winding_down_; }

  bool CanStart() const {
    return !free_.empty() && !winding_down_ && health_.ok();
  }

  // Start begins a call; Flush sends it. `body` lives until the answer.
  // REQUIRES: CanStart(), and `body` is not empty
  void Start(absl::string_view path, absl::string_view body,
             const CallTag& tag);

  // Flush writes what the socket takes.
  void Flush();
  // True if the socket took less than all.
  bool wants_write() const { return sent_ < out_.size(); }

  // Receive reads what has come and hands answers to `sink`. It does not call
  // it for calls that end with the connection: Fail does.
  void Receive(AnswerSink& sink);

  // Fail ends all calls in flight without an answer.
  void Fail(AnswerSink& sink);

  uint64_t bytes_sent() const { return bytes_sent_; }
  uint64_t bytes_received() const { return bytes_received_; }

 private:
  // Call is the state of one stream.
  struct Call {
    CallTag tag;
    absl::string_view unsent;  // of the body
    int64_t window = 0;        // what the server takes on this stream
    AnswerHeaders headers;
    std::string message;
  };
  struct Frame {
    uint8_t type;
    uint8_t flags;
    uint32_t stream;
    absl::string_view payload;
  };

  H2Connection(int fd, int streams, std::string authority);

  absl::Status AwaitSettings();
  void Break(absl::string_view what);
  Call* Find(uint32_t stream);

  void AppendFrameHeader(size_t length, uint8_t type, uint8_t flags,
                         uint32_t stream);
  // Sends as much of the body as the windows allow.
  void SendBody(uint32_t stream, Call& call);
  void SendBlocked();

  // Returns the bytes that were whole frames.
  size_t Consume(absl::string_view bytes, AnswerSink& sink);
  void OnFrame(const Frame& frame, AnswerSink& sink);
  void OnData(const Frame& frame, AnswerSink& sink);
  void OnHeaders(const Frame& frame, AnswerSink& sink);
  void OnContinuation(const Frame& frame, AnswerSink& sink);
  void OnHeaderBlock(uint32_t stream, bool end, absl::string_view block,
                     AnswerSink& sink);
  void OnSettings(const Frame& frame);
  void OnSetting(uint16_t id, uint32_t value);
  void OnWindowUpdate(const Frame& frame);
  void OnReset(const Frame& frame, AnswerSink& sink);
  void OnGoAway(const Frame& frame, AnswerSink& sink);
  void Finish(uint32_t stream, AnswerSink& sink);
  void End(uint32_t stream, int status, absl::string_view text,
           AnswerSink& sink);

  const int fd_;
  const int streams_;
  RequestHeaderWriter writer_;
  AnswerHeaderReader reader_;

  absl::Status health_;
  bool winding_down_ = false;
  bool settings_seen_ = false;
  uint32_t next_stream_ = 1;

  std::vector<Call> pool_;
  std::vector<uint32_t> free_;                     // places in pool_
  absl::flat_hash_map<uint32_t, uint32_t> calls_;  // stream to place
  std::vector<uint32_t> blocked_;                  // streams with unsent

  int64_t send_window_ = 0;         // of the connection
  int64_t stream_send_window_ = 0;  // of a new stream
  size_t max_frame_bytes_ = 0;      // that the server takes
  int64_t max_streams_ = 0;         // that the server takes
  int64_t unacknowledged_ = 0;      // received since our last window update

  // A header block in parts, until its last has come.
  std::string block_;
  uint32_t block_stream_ = 0;
  bool block_ends_stream_ = false;

  std::string out_;
  size_t sent_ = 0;  // of out_
  std::vector<char> in_;
  size_t held_ = 0;  // of in_, a frame's beginning

  uint64_t bytes_sent_ = 0;
  uint64_t bytes_received_ = 0;
};

}  // namespace latchkey::bench

#endif  // LATCHKEY_TOOLS_BENCH_H2_CONNECTION_H_
