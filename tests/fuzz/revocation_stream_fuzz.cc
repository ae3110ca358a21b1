// A server's half of a stream of revocations, as a verifier reads and takes it.
// The input is frames: how long nothing came before it (tens of milliseconds, a
// byte), how long the message is (two bytes, big-endian), and the message.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/stubs/logging.h"

#include "client/follow/verifier_core.h"
#include "client/revocation_wire.h"
#include "server/rpc/revocation_wire.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/fake_asker.h"
#include "tests/support/fake_clock.h"
#include "tests/support/token_maker.h"

namespace latchkey {
namespace {

constexpr char kIssuer[] = "latchkey:test";
constexpr char k16[] = "0123456789abcdef";
constexpr uint64_t kGeneration = 7;
constexpr absl::Duration kLife = absl::Minutes(5);

std::string MakeToken(absl::Time now) {
  const int64_t issued = absl::ToUnixSeconds(now);
  const std::string id = SessionId::FromBytes(k16)->ToHex();
  return TokenMaker().Make(absl::StrCat(
      R"({"iss":")", kIssuer, R"(","aud":")", kIssuer, R"(","sub":")", id,
      R"(","sid":")", id, R"(","account":"alice","client_id":"alice","exp":)",
      issued + absl::ToInt64Seconds(kLife), R"(,"iat":)", issued,
      R"(,"jti":"j","gen":)", kGeneration, R"(,"auth_time":)", issued, "}"));
}

// The one credential that is checked, good but for what the server sends. Made
// once: signing takes longer than all else.
const std::string& Token() {
  static const std::string* const token =
      new std::string(MakeToken(FakeClock().Now()));
  return *token;
}

// What was read means what the server's own writer writes.
void RequireSpelledAlike(const ServerMessage& message) {
  const v1::WatchRevocationsResponse written = ToProto(message);
  const auto again = ReadWatchResponse(written);
  Require(again.ok());
  Require(ToProto(*again).SerializeAsString() == written.SerializeAsString());
}

// Hands on one message at a time.
class Pipe final : public RevocationTransport {
 public:
  std::unique_ptr<RevocationLink> Connect(std::function<void()>) override {
    return std::make_unique<End>(*this);
  }
  std::optional<absl::StatusOr<ServerMessage>> next;

 private:
  class End final : public RevocationLink {
   public:
    explicit End(Pipe& owner) : owner_(owner) {}
    bool CanSend() const override { return true; }
    void Send(const VerifierMessage&) override {}
    std::optional<absl::StatusOr<ServerMessage>> Receive() override {
      return std::exchange(owner_.next, std::nullopt);
    }

   private:
    Pipe& owner_;
  };
};

class Stream {
 public:
  Stream() : core_(Options(), pipe_, asker_, clock_, [] {}) {
    core_.Begin();
    core_.Drive();
  }

  void Take(absl::Duration silence, absl::string_view bytes) {
    clock_.Advance(silence);
    Follow();
    v1::WatchRevocationsResponse response;
    // Else gRPC would have ended the stream.
    if (!response.ParseFromArray(bytes.data(),
                                 static_cast<int>(bytes.size()))) {
      return;
    }
    absl::StatusOr<ServerMessage> message = ReadWatchResponse(response);
    if (message.ok()) RequireSpelledAlike(*message);
    pipe_.next = message;
    Follow();
    if (message.ok() && core_.figures().connected) Note(*message);
    Judge();
  }

  // Whatever was sent: without a stream no lease runs on for ever.
  void End() {
    clock_.Advance(kMaxLeaseTtl);
    Require(!Accepts());
    core_.End();
    Require(!Accepts());
  }

 private:
  static VerifierOptions Options() {
    return {.issuer = kIssuer,
            .ask = AskPolicy::kNever,
            .max_revocations = 1000,
            .first_backoff = absl::Milliseconds(1),
            .longest_backoff = absl::Milliseconds(1)};
  }

  // Until nothing is to be done at this time. A stream that was ended is begun
  // anew after a moment.
  void Follow() {
    while (core_.Drive() <= clock_.SinceBoot()) clock_.Advance(kTick);
    clock_.Advance(absl::Milliseconds(1));
    while (core_.Drive() <= clock_.SinceBoot()) clock_.Advance(kTick);
  }

  bool Stops(const Revocation& one) const {
    // An entry may be dropped once no token that it stops is good any more.
    if (one.drop_time < DropTime(expire_time_)) return false;
    switch (one.kind) {
      case Revocation::Kind::kSession:
        return one.session == *SessionId::FromBytes(k16);
      case Revocation::Kind::kAccount:
        return one.account == *AccountUid::FromBytes(k16) &&
               one.lowest_good > kGeneration;
      case Revocation::Kind::kKey:
        return one.kid == "ed-1";
      case Revocation::Kind::kEpoch:
        return one.epoch == epoch_;
    }
    return false;
  }

  // What was sent and taken: by that the token must be refused.
  void Note(const ServerMessage& message) {
    if (const auto* welcome = std::get_if<Welcome>(&message)) {
      if (epoch_ != welcome->epoch) is_stopped_ = false;
      epoch_ = welcome->epoch;
    } else if (const auto* batch = std::get_if<RevocationBatch>(&message)) {
      is_stopped_ |=
          std::any_of(batch->revocations.begin(), batch->revocations.end(),
                      [this](const auto& one) { return Stops(one); });
    }
  }

  bool Accepts() {
    const std::optional<Verdict> verdict = core_.CheckNow(token_, {});
    return verdict.has_value() && *verdict != nullptr;
  }
  void Judge() {
    if (!Accepts()) return;
    Require(core_.figures().leased);
    Require(!is_stopped_);
    Require(clock_.Now() < expire_time_);
  }

  static constexpr absl::Duration kTick = absl::Microseconds(1);

  FakeClock clock_;
  const absl::Time expire_time_ = clock_.Now() + kLife;
  const std::string& token_ = Token();
  Pipe pipe_;
  FakeAsker asker_;
  VerifierCore core_;
  std::optional<Epoch> epoch_;
  bool is_stopped_ = false;
};

}  // namespace
}  // namespace latchkey

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  google::protobuf::SetLogHandler(nullptr);
  latchkey::Stream stream;
  while (size >= 3) {
    const size_t length = std::min<size_t>(data[1] << 8 | data[2], size - 3);
    // In memory of its own size, so that a read behind the end is seen.
    const std::vector<uint8_t> bytes(data + 3, data + 3 + length);
    stream.Take(absl::Milliseconds(10) * data[0],
                latchkey::ViewOf(bytes.data(), bytes.size()));
    data += 3 + length;
    size -= 3 + length;
  }
  stream.End();
  return 0;
}
