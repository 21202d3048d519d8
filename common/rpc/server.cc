#include "common/rpc/server.h"

#include <grpc/support/time.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "common/base/ids.h"
#include "common/rpc/admission.h"
#include "common/rpc/channel_client.h"
#include "common/rpc/dynamic_service.h"
#include "common/rpc/executor.h"
#include "common/rpc/stop_listening.h"
#include "common/rpc/watch_registry.h"

namespace watchbell::rpc {
namespace {

constexpr int kMaxRequestBytes = 4 << 20;

// Process-wide, and before the first server is built.
void EnablePlugins() {
  static std::once_flag once;
  std::call_once(once, [] {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  });
}

int Milliseconds(absl::Duration span) { return static_cast<int>(absl::ToInt64Milliseconds(span)); }

void SetArguments(const ServerOptions& options, grpc::ServerBuilder& builder) {
  builder.SetMaxReceiveMessageSize(kMaxRequestBytes);
  // Otherwise a second process takes half of the connections of the first without a word.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS,
                             Milliseconds(options.max_connection_age));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, Milliseconds(absl::Minutes(1)));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Milliseconds(absl::Seconds(20)));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             Milliseconds(absl::Seconds(5)));
}

// A name that the protos do not know is a bug found at start, before anything is served.
const google::protobuf::ServiceDescriptor& ServiceNamed(const std::string& full_name) {
  const auto* found =
      google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(full_name);
  if (found != nullptr) return *found;
  std::fprintf(stderr, "no proto service is called %s\n", full_name.c_str());
  std::abort();
}

class GrpcServer final : public Server {
 public:
  GrpcServer(ServerOptions options, const IdentityProvider& identity, Clock& clock)
      : options_(std::move(options)),
        clock_(clock),
        executor_(options_.query_threads, static_cast<size_t>(options_.query_queue_limit)),
        watches_(clock, static_cast<size_t>(options_.watch_limit),
                 std::clamp(options_.bookmark_every / 4, absl::Milliseconds(1), absl::Seconds(1))),
        shared_{options_, identity, clock, ids_, executor_, watches_, calls_} {}

  ~GrpcServer() override { Drain(absl::ZeroDuration(), absl::ZeroDuration()); }

  absl::Status Listen(const std::vector<Service*>& services) {
    EnablePlugins();
    grpc::ServerBuilder builder;
    builder.AddListeningPort(options_.listen, grpc::InsecureServerCredentials(), &port_);
    SetArguments(options_, builder);
    for (const Service* service : services) Host(service->full_name());
    for (const std::string& name : options_.later) Host(name);
    Provide(services);
    for (const Forward& forward : options_.forwards) {
      services_.push_back(
          std::make_unique<DynamicService>(ServiceNamed(forward.service), shared_,
                                           Route{forward.peer, ForwardChannel(forward.target)}));
    }
    for (const auto& service : services_) builder.RegisterService(service.get());
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || port_ == 0) {
      return absl::UnavailableError(
          absl::StrCat("cannot listen on ", options_.listen,
                       ": another process has the port, or the address is not this machine's"));
    }
    SetServing(false);
    return absl::OkStatus();
  }

  void Provide(const std::vector<Service*>& services) override {
    for (const Service* service : services) {
      for (const auto& hosted : services_) {
        if (hosted->full_name() == service->full_name()) hosted->Provide(*service);
      }
    }
  }

  int port() const override { return port_; }

  void SetServing(bool serving) override {
    auto* health = server_->GetHealthCheckService();
    for (const std::string& name : names_) health->SetServingStatus(name, serving);
    health->SetServingStatus(serving);
  }

  std::unique_ptr<Client> InProcessClient() override {
    return MakeChannelClient(server_->InProcessChannel(ClientArguments()));
  }

  void Drain(absl::Duration pause, absl::Duration grace) override {
    if (server_ == nullptr || drained_.exchange(true)) return;
    SetServing(false);
    if (pause > absl::ZeroDuration()) {
      // Load balancers look at health every so often; calls are still taken meanwhile.
      Mutex mu;
      CondVar never;
      MutexLock lock(mu);
      clock_.WaitUntil(mu, never, clock_.Now() + pause);
    }
    watches_.EndAll();
    // From here on calls are refused in a way that clients repeat, so that those under way come to
    // an end however many more are sent.
    calls_.Close();
    calls_.AwaitNone(clock_, clock_.Now() + grace);
    // First no new connections, then those there are, then the server: a call that arrives when
    // that is shut down is CANCELLED by gRPC (github.com/grpc/grpc/issues/41785), which no client
    // repeats. Over a connection that is gone, or is refused, it is UNAVAILABLE.
    StopListening(port_);
    grpc_server_cancel_all_calls(server_->c_server());
    server_->Shutdown(gpr_now(GPR_CLOCK_MONOTONIC));
    executor_.Stop();
  }

 private:
  void Host(const std::string& name) {
    if (std::find(names_.begin(), names_.end(), name) != names_.end()) return;
    names_.push_back(name);
    services_.push_back(std::make_unique<DynamicService>(ServiceNamed(name), shared_));
  }

  const ServerOptions options_;
  Clock& clock_;
  SystemIdSource ids_;
  Executor executor_;
  WatchRegistry watches_;
  CallsUnderWay calls_;
  const Shared shared_;
  std::vector<std::unique_ptr<DynamicService>> services_;
  std::vector<std::string> names_;
  int port_ = 0;
  std::atomic<bool> drained_{false};
  std::unique_ptr<grpc::Server> server_;  // last: the first to go
};

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(ServerOptions options,
                                                      std::vector<Service*> services,
                                                      const IdentityProvider& identity,
                                                      Clock& clock) {
  auto server = std::make_unique<GrpcServer>(std::move(options), identity, clock);
  if (absl::Status listening = server->Listen(services); !listening.ok()) return listening;
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace watchbell::rpc
