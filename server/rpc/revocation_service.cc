#include "server/rpc/revocation_service.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "grpcpp/alarm.h"
#include "grpcpp/impl/codegen/proto_utils.h"

#include "client/base/mutex.h"
#include "client/base/status_macros.h"
#include "server/base/error.h"
#include "server/rpc/request_parser.h"
#include "server/rpc/revocation_wire.h"

namespace latchkey {
namespace {

// How often a thread goes round for one stream where there is ever something
// new: other streams wait for it, all of them for the hub's.
constexpr int kMostTurns = 16;

// How long the end of a stream waits for a write that is under way.
constexpr std::chrono::seconds kWritePatience(1);

// Read and written by ourselves: so that a message that is none is told from
// the end of the stream.
using Reactor = grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>;

// One verifier's stream under way. gRPC, the hub and readers all come to it
// with something new; whoever comes first works off what there is, and those
// who come meanwhile only leave word: so there is one thread at a time, and
// nobody waits for another.
class WatchCall final : public Reactor,
                        public Watcher,
                        public std::enable_shared_from_this<WatchCall> {
 public:
  WatchCall(const CallDoor& door, RevocationHub& hub, Authority& authority,
            grpc::CallbackServerContext* context)
      : incoming_(door, Method::kWatchRevocations, context),
        hub_(hub),
        authority_(authority),
        begin_(door.clock.SinceBoot()),
        heard_nanos_(absl::ToInt64Nanoseconds(begin_)) {}

  // Begin has the call live until gRPC is done with it.
  void Begin() {
    self_ = shared_from_this();
    const absl::Status added = hub_.Add(self_);
    if (!added.ok()) End(added);
    ComeBy();
  }

  // --- of the hub ---

  void Wake() override { ComeBy(); }

  void End(const absl::Status& why) override {
    {
      MutexLock lock(&mutex_);
      if (!end_.has_value()) end_ = why;
    }
    ComeBy();
  }

  absl::Duration LastHeard() const override {
    return absl::Nanoseconds(heard_nanos_.load(std::memory_order_relaxed));
  }

  // --- of gRPC ---

  void OnReadDone(bool ok) override {
    if (!ok) {  // the verifier has said its last
      End(absl::OkStatus());
      return;
    }
    {
      MutexLock lock(&mutex_);
      message_waits_ = true;
    }
    ComeBy();
  }

  void OnWriteDone(bool ok) override {
    {
      MutexLock lock(&mutex_);
      write_out_ = false;
      if (!ok && !end_.has_value()) end_ = Abandoned();
    }
    ComeBy();
  }

  void OnCancel() override { End(Abandoned()); }

  void OnDone() override {
    hub_.Remove(self_);
    // Its lease is waited out from here; whoever still holds the call as one
    // to be woken finds it finished.
    stream_.reset();
    self_.reset();
  }

 private:
  void ComeBy() {
    {
      MutexLock lock(&mutex_);
      again_ = true;
      if (busy_) return;
      busy_ = true;
    }
    WorkOff(Reach::kMemory);
  }

  // REQUIRES: the calling thread is the one that made it busy.
  void WorkOff(Reach reach) {
    // Lives as long as this works, whatever gRPC does.
    const std::shared_ptr<WatchCall> alive = shared_from_this();
    for (int turns = 0;; ++turns) {
      {
        MutexLock lock(&mutex_);
        if (!again_) {
          busy_ = false;
          return;
        }
        again_ = false;
      }
      // A reader goes on, as busy as this was, behind what waits for it.
      if (turns >= kMostTurns && HandToReader()) return;
      if (!Turn(reach)) return;
    }
  }

  // Does what there is to do; false if a reader was asked to.
  bool Turn(Reach reach) {
    if (finished_) return true;
    if (EndIfAsked()) return true;
    absl::Status status = Hear(reach);
    if (status.ok()) status = Say(reach);
    if (status.ok()) return true;
    if (WantsDisk(status)) {
      if (HandToReader()) return false;
      status = Overloaded();
    }
    End(status);  // comes by again
    return true;
  }

  bool EndIfAsked() {
    absl::Status why;
    {
      MutexLock lock(&mutex_);
      if (!end_.has_value()) return false;
      why = *end_;
      if (write_out_) {
        AwaitWrite();
        return true;
      }
    }
    finished_ = true;
    const grpc::Status answer = incoming_.AnswerOf(why);
    incoming_.door().metrics.Count(Method::kWatchRevocations,
                                   answer.error_code(),
                                   incoming_.door().clock.SinceBoot() - begin_);
    Finish(answer);
    return true;
  }

  // Who reads has what is being written soon, and learns why it ends. Who does
  // not would keep it open.
  void AwaitWrite() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (write_late_) {
      incoming_.context()->TryCancel();
      return;
    }
    if (std::exchange(write_awaited_, true)) return;
    write_alarm_.Set(std::chrono::system_clock::now() + kWritePatience,
                     [weak = weak_from_this()](bool) {
                       const auto self = weak.lock();
                       if (self == nullptr) return;
                       {
                         MutexLock lock(&self->mutex_);
                         self->write_late_ = true;
                       }
                       self->ComeBy();
                     });
  }

  bool HandToReader() {
    {
      MutexLock lock(&mutex_);
      again_ = true;
    }
    return incoming_.door().readers.TrySubmit(
        [self = shared_from_this()] { self->WorkOff(Reach::kDisk); });
  }

  // Lets the caller in, and takes its message if there is one.
  //   kUnavailable without a Reason: a reader has to
  absl::Status Hear(Reach reach) {
    if (stream_ == nullptr) {
      LATCHKEY_RETURN_IF_ERROR(LetIn(reach));
      LATCHKEY_ASSIGN_OR_RETURN(stream_, hub_.OpenStream());
      StartRead(&request_);
      return absl::OkStatus();
    }
    bool uses_noted = false;
    bool message_waits = false;
    {
      MutexLock lock(&mutex_);
      uses_noted = std::exchange(uses_noted_, false);
      message_waits = message_waits_;
    }
    // The next one is not read before what the last reported was noted: so a
    // verifier has one reader's work at a time, whatever it reports.
    if (uses_noted) StartRead(&request_);
    if (!message_waits) return absl::OkStatus();
    // A credential that has ended since does not go on watching.
    LATCHKEY_RETURN_IF_ERROR(LetIn(reach));
    heard_nanos_.store(
        absl::ToInt64Nanoseconds(incoming_.door().clock.SinceBoot()),
        std::memory_order_relaxed);
    v1::WatchRevocationsRequest request;
    LATCHKEY_RETURN_IF_ERROR(ParseRequest(request_, &request));
    LATCHKEY_ASSIGN_OR_RETURN(const VerifierMessage message,
                              ReadVerifierMessage(request));
    const absl::Status received = stream_->Receive(message);
    if (!received.ok()) return InvalidField("message", received.message());
    {
      MutexLock lock(&mutex_);
      message_waits_ = false;
    }
    const auto* heartbeat = std::get_if<Heartbeat>(&message);
    if (heartbeat == nullptr || !NoteReport(*heartbeat)) StartRead(&request_);
    return absl::OkStatus();
  }

  // Writes what is next, if nothing is being written.
  //   kUnavailable without a Reason: a reader has to
  absl::Status Say(Reach reach) {
    {
      MutexLock lock(&mutex_);
      if (write_out_) return absl::OkStatus();
    }
    if (reach == Reach::kMemory && stream_->NextReadsDisk()) {
      return absl::UnavailableError("behind what is in memory");
    }
    LATCHKEY_ASSIGN_OR_RETURN(std::optional<ServerMessage> next,
                              stream_->Next());
    if (!next.has_value()) return absl::OkStatus();
    if (auto* welcome = std::get_if<Welcome>(&*next)) {
      welcome->heartbeat_interval = hub_.heartbeat_interval();
      welcome->activity_interval = hub_.activity_interval();
    }
    bool own_buffer;
    response_.Clear();
    const grpc::Status serialized =
        grpc::SerializationTraits<v1::WatchRevocationsResponse>::Serialize(
            ToProto(*next), &response_, &own_buffer);
    if (!serialized.ok()) return absl::InternalError("not serialized");
    {
      MutexLock lock(&mutex_);
      write_out_ = true;
    }
    StartWrite(&response_);
    return absl::OkStatus();
  }

  absl::Status LetIn(Reach reach) {
    return incoming_.LetIn(*FindRule(Method::kWatchRevocations), reach);
  }

  // Notes what a heartbeat reports; whether a reader was given something to do,
  // after which it comes by.
  bool NoteReport(const Heartbeat& heartbeat) {
    if (heartbeat.accepted_staleness > absl::ZeroDuration()) {
      hub_.accepted_staleness().Add(heartbeat.accepted_staleness);
    }
    if (heartbeat.activity.empty()) return false;
    // What finds no room is lost: it is reported anew if it goes on.
    return incoming_.door().readers.TrySubmit(
        [self = shared_from_this(), uses = heartbeat.activity] {
          static_cast<void>(self->authority_.NoteUses(uses));
          {
            MutexLock lock(&self->mutex_);
            self->uses_noted_ = true;
          }
          self->ComeBy();
        });
  }

  Incoming incoming_;
  RevocationHub& hub_;
  Authority& authority_;
  const absl::Duration begin_;
  std::atomic<int64_t> heard_nanos_;  // by the boot clock
  std::shared_ptr<WatchCall> self_;   // until OnDone

  // Of whoever is at work.
  std::unique_ptr<RevocationStream> stream_;  // null: not let in yet
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
  bool finished_ = false;

  Mutex mutex_;
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;
  bool again_ ABSL_GUARDED_BY(mutex_) = false;
  bool message_waits_ ABSL_GUARDED_BY(mutex_) = false;
  bool write_out_ ABSL_GUARDED_BY(mutex_) = false;
  bool write_awaited_ ABSL_GUARDED_BY(mutex_) = false;  // to end
  bool write_late_ ABSL_GUARDED_BY(mutex_) = false;
  bool uses_noted_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
  grpc::Alarm write_alarm_;
};

}  // namespace

RevocationRpc::RevocationRpc(const CallDoor& door, RevocationHub& hub,
                             Authority& authority)
    : door_(door), hub_(hub), authority_(authority) {}

Reactor* RevocationRpc::WatchRevocations(grpc::CallbackServerContext* context) {
  auto call = std::make_shared<WatchCall>(door_, hub_, authority_, context);
  call->Begin();
  return call.get();
}

}  // namespace latchkey
