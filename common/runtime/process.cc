#include "common/runtime/process.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/ids.h"
#include "common/base/status_macros.h"
#include "common/config/address.h"
#include "common/runtime/admin_http.h"
#include "common/runtime/admin_service.h"
#include "common/runtime/journal_service.h"
#include "common/runtime/platform.h"
#include "common/runtime/readiness_news.h"
#include "common/runtime/rpc_journal_source.h"
#include "common/runtime/running_service.h"
#include "common/runtime/version.h"
#include "common/telemetry/log.h"
#include "common/telemetry/trace.h"

namespace watchbell::runtime {
namespace {

using telemetry::Level;
using telemetry::Log;

// How often the health that gRPC reports follows the engines'.
constexpr absl::Duration kHealthEvery = absl::Milliseconds(250);
// How often a database that is not there yet is tried.
constexpr absl::Duration kOpenEvery = absl::Milliseconds(500);

constexpr char kAdminService[] = "watchbell.admin.v1.AdminService";
constexpr char kJournalService[] = "watchbell.journal.v1.JournalService";

absl::StatusOr<absl::Duration> Milliseconds(const config::Config& config, const std::string& key) {
  ASSIGN_OR_RETURN(const int count, config.GetInt(key));
  if (count < 0) return absl::InvalidArgumentError(absl::StrCat(key, " must not be negative"));
  return absl::Milliseconds(count);
}

void LogCall(const rpc::CallReport& report) {
  const auto code = static_cast<absl::StatusCode>(report.code);
  const bool ours = code == absl::StatusCode::kInternal || code == absl::StatusCode::kUnknown ||
                    code == absl::StatusCode::kDataLoss || code == absl::StatusCode::kUnavailable;
  // A watch stream ends by being cancelled: that is no failure.
  const bool fine = code == absl::StatusCode::kOk || code == absl::StatusCode::kCancelled;
  Log(ours                                                ? Level::kError
      : fine && !telemetry::IsSampled(report.traceparent) ? Level::kDebug
                                                          : Level::kInfo,
      "call",
      {{"method", report.method},
       {"code", absl::StatusCodeToString(code)},
       {"error", report.message},
       {"traceparent", report.traceparent},
       {"tenant", report.tenant},
       {"took_ms", absl::StrCat(absl::ToDoubleMilliseconds(report.took))}});
}

// HOST:PORT under which other processes reach us.
std::string AdvertisedAddress(const config::Config& config, int port) {
  if (const std::string& told = config.Get("advertise"); !told.empty()) return told;
  const std::string& listen = config.Get("listen");
  std::string host = listen.substr(0, listen.rfind(':'));
  if (host.empty() || host == "0.0.0.0" || host == "[::]" || host == "*") {
    char name[256] = "localhost";
    gethostname(name, sizeof(name) - 1);
    host = name;
  }
  return absl::StrCat(host, ":", port);
}

class ModuleProcess final : public Process {
 public:
  ModuleProcess(std::string program, const config::Config& config, Clock& clock,
                Installation installation)
      : program_(std::move(program)),
        config_(config),
        clock_(clock),
        installation_(std::move(installation)) {}

  ~ModuleProcess() override { Stop(); }

  absl::Status Run(std::vector<ModuleDefinition> modules) {
    ASSIGN_OR_RETURN(drain_pause_, Milliseconds(config_, "drain.pause"));
    ASSIGN_OR_RETURN(drain_grace_, Milliseconds(config_, "drain.grace"));
    RETURN_IF_ERROR(CheckSettings(modules));
    ASSIGN_OR_RETURN(const bool distributed, IsDistributed(config_));
    RETURN_IF_ERROR(distributed ? RunDistributed(std::move(modules))
                                : RunEmbedded(std::move(modules)));
    UpdateHealth();
    health_thread_ = std::thread([this] { FollowHealth(); });
    running_ = true;
    return absl::OkStatus();
  }

  int grpc_port() const override { return server_->port(); }
  int admin_port() const override { return admin_http_->port(); }
  std::unique_ptr<rpc::Client> InProcessClient() override { return server_->InProcessClient(); }

  void Stop() override {
    {
      MutexLock lock(mu_);
      if (stopping_) return;
      stopping_ = true;
      wake_.NotifyAll();
    }
    if (opening_thread_.joinable()) opening_thread_.join();
    if (health_thread_.joinable()) health_thread_.join();
    if (server_ != nullptr) {
      Tell("stopping: calls and effects");
      std::thread effects([this] { DrainEffects(); });
      server_->Drain(drain_pause_, drain_grace_);
      effects.join();
    }
    Tell("stopping: engines");
    for (const auto& service : services_) service->StopEngine();
    for (const auto& service : services_) service->GiveUpLeases();
    admin_http_.reset();
    services_.clear();
    platform_.reset();
    peers_.Clear();
    server_.reset();
    Tell("stopped");
  }

 private:
  // What never ran does not say that it stops.
  void Tell(const char* what) const {
    if (running_) Log(Level::kInfo, what, {{"program", program_}});
  }

  // Those that could only be found wrong later, or not at all.
  absl::Status CheckSettings(const std::vector<ModuleDefinition>& modules) const {
    for (const char* key : {"listen", "admin.listen"}) {
      RETURN_IF_ERROR(config::ParseListen(key, config_.Get(key)).status());
    }
    if (const std::string& told = config_.Get("advertise"); !told.empty()) {
      RETURN_IF_ERROR(config::CheckAddress("advertise", told));
    }
    RETURN_IF_ERROR(CheckPeers(installation_, config_));
    for (const ModuleDefinition& module : modules) {
      if (module.check != nullptr) RETURN_IF_ERROR(module.check(config_));
    }
    return absl::OkStatus();
  }

  // Beside the calls, so after the same pause: until then everything goes on as ever.
  void DrainEffects() {
    {
      Mutex mu;
      CondVar never;
      MutexLock lock(mu);
      clock_.WaitUntil(mu, never, clock_.Now() + drain_pause_);
    }
    std::vector<std::thread> draining;
    for (const auto& service : services_) {
      draining.emplace_back([&service] { service->DrainEffects(); });
    }
    for (std::thread& thread : draining) thread.join();
  }

  // --- on a data folder ---

  absl::Status RunEmbedded(std::vector<ModuleDefinition> modules) {
    ASSIGN_OR_RETURN(platform_, MakeEmbeddedPlatform(program_, config_));
    AddServices(std::move(modules), "");
    // Producers must be there before consumers read.
    for (const auto& service : services_) RETURN_IF_ERROR(service->Make());
    WarnOfMissingProducers();
    for (const auto& service : services_) RETURN_IF_ERROR(service->Open());
    MakeOwnRpcs();
    rpc::ServerOptions options = OptionsOfServer();
    ASSIGN_OR_RETURN(server_, rpc::Server::Start(options, Rpcs(), *identity_, clock_));
    Begin();
    return StartAdmin();
  }

  // On the embedded bus a topic is its producer's journal: without the producer it stays empty.
  void WarnOfMissingProducers() const {
    std::set<std::string> produced;
    for (const auto& service : services_) {
      for (const auto& cls : service->core().spec().decider->classes()) produced.insert(cls.topic);
    }
    for (const auto& service : services_) {
      for (const std::string& topic : service->core().spec().consumes) {
        if (produced.count(topic) > 0) continue;
        Log(Level::kWarning,
            "this topic stays empty: the service that fills it is not in this process",
            {{"service", service->name()}, {"topic", topic}});
      }
    }
  }

  // --- on PostgreSQL and Kafka ---

  absl::Status RunDistributed(std::vector<ModuleDefinition> modules) {
    std::vector<std::string> hosted;
    for (const ModuleDefinition& module : modules) hosted.push_back(module.name);
    ASSIGN_OR_RETURN(const auto targets, PeerTargets(installation_, hosted, config_));
    journals_ = std::make_unique<RpcJournalSource>(hosted.empty() ? program_ : hosted.front(),
                                                   installation_, peers_);
    ASSIGN_OR_RETURN(platform_, MakeDistributedPlatform(program_, config_, *journals_, clock_));
    for (const auto& [service, target] : targets) peers_.Add(service, rpc::Connect(target), target);
    rpc::ServerOptions options = OptionsOfServer();
    options.later = {kAdminService, kJournalService};
    for (const auto& [service, names] : installation_.rpcs) {
      const auto target = targets.find(service);
      for (const std::string& name : names) {
        if (target == targets.end()) {
          options.later.push_back(name);
        } else {
          options.forwards.push_back({name, service, target->second});
        }
      }
    }
    ASSIGN_OR_RETURN(server_, rpc::Server::Start(options, {}, *identity_, clock_));
    for (const std::string& service : hosted) peers_.Add(service, server_->InProcessClient());
    AddServices(std::move(modules), AdvertisedAddress(config_, server_->port()));
    RETURN_IF_ERROR(StartAdmin());
    opening_thread_ = std::thread([this] { OpenWhenThere(); });
    return absl::OkStatus();
  }

  // Opens one service after the other, each as soon as its database is there and migrated.
  void OpenWhenThere() {
    for (const auto& service : services_) {
      std::string told;
      for (absl::Status opened = TryOpen(*service); !opened.ok(); opened = TryOpen(*service)) {
        const std::string why = absl::StrCat(service->name(), " waits: ", opened.message());
        if (why != told) Log(Level::kWarning, why);
        told = why;
        MutexLock lock(mu_);
        waits_for_ = why;
        if (!stopping_) clock_.WaitUntil(mu_, wake_, clock_.Now() + kOpenEvery);
        if (stopping_) return;
      }
    }
    MakeOwnRpcs();
    server_->Provide(Rpcs());
    Begin();
  }

  static absl::Status TryOpen(RunningService& service) {
    absl::Status opened = service.Make();
    if (opened.ok()) opened = service.Open();
    if (!opened.ok()) service.Reset();
    return opened;
  }

  // --- both ---

  void AddServices(std::vector<ModuleDefinition> modules, const std::string& address) {
    // A name that was used before could be taken for its dead bearer.
    const std::string& name = config_.Get("replica.id");
    const std::string replica =
        absl::StrCat(name, name.empty() ? "" : "-", ids_.NewUuid(clock_.Now()));
    for (ModuleDefinition& module : modules) {
      services_.push_back(std::make_unique<RunningService>(
          std::move(module),
          RunningService::Parts{*platform_, config_, clock_, ids_, metrics_, replica, address}));
    }
  }

  rpc::ServerOptions OptionsOfServer() {
    rpc::ServerOptions options;
    options.listen = config_.Get("listen");
    options.on_call = [this](const rpc::CallReport& report) {
      metrics_.CallFinished(report);
      LogCall(report);
    };
    return options;
  }

  void MakeOwnRpcs() {
    std::vector<ServiceCore*> cores;
    for (const auto& service : services_) cores.push_back(&service->core());
    own_rpcs_.push_back(MakeAdminService(cores, clock_, peers_));
    if (platform_->distributed()) own_rpcs_.push_back(MakeJournalService(cores));
  }

  std::vector<rpc::Service*> Rpcs() const {
    std::vector<rpc::Service*> all;
    for (const auto& service : services_) {
      for (const auto& rpcs : service->services()) all.push_back(rpcs.get());
    }
    for (const auto& rpcs : own_rpcs_) all.push_back(rpcs.get());
    return all;
  }

  void Begin() {
    for (const auto& service : services_) service->Start();
    MutexLock lock(mu_);
    begun_ = true;
  }

  absl::Status StartAdmin() {
    AdminHandlers handlers;
    handlers.metrics = [this] {
      platform_->Measure(metrics_);
      if (Begun()) {
        for (const auto& service : services_) service->Measure();
      }
      return metrics_.Text();
    };
    handlers.not_ready = [this] { return NotReady(); };
    handlers.producers = [this] { return SilentProducers(); };
    ASSIGN_OR_RETURN(admin_http_,
                     AdminHttp::Start(config_.Get("admin.listen"), std::move(handlers)));
    Log(Level::kInfo, "listening",
        {{"grpc_port", absl::StrCat(grpc_port())}, {"admin_port", absl::StrCat(admin_port())}});
    return absl::OkStatus();
  }

  bool Begun() {
    MutexLock lock(mu_);
    return begun_;
  }

  std::vector<std::string> NotReady() {
    std::vector<std::string> reasons;
    bool begun = false;
    {
      MutexLock lock(mu_);
      if (stopping_) reasons.emplace_back("the process is stopping");
      if (!begun_) reasons.push_back(waits_for_);
      begun = begun_;
    }
    const absl::Status health = platform_->Health();
    if (!health.ok()) reasons.emplace_back(health.message());
    if (!begun) return reasons;
    const bool producers = platform_->ProducersHealth().ok();
    for (const auto& service : services_) {
      const absl::Status trouble = service->Trouble();
      metrics_.SetHealthy(service->name(), health.ok() && trouble.ok() && producers &&
                                               service->ProducersHealth().ok() &&
                                               service->ReplicasHealth().ok());
      if (!trouble.ok()) {
        reasons.push_back(absl::StrCat(service->name(), ": ", trouble.message()));
      }
    }
    return reasons;
  }

  // Those that cannot be read. Commands are served without them; and services that read each other
  // would wait for each other's readiness for ever.
  std::vector<std::string> SilentProducers() {
    std::vector<std::string> all;
    if (!Begun()) return all;
    const absl::Status health = platform_->ProducersHealth();
    if (!health.ok()) all.emplace_back(health.message());
    for (const auto& service : services_) {
      const absl::Status trouble = service->ProducersHealth();
      if (!trouble.ok()) all.push_back(absl::StrCat(service->name(), ": ", trouble.message()));
    }
    return all;
  }

  // What gRPC's health service says follows the engines. One thread at a time.
  void UpdateHealth() {
    const std::vector<std::string> reasons = NotReady();
    if (!news_.Tell(reasons, clock_.Steady())) return;
    server_->SetServing(reasons.empty());
    if (reasons.empty()) {
      Log(Level::kInfo, "ready",
          {{"grpc_port", absl::StrCat(grpc_port())}, {"admin_port", absl::StrCat(admin_port())}});
    } else {
      Log(Begun() ? Level::kError : Level::kInfo, "not serving",
          {{"reasons", absl::StrJoin(reasons, "; ")}});
    }
  }

  void FollowHealth() {
    for (;;) {
      {
        MutexLock lock(mu_);
        if (!stopping_) clock_.WaitUntil(mu_, wake_, clock_.Now() + kHealthEvery);
        if (stopping_) return;
      }
      UpdateHealth();
    }
  }

  const std::string program_;
  const config::Config config_;
  Clock& clock_;
  const Installation installation_;
  absl::Duration drain_pause_;
  absl::Duration drain_grace_;
  SystemIdSource ids_;
  Metrics metrics_;
  const std::unique_ptr<rpc::IdentityProvider> identity_ = rpc::MakeDevelopmentIdentity();
  Peers peers_;
  std::unique_ptr<RpcJournalSource> journals_;
  std::unique_ptr<Platform> platform_;
  std::vector<std::unique_ptr<RunningService>> services_;
  std::vector<std::unique_ptr<rpc::Service>> own_rpcs_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<AdminHttp> admin_http_;
  ReadinessNews news_;
  std::thread health_thread_;
  std::thread opening_thread_;
  Mutex mu_;
  CondVar wake_;
  bool running_ = false;  // Run returned OK
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  bool begun_ ABSL_GUARDED_BY(mu_) = false;
  std::string waits_for_ ABSL_GUARDED_BY(mu_) = "the process is starting";
};

}  // namespace

std::vector<config::Key> ProcessKeys(const Installation& installation) {
  std::vector<config::Key> keys = {
      {"listen", "127.0.0.1:7700", "address of the rpcs, HOST:PORT; port 0 = any"},
      {"admin.listen", "127.0.0.1:7701", "address of /metrics, /livez, /readyz and /version"},
      {"advertise", "", "HOST:PORT where other processes reach the rpcs; empty = as in listen"},
      {"replica.id", "", "this replica's name in logs and leases; a random part is added"},
      {"log.level", "info", "debug, info, warning or error"},
      {"drain.pause", "200", "milliseconds between \"not serving\" and the end of the first call"},
      {"drain.grace", "10000", "milliseconds that what is under way gets at the stop"},
  };
  for (const std::vector<config::Key>& more : {PlatformKeys(), PeerKeys(installation)}) {
    keys.insert(keys.end(), more.begin(), more.end());
  }
  return keys;
}

std::vector<config::Key> KeysOfOtherCommands() {
  return {{"target", "", "gRPC target of a running process"},
          {"tenant", "", "whose data"},
          {"timeout", "", "seconds that a client command waits"},
          {"kafka.replication", "", "of topics to be created"}};
}

std::vector<config::Key> AllKeys(const std::vector<ModuleDefinition>& modules,
                                 const Installation& installation) {
  std::vector<config::Key> keys = ProcessKeys(installation);
  for (const ModuleDefinition& module : modules) {
    for (const config::Key& key : module.keys) {
      const bool known = std::any_of(keys.begin(), keys.end(),
                                     [&key](const config::Key& k) { return k.name == key.name; });
      if (!known) keys.push_back(key);
    }
  }
  return keys;
}

absl::StatusOr<std::unique_ptr<Process>> Process::Start(const std::string& program,
                                                        std::vector<ModuleDefinition> modules,
                                                        const config::Config& config, Clock& clock,
                                                        const Installation& installation) {
  const std::string& url = config.Get("database.url");
  Log(Level::kInfo, "starting",
      {{"program", program},
       {"version", Version()},
       {"storage", url.empty() ? config.Get("data.dir") : config::MaskUrl(url)}});
  auto process = std::make_unique<ModuleProcess>(program, config, clock, installation);
  if (absl::Status started = process->Run(std::move(modules)); !started.ok()) return started;
  return std::unique_ptr<Process>(std::move(process));
}

}  // namespace watchbell::runtime
