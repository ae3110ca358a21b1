#include "tools/bench/load.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <deque>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>
#include <utility>

#include "absl/strings/str_cat.h"

#include "client/base/status_macros.h"
#include "tools/bench/draw.h"
#include "tools/bench/h2_connection.h"

namespace latchkey::bench {
namespace {

// Calls that may wait in line: at 100,000 a second, ten seconds behind.
constexpr size_t kMaxLine = 1'000'000;
// How often the loop wakes without a reason, to ask whether to stop.
constexpr int64_t kTurnNanos = 100'000'000;

int64_t NanosOf(clockid_t clock) {
  timespec time;
  clock_gettime(clock, &time);
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

int64_t NowNanos() { return NanosOf(CLOCK_MONOTONIC); }

// ToNanos cuts what no run reaches, so that sums of two stay in range.
int64_t ToNanos(absl::Duration duration) {
  return absl::ToInt64Nanoseconds(
      std::min(duration, absl::Hours(24 * 365 * 100)));
}

// ExactSleep lets this thread's sleeps end when they are to; by default Linux
// lets them end 50 us late.
class ExactSleep {
 public:
  ExactSleep() : before_(prctl(PR_GET_TIMERSLACK)) {
    prctl(PR_SET_TIMERSLACK, 1UL);
  }
  ~ExactSleep() {
    if (before_ > 0) prctl(PR_SET_TIMERSLACK, static_cast<long>(before_));
  }
  ExactSleep(const ExactSleep&) = delete;
  ExactSleep& operator=(const ExactSleep&) = delete;

 private:
  const int before_;
};

// Lane is one workload of a run.
struct Lane {
  Workload* workload = nullptr;
  LoadResult result;
  int64_t in_flight = 0;
  int64_t most_in_flight = 0;
  // Open loop: arrivals in nanoseconds since the run's start.
  double mean_gap = 0;
  Draw draw = Draw(0);
  double next_arrival = 0;
  std::deque<int64_t> line;  // when each waiting call was to be sent
};

// EpollLoad is the LoadClient.
class EpollLoad final : public LoadClient, public AnswerSink {
 public:
  EpollLoad(const LoadOptions& options, int epoll)
      : options_(options), epoll_(epoll) {}
  ~EpollLoad() override {
    connections_.clear();
    close(epoll_);
  }

  // Opens the connections that are missing.
  absl::Status Complete();

  absl::StatusOr<LoadResult> RunClosed(Workload& workload,
                                       absl::Duration duration,
                                       uint64_t max_calls) override;
  absl::StatusOr<std::vector<LoadResult>> RunOpenMixed(
      const std::vector<LoadStream>& mix, absl::Duration duration,
      uint64_t seed) override;

  void OnAnswer(const CallTag& tag, int grpc_status,
                absl::string_view text) override;

 private:
  struct Member {
    std::unique_ptr<H2Connection> connection;
    bool watched_for_write = false;
  };

  // Feed starts the calls that are due at `now`, lowers `wake` to when the
  // next will be, and says whether more will come.
  using Feed = std::function<absl::StatusOr<bool>(int64_t now, int64_t* wake)>;

  absl::Status AddConnection();
  absl::Status Begin();
  absl::Status Drive(const Feed& feed);
  absl::Status Turn(const Feed& feed, bool* done);
  absl::StatusOr<bool> FeedLanes(int64_t now, int64_t end, int64_t* wake);
  void Arrive(Lane& lane, int64_t now, int64_t end);
  void StartCall(H2Connection& connection, int lane, int64_t intended,
                 int64_t now);
  H2Connection* NextConnection();
  void FlushAll();
  // Takes out what broke, replaces what is winding down.
  void Mend();
  // Counts, per workload, what can no longer be sent.
  void GiveUp(bool more);
  absl::Status Wait(int64_t nanos);
  absl::Status Abandon(absl::Status why);
  void Finish(int64_t cpu_before);
  int64_t InFlight() const;
  uint64_t BytesSent() const;
  uint64_t BytesReceived() const;
  void Drop(size_t index);

  const LoadOptions options_;
  const int epoll_;
  bool has_pwait2_ = true;
  std::vector<Member> connections_;
  size_t next_connection_ = 0;
  uint64_t dropped_sent_ = 0;  // bytes of connections that are no more
  uint64_t dropped_received_ = 0;

  // Of the run:
  std::vector<Lane> lanes_;
  int64_t start_ = 0;
  int64_t now_ = 0;         // read before each connection is read
  int64_t last_heard_ = 0;  // an answer, or nothing to wait for
  uint64_t sent_before_ = 0;
  uint64_t received_before_ = 0;
};

absl::Status EpollLoad::AddConnection() {
  Member member;
  LATCHKEY_ASSIGN_OR_RETURN(
      member.connection,
      H2Connection::Open(options_.host, options_.port, options_.streams));
  epoll_event event = {.events = EPOLLIN};
  event.data.ptr = member.connection.get();
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, member.connection->fd(), &event) != 0) {
    return absl::UnavailableError(
        absl::StrCat("epoll: ", std::strerror(errno)));
  }
  connections_.push_back(std::move(member));
  return absl::OkStatus();
}

void EpollLoad::Drop(size_t index) {
  const auto at = connections_.begin() + static_cast<ptrdiff_t>(index);
  dropped_sent_ += at->connection->bytes_sent();
  dropped_received_ += at->connection->bytes_received();
  connections_.erase(at);
}

absl::Status EpollLoad::Complete() {
  // What the server said since the last run: that it closed, perhaps.
  for (size_t i = connections_.size(); i-- > 0;) {
    H2Connection& connection = *connections_[i].connection;
    connection.Receive(*this);
    if (!connection.health().ok() || connection.winding_down()) Drop(i);
  }
  while (connections_.size() < static_cast<size_t>(options_.connections)) {
    LATCHKEY_RETURN_IF_ERROR(AddConnection());
  }
  return absl::OkStatus();
}

absl::Status EpollLoad::Begin() {
  LATCHKEY_RETURN_IF_ERROR(Complete());
  sent_before_ = BytesSent();
  received_before_ = BytesReceived();
  start_ = now_ = last_heard_ = NowNanos();
  return absl::OkStatus();
}

absl::StatusOr<LoadResult> EpollLoad::RunClosed(Workload& workload,
                                                absl::Duration duration,
                                                uint64_t max_calls) {
  lanes_ = std::vector<Lane>(1);
  lanes_[0].workload = &workload;
  LATCHKEY_RETURN_IF_ERROR(Begin());
  const int64_t end = start_ + ToNanos(duration);
  uint64_t made = 0;
  LATCHKEY_RETURN_IF_ERROR(
      Drive([&](int64_t now, int64_t* wake) -> absl::StatusOr<bool> {
        if (now >= end) return false;
        for (const Member& member : connections_) {
          H2Connection& connection = *member.connection;
          while (made < max_calls && connection.CanStart()) {
            StartCall(connection, 0, now, now);
            ++made;
          }
        }
        *wake = std::min(*wake, end);
        return made < max_calls;
      }));
  return std::move(lanes_[0].result);
}

absl::StatusOr<std::vector<LoadResult>> EpollLoad::RunOpenMixed(
    const std::vector<LoadStream>& mix, absl::Duration duration,
    uint64_t seed) {
  lanes_ = std::vector<Lane>(mix.size());
  Draw seeds(seed);
  for (size_t i = 0; i < mix.size(); ++i) {
    if (!(mix[i].rate > 0) || std::isinf(mix[i].rate)) {
      return absl::InvalidArgumentError("a rate must be above zero");
    }
    Lane& lane = lanes_[i];
    lane.workload = mix[i].workload;
    lane.most_in_flight =
        std::max<int64_t>(1, int64_t{options_.connections} * options_.streams /
                                 static_cast<int64_t>(mix.size()));
    lane.mean_gap = 1e9 / mix[i].rate;
    lane.draw = Draw(seeds.Next());
    lane.next_arrival = lane.draw.Gap(lane.mean_gap);
  }
  LATCHKEY_RETURN_IF_ERROR(Begin());
  const int64_t length = ToNanos(duration);
  LATCHKEY_RETURN_IF_ERROR(Drive([&](int64_t now, int64_t* wake) {
    return FeedLanes(now, length, wake);
  }));
  std::vector<LoadResult> results;
  for (Lane& lane : lanes_) results.push_back(std::move(lane.result));
  return results;
}

void EpollLoad::Arrive(Lane& lane, int64_t now, int64_t end) {
  // Against `end` too, so that how many there are is the seed's affair alone.
  while (lane.next_arrival <= static_cast<double>(now - start_) &&
         lane.next_arrival < static_cast<double>(end) &&
         lane.line.size() <= kMaxLine) {
    lane.line.push_back(start_ + static_cast<int64_t>(lane.next_arrival));
    lane.next_arrival += lane.draw.Gap(lane.mean_gap);
  }
}

absl::StatusOr<bool> EpollLoad::FeedLanes(int64_t now, int64_t end,
                                          int64_t* wake) {
  bool more = false;
  for (size_t i = 0; i < lanes_.size(); ++i) {
    Lane& lane = lanes_[i];
    Arrive(lane, now, end);
    while (!lane.line.empty() && lane.in_flight < lane.most_in_flight) {
      H2Connection* connection = NextConnection();
      if (connection == nullptr) break;
      StartCall(*connection, static_cast<int>(i), lane.line.front(), now);
      lane.line.pop_front();
    }
    lane.result.longest_backlog =
        std::max<uint64_t>(lane.result.longest_backlog, lane.line.size());
    if (lane.line.size() > kMaxLine) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "the server cannot carry the rate: ", kMaxLine, " calls wait"));
    }
    if (lane.next_arrival < static_cast<double>(end)) {
      more = true;
      *wake = std::min(
          *wake, start_ + static_cast<int64_t>(std::ceil(lane.next_arrival)));
    }
    more = more || !lane.line.empty();
  }
  return more;
}

H2Connection* EpollLoad::NextConnection() {
  for (size_t i = 0; i < connections_.size(); ++i) {
    next_connection_ = (next_connection_ + 1) % connections_.size();
    H2Connection* connection = connections_[next_connection_].connection.get();
    if (connection->CanStart()) return connection;
  }
  return nullptr;
}

void EpollLoad::StartCall(H2Connection& connection, int lane, int64_t intended,
                          int64_t now) {
  Lane& its = lanes_[static_cast<size_t>(lane)];
  const Request request = its.workload->Next();
  connection.Start(
      request.path, request.body,
      {.token = request.token, .intended_nanos = intended, .lane = lane});
  its.result.wait.AddNanos(now - intended);
  ++its.in_flight;
}

void EpollLoad::OnAnswer(const CallTag& tag, int grpc_status,
                         absl::string_view text) {
  Lane& lane = lanes_[static_cast<size_t>(tag.lane)];
  LoadResult& result = lane.result;
  --lane.in_flight;
  ++result.calls;
  Verdict verdict = lane.workload->Judge(tag.token, grpc_status, text);
  if (grpc_status < 0) {
    verdict = Verdict::kError;
    ++result.by_status.back();
  } else {
    result.latency.AddNanos(now_ - tag.intended_nanos);
    // A number that gRPC does not know is UNKNOWN, 2, to every client.
    ++result
          .by_status[grpc_status <= 16 ? static_cast<size_t>(grpc_status) : 2];
    last_heard_ = now_;
  }
  if (verdict == Verdict::kRight) return;
  const bool wrong = verdict == Verdict::kWrong;
  uint64_t& count = wrong ? result.wrong : result.errors;
  std::string& first = wrong ? result.first_wrong : result.first_error;
  if (count++ == 0) {
    first = lane.workload->Explain(tag.token, grpc_status, text);
  }
}

absl::Status EpollLoad::Drive(const Feed& feed) {
  const ExactSleep exact_sleep;
  const int64_t cpu_before = NanosOf(CLOCK_THREAD_CPUTIME_ID);
  bool done = false;
  while (!done) {
    const absl::Status turned = Turn(feed, &done);
    if (!turned.ok()) return Abandon(turned);
  }
  Finish(cpu_before);
  return absl::OkStatus();
}

absl::Status EpollLoad::Turn(const Feed& feed, bool* done) {
  if (options_.stop && options_.stop()) {
    return absl::CancelledError("the run was stopped");
  }
  now_ = NowNanos();
  Mend();
  int64_t wake = now_ + kTurnNanos;
  LATCHKEY_ASSIGN_OR_RETURN(const bool more, feed(now_, &wake));
  FlushAll();
  if (connections_.empty()) {
    GiveUp(more);
    *done = true;
    return absl::OkStatus();
  }
  const int64_t in_flight = InFlight();
  if (in_flight == 0) {
    last_heard_ = now_;
    *done = !more;
    if (*done) return absl::OkStatus();
  }
  if (now_ - last_heard_ > ToNanos(options_.silence_limit)) {
    return absl::DeadlineExceededError(
        absl::StrCat(in_flight, " calls in flight and no answer for ",
                     absl::FormatDuration(options_.silence_limit)));
  }
  return Wait(wake - NowNanos());
}

void EpollLoad::FlushAll() {
  for (Member& member : connections_) {
    H2Connection& connection = *member.connection;
    if (connection.wants_write()) connection.Flush();
    if (connection.wants_write() == member.watched_for_write) continue;
    member.watched_for_write = connection.wants_write();
    epoll_event event = {.events = EPOLLIN};
    if (member.watched_for_write) event.events |= EPOLLOUT;
    event.data.ptr = &connection;
    epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.fd(), &event);
  }
}

void EpollLoad::Mend() {
  for (size_t i = connections_.size(); i-- > 0;) {
    H2Connection& connection = *connections_[i].connection;
    if (!connection.health().ok()) {
      connection.Fail(*this);
      Drop(i);
    } else if (connection.winding_down() && connection.in_flight() == 0) {
      Drop(i);
      // If it cannot be had the others carry on, or the run gives up.
      AddConnection().IgnoreError();
    }
  }
}

void EpollLoad::GiveUp(bool more) {
  for (Lane& lane : lanes_) {
    LoadResult& result = lane.result;
    // At least one: without it a run cut short between calls looks whole.
    const uint64_t unsent = std::max<uint64_t>(lane.line.size(), more ? 1 : 0);
    if (unsent == 0) continue;
    if (result.errors == 0) result.first_error = "no connection is left";
    result.calls += unsent;
    result.errors += unsent;
    result.by_status.back() += unsent;
  }
}

absl::Status EpollLoad::Wait(int64_t nanos) {
  constexpr int kEvents = 64;
  epoll_event events[kEvents];
  nanos = std::max<int64_t>(nanos, 0);
  int ready = -1;
  if (has_pwait2_) {
    const timespec limit = {.tv_sec = nanos / 1'000'000'000,
                            .tv_nsec = nanos % 1'000'000'000};
    ready = epoll_pwait2(epoll_, events, kEvents, &limit, nullptr);
    // Linux before 5.11, and sandboxes that know only what was there then.
    has_pwait2_ = ready >= 0 || (errno != ENOSYS && errno != EPERM);
  }
  if (!has_pwait2_) {
    // Down to the millisecond: it turns idly rather than being late.
    ready = epoll_wait(epoll_, events, kEvents,
                       static_cast<int>(nanos / 1'000'000));
  }
  if (ready < 0 && errno != EINTR) {
    return absl::UnavailableError(
        absl::StrCat("epoll: ", std::strerror(errno)));
  }
  for (int i = 0; i < ready; ++i) {
    if ((events[i].events & ~uint32_t{EPOLLOUT}) == 0) continue;
    now_ = NowNanos();
    static_cast<H2Connection*>(events[i].data.ptr)->Receive(*this);
  }
  return absl::OkStatus();
}

absl::Status EpollLoad::Abandon(absl::Status why) {
  for (size_t i = connections_.size(); i-- > 0;) {
    connections_[i].connection->Fail(*this);
    Drop(i);
  }
  return why;
}

void EpollLoad::Finish(int64_t cpu_before) {
  for (Lane& lane : lanes_) {
    LoadResult& result = lane.result;
    result.elapsed = absl::Nanoseconds(now_ - start_);
    result.bytes_sent = BytesSent() - sent_before_;
    result.bytes_received = BytesReceived() - received_before_;
    result.client_cpu =
        absl::Nanoseconds(NanosOf(CLOCK_THREAD_CPUTIME_ID) - cpu_before);
  }
}

int64_t EpollLoad::InFlight() const {
  int64_t in_flight = 0;
  for (const Lane& lane : lanes_) in_flight += lane.in_flight;
  return in_flight;
}

uint64_t EpollLoad::BytesSent() const {
  uint64_t bytes = dropped_sent_;
  for (const Member& member : connections_) {
    bytes += member.connection->bytes_sent();
  }
  return bytes;
}

uint64_t EpollLoad::BytesReceived() const {
  uint64_t bytes = dropped_received_;
  for (const Member& member : connections_) {
    bytes += member.connection->bytes_received();
  }
  return bytes;
}

}  // namespace

std::string Framed(absl::string_view message) {
  std::string framed(1, '\0');
  const auto size = static_cast<uint32_t>(message.size());
  for (int shift = 24; shift >= 0; shift -= 8) {
    framed.push_back(static_cast<char>(size >> shift));
  }
  absl::StrAppend(&framed, message);
  return framed;
}

std::string Workload::Explain(uint64_t token, int grpc_status,
                              absl::string_view message) {
  if (grpc_status != 0) return NoAnswer("a call", grpc_status, message);
  return absl::StrCat("an answer of ", message.size(), " bytes");
}

std::string NoAnswer(absl::string_view method, int grpc_status,
                     absl::string_view message) {
  if (grpc_status < 0) return absl::StrCat(method, ": ", message);
  return absl::StrCat(method, ": gRPC status ", grpc_status, ": ", message);
}

double LoadResult::CallsPerSecond() const {
  const double seconds = absl::ToDoubleSeconds(elapsed);
  return seconds > 0 ? static_cast<double>(calls) / seconds : 0;
}

absl::StatusOr<std::unique_ptr<LoadClient>> LoadClient::Connect(
    const LoadOptions& options) {
  if (options.connections < 1 || options.streams < 1) {
    return absl::InvalidArgumentError("no connections or no streams");
  }
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) {
    return absl::UnavailableError(
        absl::StrCat("epoll: ", std::strerror(errno)));
  }
  auto load = std::make_unique<EpollLoad>(options, epoll);
  LATCHKEY_RETURN_IF_ERROR(load->Complete());
  return load;
}

absl::StatusOr<LoadResult> LoadClient::RunOpen(Workload& workload, double rate,
                                               absl::Duration duration,
                                               uint64_t seed) {
  LATCHKEY_ASSIGN_OR_RETURN(
      std::vector<LoadResult> results,
      RunOpenMixed({{.workload = &workload, .rate = rate}}, duration, seed));
  return std::move(results.front());
}

}  // namespace latchkey::bench
