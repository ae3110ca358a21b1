#include "tests/server/session/lease_simulation.h"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

#include "client/base/clock.h"
#include "client/follow/follower.h"
#include "client/follow/leased_view.h"
#include "client/verify/revocation.h"
#include "client/verify/revocation_message.h"
#include "server/session/key_set_source.h"
#include "server/session/lease_store.h"
#include "server/session/lease_table.h"
#include "server/session/revocation_archive.h"
#include "server/session/revocation_log.h"
#include "server/session/revocation_stream.h"
#include "tests/support/simulated_time.h"

namespace latchkey {
namespace {

using Nanos = EventQueue::Nanos;
constexpr Nanos kMilli = 1'000'000;
constexpr Nanos kSecond = 1000 * kMilli;
constexpr Nanos kNever = std::numeric_limits<Nanos>::max();
const absl::Time kStart = absl::FromUnixSeconds(1893456000);

// Dice are all that a seed decides.
class Dice {
 public:
  explicit Dice(uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15u + 1) {}

  uint64_t Next() {  // splitmix64
    uint64_t z = (state_ += 0x9E3779B97F4A7C15u);
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
  }
  // At least 0, less than `end`.
  int64_t Below(int64_t end) {
    return end <= 0 ? 0
                    : static_cast<int64_t>(Next() % static_cast<uint64_t>(end));
  }
  int64_t Between(int64_t low, int64_t high) { return low + Below(high - low); }
  bool Chance(int percent) { return Below(100) < percent; }

 private:
  uint64_t state_;
};

// What outlives the server's process.
class Disk final : public LeaseStore, public RevocationArchive {
 public:
  absl::StatusOr<absl::Duration> LongestTtl() const override { return longest; }
  absl::Status StoreLongestTtl(absl::Duration ttl) override {
    longest = ttl;
    return absl::OkStatus();
  }
  absl::StatusOr<RevocationPage> ReadAfter(uint64_t revision,
                                           size_t limit) const override {
    RevocationPage page = {.changes = {}, .through = newest};
    size_t count = 0;
    for (const RevocationsAt& change : changes) {
      if (change.revision <= revision) continue;
      // As it is freed: an hour later than a verifier may drop it, so that a
      // clock put right does no harm.
      if (clock->Now() >= change.revocations[0].drop_time + grace) continue;
      if (count >= limit) {
        page.through = page.changes.back().revision;
        break;
      }
      count += change.revocations.size();
      page.changes.push_back(change);
    }
    return page;
  }

  Epoch epoch;
  uint64_t newest = 0;
  std::vector<RevocationsAt> changes;
  absl::Duration longest;
  absl::Duration grace = absl::Hours(1);
  const Clock* clock = nullptr;
};

// Keys are revoked like sessions; which there are plays no part here.
class NoKeys final : public KeySetSource {
 public:
  std::shared_ptr<const std::string> Current() const override {
    return nullptr;
  }
};

// A credential of the simulation, held by somebody who keeps trying.
struct Credential {
  RevocableFacts facts;
  absl::Time expire_time;
  Nanos out_since = kNever;  // when a logout of it was answered as complete
};

template <size_t N>
void SetByte(std::array<uint8_t, N>& bytes, uint8_t value) {
  bytes.fill(value);
}

class Simulation {
 public:
  Simulation(uint64_t seed, const LeaseFaults& faults)
      : dice_(seed), faults_(faults) {
    static constexpr Nanos kTtls[] = {200 * kMilli, 400 * kMilli, kSecond,
                                      2 * kSecond};
    ttl_ = kTtls[dice_.Below(4)];
    interval_ = ttl_ / 4;
    is_network_bad_ = dice_.Chance(25);
    end_ = 8 * ttl_ + kSecond;
  }

  LeaseOutcome Run();

 private:
  struct Connection;

  // What ends with the server's process. Streams go before the table.
  struct ServerProcess {
    explicit ServerProcess(const Clock& machine_clock) : clock(machine_clock) {}
    ForwardClock clock;
    std::unique_ptr<RevocationLog> log;
    std::unique_ptr<LeaseTable> leases;
    std::map<Connection*, std::unique_ptr<RevocationStream>> streams;
    Nanos started = 0;
    absl::Duration held;
    Nanos next_tick = kNever;
    bool committing = false;  // one after the other, as the committer does
    int to_commit = 0;
  };
  // What ends with a verifier's process. Looks go before the view.
  struct VerifierProcess {
    explicit VerifierProcess(const Clock& clock, absl::Duration interval)
        : view(clock, {}),
          follower({.heartbeat_interval = interval}, view, clock) {}
    LeasedView view;
    Follower follower;
    std::map<uint64_t, absl::Duration> sent;  // by nonce
    Nanos next_wake = kNever;
    std::list<std::unique_ptr<LeasedView::Look>> looks;
  };
  struct Verifier {
    std::unique_ptr<Machine> machine;
    std::shared_ptr<VerifierProcess> process;
    std::shared_ptr<Connection> connection;  // null: none
    absl::Duration skew;                     // in favour of tokens
  };
  // One stream between them. In each direction messages arrive as sent, unless
  // the network is bad.
  struct Connection {
    size_t verifier = 0;
    bool is_cut = false;  // what is sent from now on does not arrive
    Nanos last_up = 0;    // arrival of the newest, to the server
    Nanos last_down = 0;
    std::weak_ptr<ServerProcess> server;
    std::weak_ptr<VerifierProcess> client;
  };
  using ConnectionPtr = std::shared_ptr<Connection>;

  Nanos now() const { return queue_.now(); }
  // How long some step takes: mostly nothing, now and then long.
  Nanos Step();
  void Violate(std::string what);

  // server
  void MakeServer();
  void StartServer();
  void StopServer();
  void RestartServerSometimes();
  void Restore();
  std::vector<size_t> OfEpochsBefore() const;
  void Accept(const ConnectionPtr& connection);
  void ReceiveUp(const ConnectionPtr& connection,
                 const VerifierMessage& message);
  void StandInFor(ServerProcess& process, Connection& by, uint64_t applied);
  void PumpServer(const ConnectionPtr& connection);
  void EndServerStream(const ConnectionPtr& connection);
  void ScheduleTick();
  // verifiers
  void MakeVerifier(size_t index);
  void StartVerifier(size_t index);
  void RestartVerifierSometimes(size_t index);
  void Connect(size_t index, Nanos delay);
  void Disconnect(size_t index, const ConnectionPtr& connection);
  void PumpVerifier(size_t index);
  void ArriveDown(const ConnectionPtr& connection, ServerMessage message);
  void ReceiveDown(const ConnectionPtr& connection,
                   const ServerMessage& message);
  // network
  Nanos Arrival(Nanos* last);
  bool IsLost();
  void SendUp(const ConnectionPtr& connection, const VerifierMessage& message);
  void SendDown(const ConnectionPtr& connection, const ServerMessage& message);
  void CutSometimes(size_t index);
  // trouble
  void StopSometimes(Machine& machine);
  void StepWallSometimes(Machine& machine, bool is_server);
  // logouts and checks
  void MakeCredentials();
  void LogoutSometimes();
  void CommitNext(const std::shared_ptr<ServerProcess>& process);
  void Commit(const std::shared_ptr<ServerProcess>& process);
  void Publish(const std::shared_ptr<ServerProcess>& process,
               const RevocationsAt& change, uint64_t through,
               std::vector<size_t> ended);
  void WaitFor(const std::shared_ptr<ServerProcess>& process, uint64_t revision,
               std::vector<size_t> ended);
  void Report(const PropagationReport& report, bool is_bound_known,
              Nanos stopped_before, const std::vector<size_t>& ended);
  Revocation Choose(std::vector<size_t>* ended);
  void CheckSometimes(size_t index);
  void BeginCheck(size_t index, size_t credential);
  void EndCheck(size_t index, size_t credential, Nanos begun,
                LeasedView::Look* look, bool refused);

  Dice dice_;
  const LeaseFaults faults_;
  Nanos ttl_;
  Nanos interval_;
  bool is_network_bad_;
  Nanos end_;
  LeaseOutcome outcome_;

  EventQueue queue_;
  Disk disk_;
  const NoKeys keys_;
  std::unique_ptr<Machine> server_;
  std::shared_ptr<ServerProcess> server_process_;  // null: down
  std::vector<Verifier> verifiers_;
  std::vector<Credential> credentials_;
};

Nanos Simulation::Step() {
  const int64_t kind = dice_.Below(100);
  if (kind < 80) return 0;
  if (kind < 94) return dice_.Below(kMilli);
  if (kind < 99) return dice_.Below(30 * kMilli);
  return dice_.Below(ttl_ * 3 / 2);
}

void Simulation::Violate(std::string what) {
  if (outcome_.violation.empty()) {
    outcome_.violation =
        absl::StrCat(what, " at ", now(), " ns, ttl ", ttl_, " ns");
  }
}

// --- server ---

void Simulation::MakeServer() {
  const double drift = faults_.clocks_drift_apart ? 0.06 : 0.004;
  server_ = std::make_unique<Machine>(
      queue_,
      SimulatedClock::Options{
          .rate =
              1 + drift * static_cast<double>(dice_.Between(-100, 101)) / 100,
          .up = absl::Nanoseconds(dice_.Below(1000 * kSecond)),
          .wall = kStart});
  disk_.clock = &server_->clock();
  SetByte(disk_.epoch.array(), 7);
  disk_.newest = static_cast<uint64_t>(dice_.Below(3));
  if (faults_.drops_at_expiry) disk_.grace = -kMaxClockSkew;
  StartServer();
  RestartServerSometimes();
}

void Simulation::StartServer() {
  static constexpr Nanos kTenths[] = {10, 10, 10, 5, 3, 15};
  const absl::Duration ttl = absl::Nanoseconds(
      ttl_ * kTenths[outcome_.restarts == 0 ? 0 : dice_.Below(6)] / 10);
  if (faults_.no_wait_after_restart) disk_.longest = absl::ZeroDuration();
  if (faults_.forgets_longer_ttl) {
    disk_.longest = std::min(disk_.longest, ttl);
  }
  auto process = std::make_shared<ServerProcess>(server_->clock());
  process->started = now();
  process->held =
      std::max(disk_.longest, ttl) * 11 / 10 + absl::Milliseconds(30);
  process->log = std::make_unique<RevocationLog>(
      RevocationLog::Options{.max_entries =
                                 static_cast<size_t>(dice_.Between(1, 6))},
      disk_.newest, disk_);
  process->leases = *LeaseTable::Open(
      {.ttl = ttl,
       .heartbeat_interval = faults_.renews_laggards
                                 ? absl::Hours(1)
                                 : absl::Nanoseconds(interval_)},
      disk_.newest, disk_, process->clock);
  server_process_ = std::move(process);
}

void Simulation::StopServer() {
  // Some of what it wrote is still on its way, and arrives.
  for (const auto& verifier : verifiers_) {
    const ConnectionPtr& connection = verifier.connection;
    if (connection == nullptr) continue;
    connection->is_cut = true;
    queue_.At(now() + dice_.Below(ttl_ / 2), [this, connection] {
      Disconnect(connection->verifier, connection);
    });
  }
  server_process_.reset();
}

void Simulation::RestartServerSometimes() {
  // Now and then again before what was granted before has ended.
  const Nanos up =
      dice_.Chance(30) ? dice_.Below(ttl_ / 2) : dice_.Between(ttl_, 6 * ttl_);
  queue_.At(now() + up, [this] {
    StopServer();
    ++outcome_.restarts;
    if (dice_.Chance(30)) server_->clock().Reboot();
    if (dice_.Chance(30)) {
      server_->clock().StepWall(absl::Seconds(dice_.Between(-20, 20)));
    }
    const bool is_restored = dice_.Chance(15);
    if (is_restored) Restore();
    queue_.At(now() + dice_.Below(ttl_ / 4), [this, is_restored] {
      StartServer();
      // What was issued before is out as soon as nobody relies on it.
      if (is_restored) WaitFor(server_process_, disk_.newest, OfEpochsBefore());
      RestartServerSometimes();
    });
  });
}

void Simulation::Restore() {
  ++outcome_.restores;
  SetByte(disk_.epoch.array(),
          static_cast<uint8_t>(disk_.epoch.array()[0] + 1));
  // Of an older backup: the last changes are not in it, and their revisions
  // will be given again.
  disk_.changes.resize(static_cast<size_t>(
      dice_.Below(static_cast<int64_t>(disk_.changes.size()) + 1)));
  disk_.newest = disk_.changes.empty() ? 0 : disk_.changes.back().revision;
  MakeCredentials();
}

std::vector<size_t> Simulation::OfEpochsBefore() const {
  std::vector<size_t> before;
  for (size_t i = 0; i < credentials_.size(); ++i) {
    if (credentials_[i].facts.epoch != disk_.epoch) before.push_back(i);
  }
  return before;
}

void Simulation::Accept(const ConnectionPtr& connection) {
  if (server_process_ == nullptr) {
    queue_.At(now(), [this, connection] {
      Disconnect(connection->verifier, connection);
    });
    return;
  }
  connection->server = server_process_;
  auto stream = RevocationStream::Open(disk_.epoch, *server_process_->log,
                                       keys_, *server_process_->leases);
  server_process_->streams[connection.get()] = *std::move(stream);
}

void Simulation::ReceiveUp(const ConnectionPtr& connection,
                           const VerifierMessage& message) {
  const auto process = connection->server.lock();
  if (process == nullptr) return;
  const auto found = process->streams.find(connection.get());
  if (found == process->streams.end()) return;
  if (!found->second->Receive(message).ok()) {
    // Only a bad network makes a verifier say what it may not.
    if (!is_network_bad_ && !faults_.acknowledges_before_apply &&
        !faults_.streams_by_name) {
      Violate("the server did not understand a verifier");
    }
    EndServerStream(connection);
    return;
  }
  if (const auto* heartbeat = std::get_if<Heartbeat>(&message);
      heartbeat != nullptr && faults_.streams_by_name) {
    StandInFor(*process, *connection, heartbeat->applied);
  }
  PumpServer(connection);
  ScheduleTick();
}

void Simulation::StandInFor(ServerProcess& process, Connection& by,
                            uint64_t applied) {
  for (auto& [other, stream] : process.streams) {
    if (other == &by || !other->is_cut) continue;
    while (stream->Next()->has_value()) {
    }
    static_cast<void>(
        stream->Receive(Heartbeat{.nonce = 0, .applied = applied}));
  }
}

void Simulation::PumpServer(const ConnectionPtr& connection) {
  const auto process = connection->server.lock();
  if (process == nullptr) return;
  const auto found = process->streams.find(connection.get());
  if (found == process->streams.end()) return;
  while (true) {
    const auto next = found->second->Next();
    if (!next->has_value()) return;
    SendDown(connection, **next);
    // It may be stopped between any two writes.
    if (const Nanos pause = Step(); pause > 0) {
      server_->At(now() + pause,
                  [this, connection] { PumpServer(connection); });
      return;
    }
  }
}

void Simulation::EndServerStream(const ConnectionPtr& connection) {
  connection->is_cut = true;
  if (const auto process = connection->server.lock(); process != nullptr) {
    process->streams.erase(connection.get());
  }
  queue_.At(now() + dice_.Below(ttl_), [this, connection] {
    Disconnect(connection->verifier, connection);
  });
}

void Simulation::ScheduleTick() {
  const auto process = server_process_;
  if (process == nullptr) return;
  const Nanos at = server_->clock().TrueTimeOf(process->leases->NextDeadline());
  if (at >= process->next_tick || at >= end_) return;
  process->next_tick = at;
  server_->At(at, [this, weak = std::weak_ptr<ServerProcess>(process)] {
    const auto live = weak.lock();
    if (live == nullptr) return;
    live->next_tick = kNever;
    live->leases->Tick();
    ScheduleTick();
  });
}

// --- verifiers ---

void Simulation::MakeVerifier(size_t index) {
  const double drift = faults_.clocks_drift_apart ? 0.06 : 0.004;
  Verifier& verifier = verifiers_[index];
  verifier.machine = std::make_unique<Machine>(
      queue_,
      SimulatedClock::Options{
          .rate =
              1 + drift * static_cast<double>(dice_.Between(-100, 101)) / 100,
          .up = absl::Nanoseconds(dice_.Below(1000 * kSecond)),
          .wall = kStart + absl::Seconds(dice_.Between(-70, 20)),
          .runs_in_suspend = !faults_.clock_stops_in_suspend});
  verifier.skew =
      dice_.Chance(50) ? kMaxClockSkew : absl::Seconds(dice_.Below(60));
  StartVerifier(index);
  RestartVerifierSometimes(index);
  CutSometimes(index);
  StopSometimes(*verifier.machine);
  StepWallSometimes(*verifier.machine, false);
  CheckSometimes(index);
}

void Simulation::StartVerifier(size_t index) {
  Verifier& verifier = verifiers_[index];
  verifier.connection = nullptr;
  verifier.process = std::make_shared<VerifierProcess>(
      verifier.machine->clock(), absl::Nanoseconds(interval_));
  Connect(index, dice_.Below(20 * kMilli));
}

void Simulation::RestartVerifierSometimes(size_t index) {
  queue_.At(now() + dice_.Between(2 * ttl_, 12 * ttl_), [this, index] {
    if (const ConnectionPtr connection = verifiers_[index].connection;
        connection != nullptr) {
      connection->is_cut = true;
      server_->At(now() + dice_.Below(2 * ttl_),
                  [this, connection] { EndServerStream(connection); });
    }
    StartVerifier(index);
    RestartVerifierSometimes(index);
  });
}

void Simulation::Connect(size_t index, Nanos delay) {
  const std::weak_ptr<VerifierProcess> weak = verifiers_[index].process;
  verifiers_[index].machine->At(now() + delay, [this, index, weak] {
    const auto process = weak.lock();
    if (process == nullptr || verifiers_[index].connection != nullptr) return;
    auto connection = std::make_shared<Connection>();
    connection->verifier = index;
    connection->client = process;
    verifiers_[index].connection = connection;
    process->follower.Connected();
    // Before whatever is sent on it.
    connection->last_up = now() + dice_.Below(3 * kMilli);
    server_->At(connection->last_up,
                [this, connection] { Accept(connection); });
    PumpVerifier(index);
  });
}

void Simulation::Disconnect(size_t index, const ConnectionPtr& connection) {
  Verifier& verifier = verifiers_[index];
  if (verifier.connection != connection) return;
  connection->is_cut = true;
  verifier.connection = nullptr;
  verifier.process->follower.Disconnected();
  if (const auto server = connection->server.lock(); server != nullptr) {
    server_->At(now() + dice_.Below(2 * ttl_),
                [this, connection] { EndServerStream(connection); });
  }
  Connect(index,
          dice_.Chance(80) ? dice_.Below(40 * kMilli) : dice_.Below(2 * ttl_));
}

void Simulation::PumpVerifier(size_t index) {
  Verifier& verifier = verifiers_[index];
  VerifierProcess& process = *verifier.process;
  while (verifier.connection != nullptr) {
    const std::optional<VerifierMessage> message = process.follower.Take();
    if (!message.has_value()) break;
    if (const auto* heartbeat = std::get_if<Heartbeat>(&*message)) {
      process.sent[heartbeat->nonce] = verifier.machine->clock().SinceBoot();
    }
    SendUp(verifier.connection, *message);
  }
  const Nanos at =
      verifier.machine->clock().TrueTimeOf(process.follower.NextTake());
  if (at >= process.next_wake || at >= end_) return;
  process.next_wake = at;
  verifier.machine->At(
      at,
      [this, index, weak = std::weak_ptr<VerifierProcess>(verifier.process)] {
        const auto live = weak.lock();
        if (live == nullptr) return;
        live->next_wake = kNever;
        PumpVerifier(index);
      });
}

void Simulation::ArriveDown(const ConnectionPtr& connection,
                            ServerMessage message) {
  const auto process = connection->client.lock();
  Verifier& verifier = verifiers_[connection->verifier];
  if (process == nullptr || verifier.connection != connection) return;
  if (auto* lease = std::get_if<Lease>(&message);
      lease != nullptr && faults_.lease_from_receipt) {
    lease->ttl +=
        verifier.machine->clock().SinceBoot() - process->sent[lease->nonce];
  }
  Nanos delay = 0;
  if (const auto* batch = std::get_if<RevocationBatch>(&message);
      batch != nullptr && faults_.acknowledges_before_apply) {
    SendUp(connection, Heartbeat{.nonce = 0, .applied = batch->through});
    delay = dice_.Below(20 * kMilli);
  }
  if (delay == 0) {
    ReceiveDown(connection, message);
    return;
  }
  connection->last_down = std::max(connection->last_down, now() + delay);
  verifier.machine->At(now() + delay, [this, connection, message] {
    ReceiveDown(connection, message);
  });
}

void Simulation::ReceiveDown(const ConnectionPtr& connection,
                             const ServerMessage& message) {
  Verifier& verifier = verifiers_[connection->verifier];
  if (connection->client.lock() == nullptr ||
      verifier.connection != connection) {
    return;
  }
  if (!verifier.process->follower.Receive(message).ok()) {
    if (!is_network_bad_ && !faults_.streams_by_name &&
        !faults_.acknowledges_before_apply) {
      Violate("a verifier did not understand the server");
    }
    Disconnect(connection->verifier, connection);
    return;
  }
  PumpVerifier(connection->verifier);
}

// --- network ---

Nanos Simulation::Arrival(Nanos* last) {
  const Nanos at = now() + dice_.Between(50'000, 2 * kMilli) + Step();
  if (is_network_bad_ && dice_.Chance(5)) return at;  // may overtake
  *last = std::max(*last, at);
  return *last;
}

bool Simulation::IsLost() { return is_network_bad_ && dice_.Chance(3); }

void Simulation::SendUp(const ConnectionPtr& connection,
                        const VerifierMessage& message) {
  if (connection->is_cut || IsLost()) return;
  server_->At(Arrival(&connection->last_up),
              [this, connection, message] { ReceiveUp(connection, message); });
}

void Simulation::SendDown(const ConnectionPtr& connection,
                          const ServerMessage& message) {
  if (connection->is_cut || IsLost()) return;
  verifiers_[connection->verifier].machine->At(
      Arrival(&connection->last_down),
      [this, connection, message] { ArriveDown(connection, message); });
}

void Simulation::CutSometimes(size_t index) {
  queue_.At(now() + dice_.Between(ttl_ / 2, 4 * ttl_), [this, index] {
    if (const ConnectionPtr connection = verifiers_[index].connection;
        connection != nullptr) {
      connection->is_cut = true;
      // Each side finds out when it does.
      queue_.At(now() + dice_.Below(2 * ttl_),
                [this, connection, index] { Disconnect(index, connection); });
      server_->At(now() + dice_.Below(3 * ttl_),
                  [this, connection] { EndServerStream(connection); });
    }
    CutSometimes(index);
  });
}

// --- trouble ---

void Simulation::StopSometimes(Machine& machine) {
  queue_.At(now() + dice_.Between(ttl_ / 4, 5 * ttl_), [this, &machine] {
    machine.Stop(
        dice_.Chance(50) ? dice_.Below(50 * kMilli) : dice_.Below(2 * ttl_),
        dice_.Chance(50));
    StopSometimes(machine);
  });
}

void Simulation::StepWallSometimes(Machine& machine, bool is_server) {
  queue_.At(
      now() + dice_.Between(ttl_ / 2, 8 * ttl_), [this, &machine, is_server] {
        const int64_t most = is_server ? 10 : 120;
        machine.clock().StepWall(absl::Seconds(dice_.Between(-most, most)));
        StepWallSometimes(machine, is_server);
      });
}

// --- logouts and checks ---

void Simulation::MakeCredentials() {
  static constexpr absl::string_view kKids[] = {"kid 0", "kid 1"};
  const int count = static_cast<int>(dice_.Between(4, 12));
  for (int i = 0; i < count; ++i) {
    Credential one;
    one.facts.epoch = disk_.epoch;
    SetByte(one.facts.session.array(),
            static_cast<uint8_t>(100 + credentials_.size()));
    SetByte(one.facts.account.array(), static_cast<uint8_t>(i % 3));
    one.facts.kid = kKids[i % 2];
    // Expired by the server, not yet by the most lenient; about to; or long.
    one.expire_time =
        kStart + absl::Milliseconds(dice_.Chance(50)
                                        ? dice_.Between(-60'000, 5'000)
                                        : dice_.Between(5'000, 3'600'000));
    credentials_.push_back(one);
  }
}

void Simulation::LogoutSometimes() {
  queue_.At(now() + dice_.Below(ttl_), [this] {
    if (const auto process = server_process_; process != nullptr) {
      ++process->to_commit;
      CommitNext(process);
    }
    LogoutSometimes();
  });
}

void Simulation::CommitNext(const std::shared_ptr<ServerProcess>& process) {
  if (process->committing || process->to_commit == 0) return;
  process->committing = true;
  --process->to_commit;
  server_->At(now(), [this, weak = std::weak_ptr<ServerProcess>(process)] {
    if (const auto live = weak.lock()) Commit(live);
  });
}

Revocation Simulation::Choose(std::vector<size_t>* ended) {
  size_t chosen = 0;
  do {
    chosen = static_cast<size_t>(
        dice_.Below(static_cast<int64_t>(credentials_.size())));
  } while (credentials_[chosen].facts.epoch != disk_.epoch);
  const Credential& one = credentials_[chosen];
  const int64_t kind = dice_.Below(10);
  absl::Time last = absl::InfinitePast();
  for (size_t i = 0; i < credentials_.size(); ++i) {
    const Credential& other = credentials_[i];
    const bool same =
        kind < 8 ? i == chosen
                 : (kind == 8 ? other.facts.account == one.facts.account
                              : other.facts.kid == one.facts.kid);
    if (!same || other.facts.epoch != disk_.epoch) continue;
    last = std::max(last, other.expire_time);
    ended->push_back(i);
  }
  Revocation result;
  if (kind < 8) {
    result = Revocation::OfSession(one.facts.session, last);
  } else if (kind == 8) {
    result = Revocation::OfAccount(one.facts.account, one.facts.generation + 1,
                                   last);
  } else {
    result = Revocation::OfKey(std::string(one.facts.kid), last);
  }
  if (faults_.drops_at_expiry) result.drop_time = last;
  return result;
}

void Simulation::Commit(const std::shared_ptr<ServerProcess>& process) {
  // Logins among them, which revoke nothing.
  disk_.newest += static_cast<uint64_t>(dice_.Below(3));
  std::vector<size_t> ended;
  RevocationsAt change = {.revision = ++disk_.newest, .revocations = {}};
  change.revocations.push_back(Choose(&ended));
  disk_.changes.push_back(change);
  const uint64_t through = disk_.newest;
  server_->At(now() + Step(),
              [this, weak = std::weak_ptr<ServerProcess>(process), change,
               through, ended] {
                if (const auto live = weak.lock()) {
                  Publish(live, change, through, ended);
                }
              });
}

void Simulation::Publish(const std::shared_ptr<ServerProcess>& process,
                         const RevocationsAt& change, uint64_t through,
                         std::vector<size_t> ended) {
  process->log->Publish(through, {change});
  // Streams may read it from now on, whatever the committer does next.
  std::vector<ConnectionPtr> connections;
  for (const Verifier& verifier : verifiers_) {
    if (verifier.connection != nullptr) {
      connections.push_back(verifier.connection);
    }
  }
  for (const ConnectionPtr& connection : connections) {
    server_->At(now() + Step(), [this, connection] { PumpServer(connection); });
  }
  server_->At(now() + Step(),
              [this, weak = std::weak_ptr<ServerProcess>(process),
               revision = change.revision, through, ended] {
                const auto live = weak.lock();
                if (live == nullptr) return;
                live->leases->Committed(through, true);
                live->committing = false;
                CommitNext(live);
                server_->At(now() + Step(), [this, weak, revision, ended] {
                  if (const auto still = weak.lock()) {
                    WaitFor(still, revision, ended);
                  }
                });
              });
}

void Simulation::WaitFor(const std::shared_ptr<ServerProcess>& process,
                         uint64_t revision, std::vector<size_t> ended) {
  ++outcome_.logouts;
  const Nanos stopped = server_->stopped();
  const bool is_bound_known =
      now() > process->started + absl::ToInt64Nanoseconds(process->held);
  const absl::Duration timeout =
      absl::Nanoseconds(dice_.Chance(15) ? dice_.Below(ttl_) : 10 * ttl_);
  process->leases->Wait(
      revision, timeout,
      [this, stopped, is_bound_known,
       ended = std::move(ended)](const PropagationReport& report) {
        Report(report, is_bound_known, stopped, ended);
      });
  ScheduleTick();
}

void Simulation::Report(const PropagationReport& report, bool is_bound_known,
                        Nanos stopped_before,
                        const std::vector<size_t>& ended) {
  // The server's process is ending.
  if (server_process_ == nullptr) return;
  const absl::Duration bound =
      absl::Nanoseconds(interval_ + server_->stopped() - stopped_before) +
      server_process_->leases->Bound() -
      (faults_.renews_laggards ? absl::Hours(1) : absl::Nanoseconds(interval_));
  if (is_bound_known && report.elapsed > bound + absl::Milliseconds(1)) {
    Violate(absl::StrCat("a wait took ", absl::FormatDuration(report.elapsed)));
  }
  if (!report.complete) return;
  ++outcome_.propagated;
  if (report.acknowledged > 0) ++outcome_.acknowledged;
  if (report.lease_expired > 0) ++outcome_.expired;
  for (const size_t i : ended) {
    credentials_[i].out_since = std::min(credentials_[i].out_since, now());
    for (size_t v = 0; v < verifiers_.size(); ++v) {
      for (const Nanos later :
           {Nanos{1}, 1 + dice_.Below(5 * kMilli), 1 + dice_.Below(ttl_ / 4),
            1 + dice_.Below(2 * ttl_)}) {
        verifiers_[v].machine->At(now() + later,
                                  [this, v, i] { BeginCheck(v, i); });
      }
    }
  }
}

void Simulation::CheckSometimes(size_t index) {
  verifiers_[index].machine->At(now() + dice_.Below(ttl_ / 2), [this, index] {
    BeginCheck(index, static_cast<size_t>(dice_.Below(
                          static_cast<int64_t>(credentials_.size()))));
    CheckSometimes(index);
  });
}

void Simulation::BeginCheck(size_t index, size_t credential) {
  ++outcome_.checks;
  const auto process = verifiers_[index].process;
  process->looks.push_back(std::make_unique<LeasedView::Look>(process->view));
  LeasedView::Look* const look = process->looks.back().get();
  // Stopped between all that a check does.
  Machine& machine = *verifiers_[index].machine;
  const std::weak_ptr<VerifierProcess> weak = process;
  const Nanos begun = now();
  machine.At(
      begun + Step(), [this, index, credential, weak, begun, look, &machine] {
        if (weak.lock() == nullptr) return;
        const bool refused = look->Refuses(credentials_[credential].facts);
        machine.At(now() + Step(),
                   [this, index, credential, weak, begun, look, refused] {
                     if (weak.lock() == nullptr) return;
                     EndCheck(index, credential, begun, look, refused);
                   });
      });
}

void Simulation::EndCheck(size_t index, size_t credential, Nanos begun,
                          LeasedView::Look* look, bool refused) {
  const Verifier& verifier = verifiers_[index];
  LeasedView::Look::Reading reading = look->ReadClocks();
  if (faults_.lease_read_last) {
    reading = LeasedView::Look(verifier.process->view).ReadClocks();
  }
  const Credential& one = credentials_[credential];
  const bool accepted = !refused && reading.leased &&
                        reading.now < one.expire_time + verifier.skew;
  verifier.process->looks.remove_if(
      [look](const auto& other) { return other.get() == look; });
  if (!accepted) return;
  ++outcome_.accepted;
  if (begun > one.out_since) {
    Violate(absl::StrCat("verifier ", index, " accepted credential ",
                         credential, ", logged out at ", one.out_since,
                         ", in a check that began at ", begun));
  }
}

LeaseOutcome Simulation::Run() {
  MakeServer();
  MakeCredentials();
  StopSometimes(*server_);
  StepWallSometimes(*server_, true);
  verifiers_.resize(static_cast<size_t>(dice_.Between(1, 4)));
  for (size_t i = 0; i < verifiers_.size(); ++i) MakeVerifier(i);
  LogoutSometimes();
  while (outcome_.violation.empty() && queue_.RunNext(end_)) {
  }
  queue_.Clear();
  server_process_.reset();
  return outcome_;
}

}  // namespace

LeaseOutcome SimulateLeases(uint64_t seed, const LeaseFaults& faults) {
  return Simulation(seed, faults).Run();
}

}  // namespace latchkey
