// A gRPC server over rpc::Service tables: callback API, reflection, honest health, admission
// control, graceful drain.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/rpc/identity.h"
#include "common/rpc/service.h"

namespace watchbell::rpc {

// One finished call, for logs and metrics. Called on any thread.
struct CallReport {
  std::string method;  // "watchbell.admin.v1.AdminService/ListDeadLetters"
  int code;            // absl::StatusCode
  std::string message;
  std::string traceparent;
  std::string tenant;
  absl::Duration took;
};

// A proto service that another process answers.
struct Forward {
  std::string service;  // full name
  std::string peer;     // the service of the installation it belongs to, for messages
  std::string target;   // gRPC target
};

struct ServerOptions {
  std::string listen = "127.0.0.1:0";
  int query_threads = 2;
  int query_queue_limit = 256;  // more: RESOURCE_EXHAUSTED
  absl::Duration default_deadline = absl::Seconds(30);
  absl::Duration bookmark_every = absl::Seconds(15);
  int watch_limit = 10'000;  // open watch streams; more: RESOURCE_EXHAUSTED
  absl::Duration max_connection_age =
      absl::Hours(1);  // then clients resolve anew; calls under way are not cut
  std::function<void(const CallReport&)> on_call;
  // Full names of proto services that come by Provide: until then their calls are UNAVAILABLE.
  std::vector<std::string> later;
  // Passed on as they are, streams included; reflection lists them.
  std::vector<Forward> forwards;
};

class Client;

class Server {
 public:
  // Listens at once (a taken port is an error that names it), reports NOT_SERVING until
  // SetServing(true).
  static absl::StatusOr<std::unique_ptr<Server>> Start(ServerOptions options,
                                                       std::vector<Service*> services,
                                                       const IdentityProvider& identity,
                                                       Clock& clock);
  virtual ~Server() = default;

  virtual int port() const = 0;
  // Serves what was announced in ServerOptions::later. The services outlive the server.
  virtual void Provide(const std::vector<Service*>& services) = 0;
  // Health of all services and of "" together.
  virtual void SetServing(bool serving) = 0;
  // A client that talks to this server without a socket. Must not outlive the server.
  virtual std::unique_ptr<Client> InProcessClient() = 0;
  // NOT_SERVING, a short pause in which calls are still taken, then new ones are UNAVAILABLE
  // (STOPPING: worth another try), watch streams end with the same, and calls under way get
  // `grace`. Then connections and port are closed. Blocks until it is done.
  virtual void Drain(absl::Duration pause, absl::Duration grace) = 0;
};

}  // namespace watchbell::rpc
