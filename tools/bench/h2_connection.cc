#include "tools/bench/h2_connection.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include "absl/strings/str_cat.h"

#include "client/base/status_macros.h"

namespace latchkey::bench {
namespace {

// RFC 9113: frame types, flags and settings.
constexpr uint8_t kData = 0;
constexpr uint8_t kHeaders = 1;
constexpr uint8_t kReset = 3;
constexpr uint8_t kSettings = 4;
constexpr uint8_t kPushPromise = 5;
constexpr uint8_t kPing = 6;
constexpr uint8_t kGoAway = 7;
constexpr uint8_t kWindowUpdate = 8;
constexpr uint8_t kContinuation = 9;

constexpr uint8_t kFlagAck = 0x1;
constexpr uint8_t kFlagEndStream = 0x1;
constexpr uint8_t kFlagEndHeaders = 0x4;
constexpr uint8_t kFlagPadded = 0x8;
constexpr uint8_t kFlagPriority = 0x20;

constexpr uint32_t kCancel = 8;  // an error code

constexpr uint16_t kHeaderTableSize = 1;
constexpr uint16_t kEnablePush = 2;
constexpr uint16_t kMaxConcurrentStreams = 3;
constexpr uint16_t kInitialWindowSize = 4;
constexpr uint16_t kMaxFrameSize = 5;

constexpr absl::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr size_t kFrameHeaderBytes = 9;
constexpr int64_t kDefaultWindow = 65535;
constexpr size_t kDefaultFrameBytes = 16384;
constexpr uint32_t kDefaultHeaderTable = 4096;

// No answer waits for us to open a window: a stream's is as large as there is,
// and the connection's is filled up long before it is used up.
constexpr uint32_t kStreamWindow = 0x7fffffff;
constexpr uint32_t kConnectionWindow = 1 << 30;
constexpr int64_t kWindowRefill = 1 << 28;

// A server under measure answers in bytes, not in mebibytes. The bound keeps a
// wrong port from filling memory.
constexpr size_t kMaxAnswerBytes = 16 << 20;
constexpr size_t kMaxHeaderBytes = 64 << 10;

// Answers of all streams of a connection fit in, so one read takes them all.
constexpr size_t kReadBytes = 128 << 10;

constexpr int kAnswerLimitMs = 5000;

// gRPC puts a byte of flags and four of length before a message.
constexpr size_t kMessageFrameBytes = 5;

uint32_t Load16(absl::string_view bytes) {
  return (uint32_t{static_cast<uint8_t>(bytes[0])} << 8) |
         static_cast<uint8_t>(bytes[1]);
}

uint32_t Load32(absl::string_view bytes) {
  return (Load16(bytes) << 16) | Load16(bytes.substr(2));
}

void Store32(uint32_t value, char* bytes) {
  for (int i = 0; i < 4; ++i)
    bytes[i] = static_cast<char>(value >> (24 - 8 * i));
}

void Append32(uint32_t value, std::string* out) {
  char bytes[4];
  Store32(value, bytes);
  out->append(bytes, sizeof(bytes));
}

void AppendSetting(uint16_t id, uint32_t value, std::string* out) {
  out->push_back(static_cast<char>(id >> 8));
  out->push_back(static_cast<char>(id));
  Append32(value, out);
}

absl::Status Unreachable(const std::string& authority, absl::string_view why) {
  return absl::UnavailableError(absl::StrCat(authority, ": ", why));
}

// Returns a connected socket that does not block.
absl::StatusOr<int> Connected(const std::string& host, int port,
                              const std::string& authority) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) {
    return absl::InvalidArgumentError(absl::StrCat("no IPv4 address: ", host));
  }
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return Unreachable(authority, std::strerror(errno));
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  int error = 0;
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) !=
      0) {
    error = errno;
  }
  if (error == EINPROGRESS) {
    pollfd wait = {.fd = fd, .events = POLLOUT};
    socklen_t size = sizeof(error);
    if (poll(&wait, 1, kAnswerLimitMs) != 1) {
      error = ETIMEDOUT;
    } else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
      error = errno;
    }
  }
  if (error == 0) return fd;
  close(fd);
  return Unreachable(authority, std::strerror(error));
}

// Takes padding and a priority off a payload; false if they do not fit in.
bool StripPadding(uint8_t flags, bool has_priority,
                  absl::string_view* payload) {
  size_t padding = 0;
  if ((flags & kFlagPadded) != 0) {
    if (payload->empty()) return false;
    padding = static_cast<uint8_t>(payload->front());
    payload->remove_prefix(1);
  }
  const size_t priority = has_priority ? 5 : 0;
  if (payload->size() < padding + priority) return false;
  payload->remove_prefix(priority);
  payload->remove_suffix(padding);
  return true;
}

// NoAnswers is the sink while there are no calls.
class NoAnswers final : public AnswerSink {
 public:
  void OnAnswer(const CallTag&, int, absl::string_view) override {}
};

}  // namespace

absl::StatusOr<std::unique_ptr<H2Connection>> H2Connection::Open(
    const std::string& host, int port, int streams) {
  const std::string authority = absl::StrCat(host, ":", port);
  LATCHKEY_ASSIGN_OR_RETURN(const int fd, Connected(host, port, authority));
  auto connection =
      std::unique_ptr<H2Connection>(new H2Connection(fd, streams, authority));
  const absl::Status ready = connection->AwaitSettings();
  if (ready.ok()) return connection;
  return absl::Status(ready.code(),
                      absl::StrCat(authority, ": ", ready.message()));
}

H2Connection::H2Connection(int fd, int streams, std::string authority)
    : fd_(fd),
      streams_(streams),
      writer_(std::move(authority)),
      pool_(static_cast<size_t>(streams)),
      send_window_(kDefaultWindow),
      stream_send_window_(kDefaultWindow),
      max_frame_bytes_(kDefaultFrameBytes),
      max_streams_(INT64_MAX),
      in_(kReadBytes) {
  for (int i = streams - 1; i >= 0; --i) {
    free_.push_back(static_cast<uint32_t>(i));
  }
  calls_.reserve(pool_.size() * 2);
  absl::StrAppend(&out_, kPreface);
  AppendFrameHeader(12, kSettings, 0, 0);
  AppendSetting(kEnablePush, 0, &out_);
  AppendSetting(kInitialWindowSize, kStreamWindow, &out_);
  AppendFrameHeader(4, kWindowUpdate, 0, 0);
  Append32(kConnectionWindow, &out_);
}

H2Connection::~H2Connection() { close(fd_); }

absl::Status H2Connection::AwaitSettings() {
  NoAnswers sink;
  Flush();
  while (health_.ok() && !settings_seen_) {
    pollfd wait = {.fd = fd_, .events = POLLIN};
    const int ready = poll(&wait, 1, kAnswerLimitMs);
    if (ready < 0 && errno == EINTR) continue;
    if (ready != 1) return absl::UnavailableError("it does not answer");
    Receive(sink);
  }
  // What listens but hangs up on our preface speaks something else.
  if (!health_.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat("no HTTP/2 server: ", health_.message()));
  }
  Flush();
  if (max_streams_ < streams_) {
    return absl::FailedPreconditionError(
        absl::StrCat("the server takes ", max_streams_,
                     " calls at once per connection, not ", streams_));
  }
  return absl::OkStatus();
}

void H2Connection::Break(absl::string_view what) {
  if (health_.ok()) health_ = absl::UnavailableError(what);
}

H2Connection::Call* H2Connection::Find(uint32_t stream) {
  const auto found = calls_.find(stream);
  return found == calls_.end() ? nullptr : &pool_[found->second];
}

void H2Connection::AppendFrameHeader(size_t length, uint8_t type, uint8_t flags,
                                     uint32_t stream) {
  char header[kFrameHeaderBytes];
  header[0] = static_cast<char>(length >> 16);
  header[1] = static_cast<char>(length >> 8);
  header[2] = static_cast<char>(length);
  header[3] = static_cast<char>(type);
  header[4] = static_cast<char>(flags);
  Store32(stream, header + 5);
  out_.append(header, sizeof(header));
}

void H2Connection::Start(absl::string_view path, absl::string_view body,
                         const CallTag& tag) {
  const uint32_t stream = next_stream_;
  next_stream_ += 2;
  // Stream numbers end; a fresh connection begins anew.
  if (next_stream_ > 0x7ffffff0) winding_down_ = true;
  const uint32_t place = free_.back();
  free_.pop_back();
  calls_.emplace(stream, place);
  Call& call = pool_[place];
  call.tag = tag;
  call.unsent = body;
  call.window = stream_send_window_;
  call.headers = AnswerHeaders();
  call.message.clear();

  const size_t frame = out_.size();
  AppendFrameHeader(0, kHeaders, kFlagEndHeaders, stream);
  writer_.Append(path, &out_);
  const size_t length = out_.size() - frame - kFrameHeaderBytes;
  out_[frame + 1] = static_cast<char>(length >> 8);
  out_[frame + 2] = static_cast<char>(length);
  SendBody(stream, call);
  if (!call.unsent.empty()) blocked_.push_back(stream);
}

void H2Connection::SendBody(uint32_t stream, Call& call) {
  while (!call.unsent.empty()) {
    const int64_t window = std::min(send_window_, call.window);
    if (window <= 0) return;
    const size_t length = std::min(
        {call.unsent.size(), static_cast<size_t>(window), max_frame_bytes_});
    const bool last = length == call.unsent.size();
    AppendFrameHeader(length, kData, last ? kFlagEndStream : 0, stream);
    absl::StrAppend(&out_, call.unsent.substr(0, length));
    call.unsent.remove_prefix(length);
    call.window -= static_cast<int64_t>(length);
    send_window_ -= static_cast<int64_t>(length);
  }
}

void H2Connection::SendBlocked() {
  std::erase_if(blocked_, [this](uint32_t stream) {
    Call* call = Find(stream);
    if (call == nullptr) return true;
    SendBody(stream, *call);
    return call->unsent.empty();
  });
}

void H2Connection::Flush() {
  while (wants_write() && health_.ok()) {
    const ssize_t written =
        send(fd_, out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN) return;
    if (written < 0) {
      Break(absl::StrCat("the connection broke: ", std::strerror(errno)));
      return;
    }
    sent_ += static_cast<size_t>(written);
    bytes_sent_ += static_cast<uint64_t>(written);
  }
  out_.clear();
  sent_ = 0;
}

void H2Connection::Receive(AnswerSink& sink) {
  while (health_.ok()) {
    const ssize_t got = recv(fd_, in_.data() + held_, in_.size() - held_, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
      Break(got == 0
                ? "the server closed the connection"
                : absl::StrCat("the connection broke: ", std::strerror(errno)));
      return;
    }
    bytes_received_ += static_cast<uint64_t>(got);
    const size_t filled = held_ + static_cast<size_t>(got);
    const size_t used = Consume({in_.data(), filled}, sink);
    held_ = filled - used;
    std::memmove(in_.data(), in_.data() + used, held_);
    if (filled < in_.size()) return;
  }
}

size_t H2Connection::Consume(absl::string_view bytes, AnswerSink& sink) {
  size_t used = 0;
  while (health_.ok() && bytes.size() - used >= kFrameHeaderBytes) {
    const absl::string_view header = bytes.substr(used, kFrameHeaderBytes);
    const size_t length = Load32(header) >> 8;
    if (length > kDefaultFrameBytes) {
      Break("a frame larger than we take");
      break;
    }
    if (bytes.size() - used < kFrameHeaderBytes + length) break;
    OnFrame({.type = static_cast<uint8_t>(header[3]),
             .flags = static_cast<uint8_t>(header[4]),
             .stream = Load32(header.substr(5)) & 0x7fffffff,
             .payload = bytes.substr(used + kFrameHeaderBytes, length)},
            sink);
    used += kFrameHeaderBytes + length;
  }
  return used;
}

void H2Connection::OnFrame(const Frame& frame, AnswerSink& sink) {
  if (!settings_seen_ && frame.type != kSettings) {
    return Break("it does not begin with its settings");
  }
  if (block_stream_ != 0 && frame.type != kContinuation) {
    return Break("a frame amid headers");
  }
  switch (frame.type) {
    case kData:
      return OnData(frame, sink);
    case kHeaders:
      return OnHeaders(frame, sink);
    case kContinuation:
      return OnContinuation(frame, sink);
    case kReset:
      return OnReset(frame, sink);
    case kSettings:
      return OnSettings(frame);
    case kPing:
      if (frame.payload.size() != 8) return Break("a malformed ping");
      if ((frame.flags & kFlagAck) != 0) return;
      AppendFrameHeader(frame.payload.size(), kPing, kFlagAck, 0);
      absl::StrAppend(&out_, frame.payload);
      return;
    case kGoAway:
      return OnGoAway(frame, sink);
    case kWindowUpdate:
      return OnWindowUpdate(frame);
    case kPushPromise:
      return Break("a push, which we had declined");
    default:
      return;  // unknown types are to be ignored
  }
}

void H2Connection::OnData(const Frame& frame, AnswerSink& sink) {
  unacknowledged_ += static_cast<int64_t>(frame.payload.size());
  if (unacknowledged_ >= kWindowRefill) {
    AppendFrameHeader(4, kWindowUpdate, 0, 0);
    Append32(static_cast<uint32_t>(unacknowledged_), &out_);
    unacknowledged_ = 0;
  }
  absl::string_view payload = frame.payload;
  if (!StripPadding(frame.flags, false, &payload)) {
    return Break("malformed data");
  }
  Call* call = Find(frame.stream);
  if (call == nullptr) return;
  if (call->message.size() + payload.size() > kMaxAnswerBytes) {
    return Break("an answer of more than 16 MiB");
  }
  absl::StrAppend(&call->message, payload);
  if ((frame.flags & kFlagEndStream) != 0) Finish(frame.stream, sink);
}

void H2Connection::OnHeaders(const Frame& frame, AnswerSink& sink) {
  absl::string_view payload = frame.payload;
  if (!StripPadding(frame.flags, (frame.flags & kFlagPriority) != 0,
                    &payload)) {
    return Break("malformed headers");
  }
  const bool end = (frame.flags & kFlagEndStream) != 0;
  if ((frame.flags & kFlagEndHeaders) != 0) {
    return OnHeaderBlock(frame.stream, end, payload, sink);
  }
  block_ = std::string(payload);
  block_stream_ = frame.stream;
  block_ends_stream_ = end;
}

void H2Connection::OnContinuation(const Frame& frame, AnswerSink& sink) {
  if (block_stream_ == 0 || frame.stream != block_stream_ ||
      block_.size() + frame.payload.size() > kMaxHeaderBytes) {
    return Break("headers that go on wrongly, or for too long");
  }
  absl::StrAppend(&block_, frame.payload);
  if ((frame.flags & kFlagEndHeaders) == 0) return;
  OnHeaderBlock(std::exchange(block_stream_, 0), block_ends_stream_, block_,
                sink);
}

void H2Connection::OnHeaderBlock(uint32_t stream, bool end,
                                 absl::string_view block, AnswerSink& sink) {
  Call* call = Find(stream);
  // Also of a call that has ended: every block changes the header table.
  AnswerHeaders ignored;
  const absl::Status read =
      reader_.Read(block, call == nullptr ? &ignored : &call->headers);
  if (!read.ok()) return Break(read.message());
  if (call != nullptr && end) Finish(stream, sink);
}

void H2Connection::OnSettings(const Frame& frame) {
  if ((frame.flags & kFlagAck) != 0) return;
  if (frame.payload.size() % 6 != 0 || frame.stream != 0) {
    return Break("malformed settings");
  }
  for (size_t i = 0; i < frame.payload.size(); i += 6) {
    OnSetting(static_cast<uint16_t>(Load16(frame.payload.substr(i))),
              Load32(frame.payload.substr(i + 2)));
  }
  settings_seen_ = true;
  AppendFrameHeader(0, kSettings, kFlagAck, 0);
  SendBlocked();
}

void H2Connection::OnSetting(uint16_t id, uint32_t value) {
  switch (id) {
    case kHeaderTableSize:
      // RequestHeaderWriter counts on as much.
      if (value < kDefaultHeaderTable) Break("its header table is too small");
      return;
    case kMaxConcurrentStreams:
      max_streams_ = value;
      return;
    case kInitialWindowSize: {
      // Holds for the streams that there are, too.
      const int64_t change = int64_t{value} - stream_send_window_;
      stream_send_window_ = value;
      for (const auto& [stream, place] : calls_) pool_[place].window += change;
      return;
    }
    case kMaxFrameSize:
      max_frame_bytes_ = std::max<size_t>(value, kDefaultFrameBytes);
      return;
    default:
      return;
  }
}

void H2Connection::OnWindowUpdate(const Frame& frame) {
  if (frame.payload.size() != 4) return Break("a malformed window update");
  const int64_t more = Load32(frame.payload) & 0x7fffffff;
  if (frame.stream == 0) {
    send_window_ += more;
  } else if (Call* call = Find(frame.stream)) {
    call->window += more;
  }
  if (!blocked_.empty()) SendBlocked();
}

void H2Connection::OnReset(const Frame& frame, AnswerSink& sink) {
  if (frame.payload.size() != 4) return Break("a malformed reset");
  if (Find(frame.stream) == nullptr) return;
  End(frame.stream, -1,
      absl::StrCat("the server reset the call, code ", Load32(frame.payload)),
      sink);
}

void H2Connection::OnGoAway(const Frame& frame, AnswerSink& sink) {
  if (frame.payload.size() < 8) return Break("a malformed goaway");
  winding_down_ = true;
  const uint32_t last = Load32(frame.payload) & 0x7fffffff;
  std::vector<uint32_t> refused;
  for (const auto& [stream, place] : calls_) {
    if (stream > last) refused.push_back(stream);
  }
  for (const uint32_t stream : refused) {
    End(stream, -1, "the server went away before the call", sink);
  }
}

void H2Connection::Finish(uint32_t stream, AnswerSink& sink) {
  const Call& call = *Find(stream);
  const int status = call.headers.grpc_status;
  if (call.headers.http_status != 200) {
    return End(stream, -1,
               absl::StrCat("HTTP status ", call.headers.http_status), sink);
  }
  if (status < 0) return End(stream, -1, "no grpc-status", sink);
  if (status != 0) return End(stream, status, call.headers.grpc_message, sink);
  const absl::string_view framed = call.message;
  // One message, not compressed: we said that we take nothing else.
  if (framed.size() < kMessageFrameBytes || framed[0] != 0 ||
      Load32(framed.substr(1)) != framed.size() - kMessageFrameBytes) {
    return End(stream, -1, "an OK without exactly one plain message", sink);
  }
  End(stream, 0, framed.substr(kMessageFrameBytes), sink);
}

void H2Connection::End(uint32_t stream, int status, absl::string_view text,
                       AnswerSink& sink) {
  const auto found = calls_.find(stream);
  const uint32_t place = found->second;
  calls_.erase(found);
  if (!pool_[place].unsent.empty()) {
    // Answered before it had heard all: the rest will not come.
    AppendFrameHeader(4, kReset, 0, stream);
    Append32(kCancel, &out_);
  }
  // Free only afterwards: `text` may lie in the call.
  sink.OnAnswer(pool_[place].tag, status, text);
  free_.push_back(place);
}

void H2Connection::Fail(AnswerSink& sink) {
  Break("the connection was given up");
  while (!calls_.empty()) {
    End(calls_.begin()->first, -1, health_.message(), sink);
  }
}

}  // namespace latchkey::bench
