// main() of every server program.
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/mutex.h"
#include "common/base/status_macros.h"
#include "common/rpc/library_logs.h"
#include "common/runtime/process.h"
#include "common/runtime/version.h"
#include "common/telemetry/log.h"

namespace watchbell::runtime {
namespace {

constexpr int kExitFailure = 1;
constexpr int kExitConfiguration = 2;

// SIGTERM and SIGINT, taken by a thread of their own. Made before any other thread, so that all
// inherit the mask.
class StopSignals {
 public:
  StopSignals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGTERM);
    sigaddset(&set_, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    signal(SIGPIPE, SIG_IGN);
    thread_ = std::thread([this] { Listen(); });
  }

  ~StopSignals() {
    {
      MutexLock lock(mu_);
      over_ = true;
    }
    pthread_kill(thread_.native_handle(), SIGTERM);  // ends its sigwait
    thread_.join();
  }

  void Wait() {
    MutexLock lock(mu_);
    while (!asked_) changed_.Wait(mu_);
  }

 private:
  void Listen() {
    int signal_number = 0;
    while (sigwait(&set_, &signal_number) == 0) {
      MutexLock lock(mu_);
      if (over_) return;
      // The second one means: now. Nothing is lost, for what was acknowledged is in the databases.
      if (asked_) _exit(128 + signal_number);
      asked_ = true;
      changed_.NotifyAll();
    }
  }

  sigset_t set_;
  Mutex mu_;
  CondVar changed_;
  bool asked_ ABSL_GUARDED_BY(mu_) = false;
  bool over_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

absl::StatusOr<config::Config> Configure(const std::vector<config::Key>& keys,
                                         const std::vector<std::string>& args) {
  ASSIGN_OR_RETURN(config::Config config,
                   config::Config::Load(keys, args, config::Environment(), KeysOfOtherCommands()));
  if (!config.rest().empty()) {
    return absl::InvalidArgumentError(absl::StrCat("unexpected argument ", config.rest().front()));
  }
  telemetry::Level level = telemetry::Level::kInfo;
  if (!telemetry::ParseLogLevel(config.Get("log.level"), &level)) {
    return absl::InvalidArgumentError("log.level must be debug, info, warning or error");
  }
  telemetry::SetLogLevel(level);
  return config;
}

int Serve(const std::string& program, std::vector<ModuleDefinition> modules,
          const config::Config& config, const Installation& installation) {
  StopSignals signals;
  SystemClock clock;
  auto process = Process::Start(program, std::move(modules), config, clock, installation);
  if (!process.ok()) {
    telemetry::Log(telemetry::Level::kError, "cannot start",
                   {{"program", program}, {"error", std::string(process.status().message())}});
    return process.status().code() == absl::StatusCode::kInvalidArgument ? kExitConfiguration
                                                                         : kExitFailure;
  }
  signals.Wait();
  (*process)->Stop();
  return 0;
}

}  // namespace

int Main(int argc, char** argv, const std::string& program, std::vector<ModuleDefinition> modules,
         const Installation& installation) {
  const std::vector<std::string> args(argv + 1, argv + argc);
  const std::vector<config::Key> keys = AllKeys(modules, installation);
  if (args.size() == 1 && args[0] == "--help") {
    std::printf("%s [flags]\n\n%s", program.c_str(), config::Config::Usage(keys).c_str());
    return 0;
  }
  if (args.size() == 1 && args[0] == "--version") {
    std::printf("%s\n", VersionJson().c_str());
    return 0;
  }
  rpc::RouteLibraryLogs();
  absl::StatusOr<config::Config> config = Configure(keys, args);
  if (!config.ok()) {
    std::fprintf(stderr, "%s: %s\n", program.c_str(),
                 std::string(config.status().message()).c_str());
    return kExitConfiguration;
  }
  return Serve(program, std::move(modules), *config, installation);
}

}  // namespace watchbell::runtime
