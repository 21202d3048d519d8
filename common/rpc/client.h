// A gRPC client by method name, for the command line, tests and calls between services. Long-lived;
// thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "google/protobuf/message.h"

namespace watchbell::rpc {

struct CallOptions {
  absl::Duration timeout =
      absl::Seconds(30);  // absl::InfiniteDuration() for a stream that stays open
  std::map<std::string, std::string> metadata;
  // Rides out a restart of the other side: what is UNAVAILABLE is tried again until the timeout, a
  // stream as long as nothing came. A request that has a request_id gets one, so that nothing is
  // done twice. Not for CallAsync.
  bool patient = false;
  // Called when a patient call begins to wait, at most once. May be null.
  std::function<void(const absl::Status&)> on_wait;
};

class Client {
 public:
  virtual ~Client() = default;

  // `method` is "package.Service/Method". Errors keep their google.rpc details
  // (common/base/errors.h reads them).
  virtual absl::Status Call(const std::string& method, const google::protobuf::Message& request,
                            google::protobuf::Message* response,
                            const CallOptions& options = {}) = 0;
  // `done` is called once, on any thread.
  virtual void CallAsync(const std::string& method, const google::protobuf::Message& request,
                         google::protobuf::Message* response, const CallOptions& options,
                         std::function<void(absl::Status)> done) = 0;
  // Reads a server stream until it ends or `on_message` returns false. `scratch` is reused for
  // every message.
  virtual absl::Status Stream(const std::string& method, const google::protobuf::Message& request,
                              google::protobuf::Message* scratch, const CallOptions& options,
                              const std::function<bool()>& on_message) = 0;
};

// A channel, plaintext, to a gRPC target: HOST:PORT, dns:///NAME:PORT, ipv4:HOST:PORT,HOST:PORT. It
// connects when first used, and calls go to all addresses in turns.
std::unique_ptr<Client> Connect(const std::string& target);

}  // namespace watchbell::rpc
