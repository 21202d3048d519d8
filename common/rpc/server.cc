#include "common/rpc/server.h"

#include <grpc/support/time.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/codegen/server_callback_handlers.h>
#include <grpcpp/impl/service_type.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/errors.h"
#include "common/base/ids.h"
#include "common/rpc/admission.h"
#include "common/rpc/channel_client.h"
#include "common/rpc/executor.h"
#include "common/rpc/unary_call.h"
#include "common/rpc/watch_call.h"
#include "common/rpc/watch_registry.h"

namespace watchbell::rpc {
namespace {

constexpr int kMaxRequestBytes = 4 << 20;

// A proto service as gRPC wants it, made from its table at run time. Each method is set up as the
// generated WithRawCallbackMethod_* classes do it: the handler sees bytes, the adapter parses them
// by descriptor.
class DynamicService : public grpc::Service {
 public:
  DynamicService(const rpc::Service& service, const Shared& shared) {
    for (const auto& [name, method] : service.methods()) {
      names_.push_back(absl::StrCat("/", service.full_name(), "/", name));
      if (method.kind == Method::Kind::kWatch) {
        AddWatch(method, shared);
      } else {
        AddUnary(method, shared);
      }
    }
  }

 private:
  using Bytes = grpc::ByteBuffer;
  using Type = grpc::internal::RpcMethod;

  void AddUnary(const Method& method, const Shared& shared) {
    Add(Type::NORMAL_RPC, new grpc::internal::CallbackUnaryHandler<Bytes, Bytes>(
                              [&method, &shared](grpc::CallbackServerContext* call,
                                                 const Bytes* request, Bytes* response) {
                                return UnaryCall::Start(shared, method, *call, *request, response);
                              }));
  }

  void AddWatch(const Method& method, const Shared& shared) {
    Add(Type::SERVER_STREAMING,
        new grpc::internal::CallbackServerStreamingHandler<Bytes, Bytes>(
            [&method, &shared](grpc::CallbackServerContext* call, const Bytes* request) {
              return WatchCall::Start(shared, method, *call, *request);
            }));
  }

  void Add(Type::RpcType type, grpc::internal::MethodHandler* handler) {
    AddMethod(new grpc::internal::RpcServiceMethod(names_.back().c_str(), type, nullptr));
    MarkMethodRawCallback(static_cast<int>(names_.size()) - 1, handler);
  }

  std::deque<std::string> names_;  // gRPC keeps pointers into it
};

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
                             Milliseconds(absl::Seconds(10)));
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
    for (const Service* service : services) {
      names_.push_back(service->full_name());
      services_.push_back(std::make_unique<DynamicService>(*service, shared_));
      builder.RegisterService(services_.back().get());
    }
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || port_ == 0) {
      return absl::UnavailableError(
          absl::StrCat("cannot listen on ", options_.listen,
                       ": another process has the port, or the address is not this machine's"));
    }
    SetServing(false);
    return absl::OkStatus();
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
    // gRPC's own grace would also wait for idle connections to go.
    calls_.AwaitNone(clock_, clock_.Now() + grace);
    server_->Shutdown(gpr_now(GPR_CLOCK_MONOTONIC));
    executor_.Stop();
  }

 private:
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
