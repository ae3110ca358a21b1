// latchkeyd: wires the rooms together, serves, and stops cleanly.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <signal.h>
#include <string>
#include <time.h>
#include <unistd.h>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "google/protobuf/stubs/logging.h"
#include "grpc/support/log.h"

#include "client/base/clock.h"
#include "client/base/status_macros.h"
#include "server/account/account_cache.h"
#include "server/account/hash_pool.h"
#include "server/account/login_guard.h"
#include "server/account/password.h"
#include "server/auth/account_admin.h"
#include "server/auth/authority.h"
#include "server/auth/janitor.h"
#include "server/auth/revocation_hub.h"
#include "server/auth/session_admin.h"
#include "server/auth/warmer.h"
#include "server/base/audit_writer.h"
#include "server/base/line_file.h"
#include "server/base/log.h"
#include "server/base/metric_text.h"
#include "server/base/reach.h"
#include "server/base/task_pool.h"
#include "server/credential/certificate_watch.h"
#include "server/credential/jwt_issuer.h"
#include "server/credential/key_ring.h"
#include "server/credential/master_key.h"
#include "server/data_dir.h"
#include "server/descriptor_plan.h"
#include "server/edge_metrics.h"
#include "server/http/metrics_server.h"
#include "server/memory_plan.h"
#include "server/rpc/admin_service.h"
#include "server/rpc/call_metrics.h"
#include "server/rpc/rpc_server.h"
#include "server/rpc/server_tls.h"
#include "server/rpc/watchdog.h"
#include "server/server_metrics.h"
#include "server/session/session_cache.h"
#include "server/settings.h"
#include "server/storage/database.h"

namespace latchkey {
namespace {

constexpr int kExitFailed = 1;
// The watchdog ended it: EX_SOFTWARE. Not by abort, whose core would hold keys.
constexpr int kExitStuck = 70;
// How often the main thread looks at the store's health between signals.
constexpr time_t kHealthCheckSeconds = 1;
// Between two looks at the files of certificates: small ones, seldom changed.
constexpr absl::Duration kCertificateInterval = absl::Seconds(1);

// The signals that the main thread waits for; every other thread inherits the
// mask that blocks them.
sigset_t BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  // A file at its size limit is a failed write, not the end of the process.
  signal(SIGXFSZ, SIG_IGN);
  return signals;
}

// gRPC and Protobuf log to standard error, where requests could make them
// write as much as they like; what matters we log ourselves.
void QuietLibraries() {
  // Debian's Abseil is built with checks: each lock of gRPC's is entered into
  // a graph of locks, under a lock of its own.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  gpr_set_log_function([](gpr_log_func_args*) {});
  google::protobuf::SetLogHandler(nullptr);
}

std::unique_ptr<const std::string> IssuerOf(const Settings& settings,
                                            const Epoch& epoch) {
  return std::make_unique<const std::string>(
      settings.issuer.empty() ? absl::StrCat("latchkey:", epoch.ToHex())
                              : settings.issuer);
}

// Everything that serves, in the order in which it is built; it is stopped in
// the reverse order, by hand, since each step may take its time. But the
// workers, who give the answers of the database, stop before it.
class Latchkeyd {
 public:
  static absl::StatusOr<std::unique_ptr<Latchkeyd>> Start(
      const Settings& settings, const DescriptorPlan& descriptors,
      const ForwardClock& clock, Log& log);

  // Serve waits until it is told to stop.
  void Serve(const sigset_t& signals);

  // Stop drains; a second TERM or INT meanwhile cuts that short.
  void Stop(const sigset_t& signals);

  std::string ReadyLine() const;

 private:
  Latchkeyd(const Settings& settings, const DescriptorPlan& descriptors,
            const ForwardClock& clock, Log& log)
      : settings_(settings),
        descriptors_(descriptors),
        memory_(PlanMemory(settings.memory_budget)),
        clock_(clock),
        log_(log) {}

  absl::Status OpenAudit();
  absl::Status OpenStores();
  absl::Status OpenRevocations();
  absl::Status OpenVerbs();
  absl::Status OpenCertificates();
  AdminRpc::About About() const;
  absl::Status Listen();
  bool Ready() const { return serving_ && database_->Health().ok(); }
  void AddMetrics();
  absl::Status ServeMetrics();
  absl::StatusOr<Warmer::Page> WarmSome(const std::optional<SessionKey>& after,
                                        int limit, absl::Time now);
  void WatchStore();
  void ReopenLogs();
  AuditLog& audit();

  const Settings settings_;
  const DescriptorPlan descriptors_;
  const MemoryPlan memory_;
  const ForwardClock& clock_;
  Log& log_;
  std::atomic<bool> serving_ = false;  // read by the metrics server

  NoAuditLog no_audit_;
  std::unique_ptr<AuditWriter> audit_writer_;  // null: no audit is wanted
  std::unique_ptr<DataDir> data_dir_;
  std::unique_ptr<TaskPool> workers_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<KeyRing> keys_;
  std::unique_ptr<RevocationHub> revocations_;
  std::unique_ptr<const std::string> issuer_name_;
  std::unique_ptr<JwtIssuer> issuer_;
  std::unique_ptr<PasswordChecker> passwords_;
  std::unique_ptr<AccountCache> accounts_;
  std::unique_ptr<SessionCache> sessions_;
  std::unique_ptr<JwtVerdicts> verdicts_;
  std::unique_ptr<TaskPool> readers_;
  std::unique_ptr<LoginGuard> guard_;
  std::unique_ptr<HashPool> hashes_;
  std::unique_ptr<AuthParts> parts_;
  std::unique_ptr<Authority> authority_;
  std::unique_ptr<AccountAdmin> account_admin_;
  std::unique_ptr<SessionAdmin> session_admin_;
  std::unique_ptr<Janitor> janitor_;
  // Of the warmer's thread: how far it has come with the accounts.
  std::string warm_account_;
  bool accounts_warm_ = false;
  std::unique_ptr<Warmer> warmer_;
  std::unique_ptr<CertificateWatch> certificates_;  // null: plaintext
  CallMetrics call_metrics_;
  std::unique_ptr<RpcServer> rpc_;
  std::unique_ptr<Watchdog> watchdog_;
  MetricRegistry metrics_;
  std::unique_ptr<MetricsServer> metrics_server_;  // null: not served
};

absl::StatusOr<std::unique_ptr<Latchkeyd>> Latchkeyd::Start(
    const Settings& settings, const DescriptorPlan& descriptors,
    const ForwardClock& clock, Log& log) {
  std::unique_ptr<Latchkeyd> result(
      new Latchkeyd(settings, descriptors, clock, log));
  LATCHKEY_RETURN_IF_ERROR(result->OpenCertificates());
  LATCHKEY_RETURN_IF_ERROR(result->OpenAudit());
  LATCHKEY_RETURN_IF_ERROR(result->OpenStores());
  LATCHKEY_RETURN_IF_ERROR(result->OpenVerbs());
  // Before the network: nothing is acknowledged by a server that cannot start.
  result->AddMetrics();
  LATCHKEY_RETURN_IF_ERROR(result->ServeMetrics());
  LATCHKEY_RETURN_IF_ERROR(result->Listen());
  return result;
}

absl::Status Latchkeyd::OpenAudit() {
  if (settings_.audit_log.empty()) return absl::OkStatus();
  std::unique_ptr<LineFile> file;
  if (settings_.audit_log == "-") {
    file = LineFile::OnStderr();
  } else {
    LATCHKEY_ASSIGN_OR_RETURN(
        file,
        LineFile::Open(settings_.audit_log, {.sync = settings_.audit_sync}));
  }
  audit_writer_ = std::make_unique<AuditWriter>(std::move(file), clock_, log_);
  return absl::OkStatus();
}

AuditLog& Latchkeyd::audit() {
  if (audit_writer_ == nullptr) return no_audit_;
  return *audit_writer_;
}

absl::Status Latchkeyd::OpenStores() {
  LATCHKEY_ASSIGN_OR_RETURN(data_dir_, DataDir::Open(settings_.data_dir));
  workers_ = std::make_unique<TaskPool>(TaskPool::Options{
      .name = "worker",
      .threads = settings_.worker_threads,
      .queue_limit = static_cast<size_t>(settings_.worker_queue)});
  LATCHKEY_ASSIGN_OR_RETURN(
      database_,
      Database::Open(
          {.path = data_dir_->database(),
           .cache_bytes = static_cast<size_t>(memory_.database_bytes),
           .table_files = descriptors_.table_files,
           .max_session_ttl = settings_.session.max_session_ttl,
           .answerers = workers_.get(),
           // With an audit, an answer waits until its line is written: many
           // that wait share one write.
           .answers_together = audit_writer_ == nullptr ? size_t{16} : 1},
          clock_, log_));
  LATCHKEY_ASSIGN_OR_RETURN(
      Sealer sealer,
      OpenMasterKey(settings_.master_key_file, database_->keys()));
  LATCHKEY_ASSIGN_OR_RETURN(
      keys_, KeyRing::Open(database_->keys(), std::move(sealer),
                           {.algorithm = settings_.jwt_algorithm,
                            .publish_lead = settings_.key_publish_lead,
                            .signing_life = settings_.key_signing_life},
                           clock_.Now()));
  return OpenRevocations();
}

absl::Status Latchkeyd::OpenRevocations() {
  RevocationHub::Options options;
  options.leases.ttl = settings_.lease_ttl;
  options.leases.heartbeat_interval = settings_.heartbeat_interval;
  options.leases.max_streams = static_cast<size_t>(settings_.max_verifiers);
  options.activity_interval =
      Janitor::FlushIntervalFor(settings_.session.idle_ttl);
  LATCHKEY_ASSIGN_OR_RETURN(
      revocations_,
      RevocationHub::Open(options, [this] { return database_->Revision(); },
                          {.epoch = database_->epoch(),
                           .archive = database_->revocations(),
                           .lease_store = database_->leases(),
                           .keys = *keys_,
                           .clock = clock_}));
  database_->Listen(revocations_->listener());
  revocations_->Start();
  return absl::OkStatus();
}

absl::Status Latchkeyd::OpenVerbs() {
  issuer_name_ = IssuerOf(settings_, database_->epoch());
  issuer_ = std::make_unique<JwtIssuer>(
      *keys_,
      JwtIssuer::Options{.issuer = *issuer_name_,
                         .default_audience = settings_.default_audience.empty()
                                                 ? *issuer_name_
                                                 : settings_.default_audience,
                         .life = settings_.jwt_life});
  LATCHKEY_ASSIGN_OR_RETURN(PasswordChecker passwords,
                            PasswordChecker::Create(settings_.hash_cost));
  passwords_ = std::make_unique<PasswordChecker>(std::move(passwords));
  accounts_ = std::make_unique<AccountCache>(
      database_->accounts(),
      AccountCache::Options{.max_entries = AccountCache::EntriesWithin(
                                memory_.account_cache_bytes)});
  verdicts_ = std::make_unique<JwtVerdicts>(JwtVerdicts::Options{
      .max_entries = JwtVerdicts::EntriesWithin(memory_.verdict_cache_bytes)});
  sessions_ = std::make_unique<SessionCache>(
      database_->sessions(),
      SessionCache::Options{.max_entries = SessionCache::EntriesWithin(
                                memory_.session_cache_bytes)});
  warmer_ = std::make_unique<Warmer>(
      [this](const std::optional<SessionKey>& after, int limit,
             absl::Time now) { return WarmSome(after, limit, now); },
      [this] { return sessions_->CachedEntries(); }, clock_, log_);
  readers_ = std::make_unique<TaskPool>(TaskPool::Options{
      .name = "reader",
      .threads = settings_.reader_threads,
      .queue_limit = static_cast<size_t>(settings_.worker_queue)});
  guard_ = std::make_unique<LoginGuard>(settings_.login);
  hashes_ = std::make_unique<HashPool>(
      HashPool::Options{
          .threads = settings_.hash_threads,
          .queue_limit = static_cast<size_t>(settings_.hash_queue),
          .max_wait = settings_.hash_max_wait},
      clock_);
  parts_.reset(new AuthParts{.accounts = *accounts_,
                             .sessions = *sessions_,
                             .keys = *keys_,
                             .verdicts = *verdicts_,
                             .issuer = *issuer_,
                             .passwords = *passwords_,
                             .guard = *guard_,
                             .hashes = *hashes_,
                             .workers = *workers_,
                             .clock = clock_,
                             .log = log_,
                             .audit = audit(),
                             .policy = settings_.session,
                             .issuer_name = *issuer_name_});
  authority_ = std::make_unique<Authority>(*parts_);
  account_admin_ = std::make_unique<AccountAdmin>(*parts_);
  session_admin_ = std::make_unique<SessionAdmin>(*parts_);
  janitor_ = std::make_unique<Janitor>(
      *sessions_, *keys_, clock_, log_, audit(),
      Janitor::Options{.flush_interval = Janitor::FlushIntervalFor(
                           settings_.session.idle_ttl)});
  return absl::OkStatus();
}

absl::Status Latchkeyd::OpenCertificates() {
  if (!settings_.uses_tls()) return absl::OkStatus();
  LATCHKEY_ASSIGN_OR_RETURN(
      certificates_, CertificateWatch::Open(settings_.tls, clock_, log_));
  certificates_->Start(kCertificateInterval);
  return absl::OkStatus();
}

AdminRpc::About Latchkeyd::About() const {
  return {.version = LATCHKEY_VERSION,
          .issuer = *issuer_name_,
          .epoch = database_->epoch(),
          .start_time = clock_.Now(),
          .start_since_boot = clock_.SinceBoot(),
          .clock = clock_,
          .accounts = database_->accounts(),
          .sessions = *sessions_,
          .cached_sessions = [this] { return sessions_->CachedEntries(); },
          .cache_warm = [this] { return warmer_->warm(); }};
}

// Accounts first: each session that is asked for asks for its account.
absl::StatusOr<Warmer::Page> Latchkeyd::WarmSome(
    const std::optional<SessionKey>& after, int limit, absl::Time now) {
  if (!accounts_warm_) {
    LATCHKEY_ASSIGN_OR_RETURN(warm_account_,
                              accounts_->WarmSome(warm_account_, limit));
    accounts_warm_ = warm_account_.empty();
    // Nothing lies before the lowest key.
    return Warmer::Page{.next = SessionKey()};
  }
  LATCHKEY_ASSIGN_OR_RETURN(const SessionCache::WarmStep step,
                            sessions_->WarmSome(after, limit, now));
  return Warmer::Page{.next = step.next, .full = step.full};
}

absl::Status Latchkeyd::Listen() {
  std::shared_ptr<grpc::ServerCredentials> credentials;
  if (certificates_ != nullptr) {
    credentials =
        MakeTlsCredentials(*certificates_, settings_.client_certificate);
  }
  const auto account_behind = [this](absl::string_view credential,
                                     Reach reach) {
    return authority_->ServiceAccountOf(credential, clock_.Now(), reach);
  };
  LATCHKEY_ASSIGN_OR_RETURN(
      rpc_,
      RpcServer::Start({.listen = settings_.listen,
                        .admin_socket = data_dir_->admin_socket(),
                        .reflection = settings_.reflection,
                        .credentials = credentials,
                        .benchmark = settings_.benchmark,
                        .open_validate = settings_.ValidateIsOpen(),
                        .grants = settings_.grants,
                        .connections = {descriptors_.connections,
                                        settings_.max_connections_per_source},
                        .transport = settings_.transport,
                        .max_calls_waiting = settings_.max_calls_waiting},
                       {.authority = *authority_,
                        .accounts = *account_admin_,
                        .sessions = *session_admin_,
                        .keys = *keys_,
                        .revocations = *revocations_,
                        .account_behind = account_behind,
                        .about = About(),
                        .workers = *workers_,
                        .readers = *readers_,
                        .metrics = call_metrics_,
                        .clock = clock_,
                        .log = log_,
                        .audit = audit()}));
  metrics_.Add([this](MetricText& text) {
    WriteConnectionMetrics(rpc_->connection_counts(), text);
  });
  watchdog_ = std::make_unique<Watchdog>(
      Watchdog::Options{}, rpc_->Probes(), [] { _exit(kExitStuck); }, log_);
  watchdog_->Start();
  janitor_->Start();
  warmer_->Start();
  serving_ = true;
  rpc_->SetServing(true);
  log_.Info("serving", {{"version", LATCHKEY_VERSION},
                        {"listen", settings_.listen},
                        {"port", rpc_->port()},
                        {"tls", settings_.uses_tls()},
                        {"admin_socket", data_dir_->admin_socket()},
                        {"max_connections", descriptors_.connections},
                        {"epoch", database_->epoch().ToHex()}});
  return absl::OkStatus();
}

void Latchkeyd::AddMetrics() {
  AddServerMetrics({.version = LATCHKEY_VERSION,
                    .start_time = clock_.Now(),
                    .clock = clock_,
                    .database = *database_,
                    .keys = *keys_,
                    .accounts = *accounts_,
                    .sessions = *sessions_,
                    .verdicts = *verdicts_,
                    .workers = *workers_,
                    .readers = *readers_,
                    .hashes = *hashes_,
                    .janitor = *janitor_,
                    .warmer = *warmer_},
                   metrics_);
  metrics_.Add([this](MetricText& text) {
    text.Gauge("latchkey_ready", "1 while the server is ready for calls.",
               uint64_t{Ready() ? 1u : 0u});
    call_metrics_.Write(text);
    WriteGuardMetrics(*guard_, text);
    WriteVerifierMetrics(*revocations_, text);
    if (certificates_ != nullptr) WriteCertificateMetrics(*certificates_, text);
    if (audit_writer_ != nullptr) WriteAuditMetrics(*audit_writer_, text);
  });
}

absl::Status Latchkeyd::ServeMetrics() {
  if (settings_.metrics_listen.empty()) return absl::OkStatus();
  LATCHKEY_ASSIGN_OR_RETURN(
      metrics_server_,
      MetricsServer::Start({.listen = settings_.metrics_listen},
                           {.metrics = [this] { return metrics_.Scrape(); },
                            .ready = [this] { return Ready(); }}));
  log_.Info("serving metrics", {{"listen", settings_.metrics_listen},
                                {"port", metrics_server_->port()}});
  return absl::OkStatus();
}

std::string Latchkeyd::ReadyLine() const {
  const auto with_port = [](const std::string& listen, int port) {
    return absl::StrCat(listen.substr(0, listen.rfind(':')), ":", port);
  };
  const std::string metrics =
      metrics_server_ == nullptr
          ? ""
          : absl::StrCat(" metrics=", with_port(settings_.metrics_listen,
                                                metrics_server_->port()));
  return absl::StrCat(
      "latchkeyd ready: listen=", with_port(settings_.listen, rpc_->port()),
      metrics, " admin=unix:", data_dir_->admin_socket(), "\n");
}

void Latchkeyd::Serve(const sigset_t& signals) {
  const timespec interval{kHealthCheckSeconds, 0};
  while (true) {
    const int signal = sigtimedwait(&signals, nullptr, &interval);
    if (signal == SIGTERM || signal == SIGINT) return;
    if (signal == SIGHUP) ReopenLogs();
    WatchStore();
  }
}

void Latchkeyd::ReopenLogs() {
  const absl::Status reopened = log_.Reopen();
  if (!reopened.ok()) log_.Error("log not reopened", {{"status", reopened}});
  if (audit_writer_ != nullptr) audit_writer_->Reopen();
}

// After a failed write the store says no for good; so does health, and the
// supervisor may restart us.
void Latchkeyd::WatchStore() {
  const absl::Status health = database_->Health();
  if (health.ok() || !serving_) return;
  serving_ = false;
  rpc_->SetServing(false);
  log_.Error("store failed; not ready until restarted", {{"status", health}});
}

void Latchkeyd::Stop(const sigset_t& signals) {
  log_.Info("stopping", {{"drain_timeout", settings_.drain_timeout}});
  serving_ = false;
  rpc_->SetServing(false);
  watchdog_->Dismiss();
  // Drains while this thread listens for a second signal, which ends the
  // process where it is: everything acknowledged is on disk already.
  std::thread hurry([signals] {
    int signal = 0;
    while (sigwait(&signals, &signal) == 0) {
      if (signal == SIGTERM || signal == SIGINT) _exit(kExitFailed);
    }
  });
  hurry.detach();
  warmer_->Stop();
  rpc_->Shutdown(settings_.drain_timeout);
  revocations_->Stop();
  watchdog_->Stop();
  hashes_->Stop();
  // The calls have ended, so no answer is to come; what gave the last of them
  // may still be on its way out.
  workers_->Stop();
  readers_->Stop();
  // Through the drain it tells how that goes; after it, it would tell of what
  // is being taken down.
  if (metrics_server_ != nullptr) metrics_server_->Stop();
  rpc_.reset();
  certificates_.reset();
  janitor_->Stop();
  if (audit_writer_ != nullptr) audit_writer_->Stop();
  const absl::Status saved = sessions_->FlushAll();
  if (!saved.ok()) log_.Warning("activity not saved", {{"status", saved}});
  database_->Close();
  log_.Info("stopped", {});
}

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "latchkeyd: %s\n",
               std::string(status.message()).c_str());
  return kExitFailed;
}

int Main(int argc, char** argv, char** environment) {
  std::vector<std::string> variables;
  for (char** entry = environment; *entry != nullptr; ++entry) {
    variables.emplace_back(*entry);
  }
  const auto read = ReadSettings({argv + 1, argv + argc}, variables);
  if (const auto* instead = std::get_if<Instead>(&read)) {
    std::fprintf(instead->exit_status == 0 ? stdout : stderr, "%s\n",
                 instead->text.c_str());
    return instead->exit_status;
  }
  const Settings& settings = std::get<Settings>(read);
  const sigset_t signals = BlockSignals();
  QuietLibraries();
  AllowOnlyTls13();

  const auto descriptors =
      PlanDescriptors(RaiseDescriptorLimit(), settings.max_connections);
  if (!descriptors.ok()) return Fail(descriptors.status());

  const SystemClock system_clock;
  const ForwardClock clock(system_clock);
  std::unique_ptr<Log> log = Log::ToStderr(settings.log_level, clock);
  if (!settings.log_file.empty()) {
    auto file = Log::ToFile(settings.log_file, settings.log_level, clock);
    if (!file.ok()) return Fail(file.status());
    log = *std::move(file);
  }
  auto server = Latchkeyd::Start(settings, *descriptors, clock, *log);
  if (!server.ok()) return Fail(server.status());
  std::fputs((*server)->ReadyLine().c_str(), stdout);
  std::fflush(stdout);
  (*server)->Serve(signals);
  (*server)->Stop(signals);
  return 0;
}

}  // namespace
}  // namespace latchkey

int main(int argc, char** argv, char** environment) {
  return latchkey::Main(argc, argv, environment);
}
