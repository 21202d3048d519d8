#include "common/runtime/process.h"

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/ids.h"
#include "common/base/status_macros.h"
#include "common/bus/embedded/embedded_bus.h"
#include "common/db/data_folder.h"
#include "common/db/migrations.h"
#include "common/db/sqlite/sqlite_db.h"
#include "common/runtime/admin_http.h"
#include "common/runtime/admin_service.h"
#include "common/runtime/effect_gate.h"
#include "common/runtime/version.h"
#include "common/telemetry/log.h"

namespace watchbell::runtime {
namespace {

using telemetry::Level;
using telemetry::Log;

// How often the health that gRPC reports follows the engines'.
constexpr absl::Duration kHealthEvery = absl::Milliseconds(250);

// One module as it runs. Members are destroyed in the reverse order: rpcs, engine, effects,
// database.
struct Running {
  ModuleDefinition definition;
  std::unique_ptr<db::Database> database;
  std::unique_ptr<EffectGate> effects;  // null: the module has none
  std::unique_ptr<ServiceCore> core;
  rpc::WatchHub hub;
  std::vector<std::unique_ptr<rpc::Service>> services;
};

absl::StatusOr<std::unique_ptr<db::Database>> OpenMigrated(const db::DataFolder& folder,
                                                           const ServiceSpec& spec) {
  ASSIGN_OR_RETURN(std::unique_ptr<db::Database> database,
                   db::OpenSqlite(folder.FileOf(spec.name)));
  if (absl::Status migrated = db::Migrate(*database, AllMigrations(spec)); !migrated.ok()) {
    return absl::Status(migrated.code(), absl::StrCat(spec.name, ": ", migrated.message()));
  }
  return database;
}

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
  Log(ours   ? Level::kError
      : fine ? Level::kDebug
             : Level::kInfo,
      "call",
      {{"method", report.method},
       {"code", absl::StatusCodeToString(code)},
       {"error", report.message},
       {"traceparent", report.traceparent},
       {"tenant", report.tenant},
       {"took_ms", absl::StrCat(absl::ToDoubleMilliseconds(report.took))}});
}

class EmbeddedProcess final : public Process {
 public:
  EmbeddedProcess(std::string program, const config::Config& config, Clock& clock)
      : program_(std::move(program)), config_(config), clock_(clock), bus_(kDefaultShards) {}

  ~EmbeddedProcess() override { Stop(); }

  absl::Status Run(std::vector<ModuleDefinition> modules) {
    ASSIGN_OR_RETURN(drain_pause_, Milliseconds(config_, "drain.pause"));
    ASSIGN_OR_RETURN(drain_grace_, Milliseconds(config_, "drain.grace"));
    ASSIGN_OR_RETURN(db::DataFolder folder,
                     db::DataFolder::Lock(config_.Get("data.dir"), program_));
    folder_.emplace(std::move(folder));
    for (ModuleDefinition& module : modules) RETURN_IF_ERROR(Make(std::move(module)));
    WarnOfMissingProducers();
    for (const auto& module : modules_) RETURN_IF_ERROR(Open(*module));
    RETURN_IF_ERROR(Serve());
    for (const auto& module : modules_) module->core->engine().Start();
    RETURN_IF_ERROR(StartAdmin());
    UpdateHealth();
    health_thread_ = std::thread([this] { FollowHealth(); });
    Log(Level::kInfo, "ready",
        {{"grpc_port", absl::StrCat(grpc_port())}, {"admin_port", absl::StrCat(admin_port())}});
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
    if (health_thread_.joinable()) health_thread_.join();
    if (server_ != nullptr) {
      Log(Level::kInfo, "stopping: calls");
      server_->Drain(drain_pause_, drain_grace_);
    }
    Log(Level::kInfo, "stopping: effects and engines");
    for (const auto& module : modules_) {
      if (module->effects != nullptr) module->effects->Close();
    }
    for (const auto& module : modules_) {
      if (module->core != nullptr) module->core->engine().Stop();
    }
    admin_http_.reset();
    server_.reset();
    Log(Level::kInfo, "stopped", {{"program", program_}});
  }

 private:
  absl::Status Make(ModuleDefinition definition) {
    modules_.push_back(std::make_unique<Running>());
    Running& running = *modules_.back();
    running.definition = std::move(definition);
    ServiceSpec spec = running.definition.spec(config_);
    ASSIGN_OR_RETURN(running.database, OpenMigrated(*folder_, spec));
    const std::string name = spec.name;
    if (running.definition.effects != nullptr) {
      ASSIGN_OR_RETURN(std::unique_ptr<engine::EffectRunner> runner,
                       running.definition.effects(config_, clock_, [&running](engine::Input input) {
                         return running.core->engine().Submit(std::move(input));
                       }));
      running.effects = std::make_unique<EffectGate>(
          std::move(runner), [this, name](size_t count) { metrics_.EffectsBegun(name, count); });
    }
    ServiceCore::Parts parts{*running.database,       clock_, ids_, bus_, running.effects.get(),
                             &metrics_.ProbeFor(name)};
    ASSIGN_OR_RETURN(running.core, ServiceCore::Make(std::move(spec), std::move(parts)));
    running.core->OnCommit([&running] { running.hub.Notify(); });
    return absl::OkStatus();
  }

  // On the embedded bus a topic is its producer's journal: without the producer it stays empty.
  void WarnOfMissingProducers() const {
    std::set<std::string> produced;
    for (const auto& module : modules_) {
      for (const auto& cls : module->core->spec().decider->classes()) produced.insert(cls.topic);
    }
    for (const auto& module : modules_) {
      for (const std::string& topic : module->core->spec().consumes) {
        if (produced.count(topic) > 0) continue;
        Log(Level::kWarning,
            "this topic stays empty: the service that fills it is not in this process",
            {{"service", module->core->name()}, {"topic", topic}});
      }
    }
  }

  absl::Status Open(Running& running) {
    RETURN_IF_ERROR(running.core->Open());
    if (running.definition.recover != nullptr) {
      RETURN_IF_ERROR(running.definition.recover(*running.core));
    }
    running.services = running.definition.services({*running.core, config_, running.hub});
    return absl::OkStatus();
  }

  absl::Status Serve() {
    std::vector<rpc::Service*> services;
    std::vector<ServiceCore*> cores;
    for (const auto& module : modules_) {
      cores.push_back(module->core.get());
      for (const auto& service : module->services) services.push_back(service.get());
    }
    admin_service_ = MakeAdminService(cores, clock_);
    services.push_back(admin_service_.get());
    rpc::ServerOptions options;
    options.listen = config_.Get("listen");
    options.on_call = [this](const rpc::CallReport& report) {
      metrics_.CallFinished(report);
      LogCall(report);
    };
    ASSIGN_OR_RETURN(server_, rpc::Server::Start(options, services, *identity_, clock_));
    return absl::OkStatus();
  }

  absl::Status StartAdmin() {
    AdminHandlers handlers;
    handlers.metrics = [this] { return metrics_.Text(); };
    handlers.not_ready = [this] { return NotReady(); };
    ASSIGN_OR_RETURN(admin_http_,
                     AdminHttp::Start(config_.Get("admin.listen"), std::move(handlers)));
    return absl::OkStatus();
  }

  std::vector<std::string> NotReady() {
    std::vector<std::string> reasons;
    {
      MutexLock lock(mu_);
      if (stopping_) reasons.emplace_back("the process is stopping");
    }
    if (const absl::Status there = folder_->StillThere(); !there.ok()) {
      reasons.emplace_back(there.message());
    }
    for (const auto& module : modules_) {
      const absl::Status health = module->core->engine().Health();
      metrics_.SetHealthy(module->core->name(), health.ok());
      if (!health.ok()) {
        reasons.push_back(absl::StrCat(module->core->name(), ": ", health.message()));
      }
    }
    return reasons;
  }

  // What gRPC's health service says follows the engines. One thread at a time.
  void UpdateHealth() {
    const std::vector<std::string> reasons = NotReady();
    if (reported_.has_value() && *reported_ == reasons) return;
    server_->SetServing(reasons.empty());
    if (reasons.empty()) {
      Log(Level::kInfo, "serving");
    } else {
      Log(Level::kError, "not serving", {{"reasons", absl::StrJoin(reasons, "; ")}});
    }
    reported_ = reasons;
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
  absl::Duration drain_pause_;
  absl::Duration drain_grace_;
  SystemIdSource ids_;
  Metrics metrics_;
  const std::unique_ptr<rpc::IdentityProvider> identity_ = rpc::MakeDevelopmentIdentity();
  std::optional<db::DataFolder> folder_;
  bus::EmbeddedBus bus_;
  std::vector<std::unique_ptr<Running>> modules_;
  std::unique_ptr<rpc::Service> admin_service_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<AdminHttp> admin_http_;
  std::optional<std::vector<std::string>> reported_;  // reasons last told
  std::thread health_thread_;
  Mutex mu_;
  CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace

std::vector<config::Key> ProcessKeys() {
  return {
      {"listen", "127.0.0.1:7700", "address of the rpcs, HOST:PORT; port 0 = any"},
      {"admin.listen", "127.0.0.1:7701", "address of /metrics, /livez, /readyz and /version"},
      {"data.dir", "watchbell-data", "folder of the databases, made if it is not there"},
      {"log.level", "info", "debug, info, warning or error"},
      {"drain.pause", "200", "milliseconds between \"not serving\" and the end of the first call"},
      {"drain.grace", "10000", "milliseconds that calls under way get at the stop"},
  };
}

std::vector<config::Key> AllKeys(const std::vector<ModuleDefinition>& modules) {
  std::vector<config::Key> keys = ProcessKeys();
  for (const ModuleDefinition& module : modules) {
    for (const config::Key& key : module.keys) {
      const bool known = std::any_of(keys.begin(), keys.end(),
                                     [&key](const config::Key& k) { return k.name == key.name; });
      if (!known) keys.push_back(key);
    }
  }
  return keys;
}

absl::Status MigrateAll(const std::vector<ModuleDefinition>& modules,
                        const config::Config& config) {
  ASSIGN_OR_RETURN(const db::DataFolder folder,
                   db::DataFolder::Lock(config.Get("data.dir"), "watchbell migrate"));
  for (const ModuleDefinition& module : modules) {
    RETURN_IF_ERROR(OpenMigrated(folder, module.spec(config)).status());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Process>> Process::Start(const std::string& program,
                                                        std::vector<ModuleDefinition> modules,
                                                        const config::Config& config,
                                                        Clock& clock) {
  Log(Level::kInfo, "starting",
      {{"program", program}, {"version", Version()}, {"data_dir", config.Get("data.dir")}});
  auto process = std::make_unique<EmbeddedProcess>(program, config, clock);
  if (absl::Status started = process->Run(std::move(modules)); !started.ok()) return started;
  return std::unique_ptr<Process>(std::move(process));
}

}  // namespace watchbell::runtime
