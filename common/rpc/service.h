// The rpcs of one proto service, without gRPC in sight: a service's *_rpc.cc fills one of these,
// common/rpc/server.cc serves it. Method names, request and response types come from the proto's
// own descriptor.
//
// Before any handler runs the adapter has: identified the caller, refused roles that are missing,
// parsed the request (invalid UTF-8 is INVALID_ARGUMENT naming the field), checked the rules of
// watchbell.api.v1.rules, set a deadline.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/errors.h"
#include "common/engine/engine.h"
#include "common/engine/input.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"

namespace watchbell::rpc {

using MessagePtr = std::shared_ptr<const google::protobuf::Message>;

// Headers of a call, names in small letters.
using Metadata = std::multimap<std::string, std::string>;

// Marks a call that another process of the installation passed on: it is not passed on again, so
// that two processes that take each other for a third do not pass it on for ever.
inline constexpr char kForwardedHeader[] = "x-watchbell-forwarded";

struct CallContext {
  engine::Identity identity;
  std::string traceparent;  // the caller's, or a new one
  absl::Time received_at;
  absl::Time deadline;
  Metadata metadata;  // as it came
};

// The field request_id of a type of requests; null if it has none.
const google::protobuf::FieldDescriptor* RequestIdField(
    const google::protobuf::Descriptor& request);
// The caller's request id, "" if there is none.
std::string RequestIdOf(const google::protobuf::Message& request);

// Where a watch stream gets its messages. Used by one thread at a time.
class WatchSource {
 public:
  virtual ~WatchSource() = default;
  // The next messages in order, at most `max`; empty = caught up (the stream then waits for
  // WatchHub::Notify). OUT_OF_RANGE ends the stream: the reader must list again.
  virtual absl::StatusOr<std::vector<MessagePtr>> Next(int max) = 0;
  // Sent when the stream has been quiet for 15 s, and as its first message when there is nothing to
  // send: carries the resume token only. (A source whose next message lies far ahead gives some on
  // the way: a look is limited, and whoever resumes must come farther each time.)
  virtual MessagePtr Bookmark() = 0;
};

// Wakes the watch streams of one service. Thread-safe.
class WatchHub {
 public:
  WatchHub();
  ~WatchHub();
  void Notify();
  // `wake` is called on any thread until the returned handle is destroyed.
  std::shared_ptr<void> Register(std::function<void()> wake);
  // False if Notify would wake nobody.
  bool Watched() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

struct Method {
  enum class Kind { kAsync, kQuery, kWatch };
  using Done = std::function<void(absl::StatusOr<engine::Reply>)>;

  const google::protobuf::MethodDescriptor* descriptor;
  Kind kind;
  std::string role;  // "" = any caller
  // A mutation that only a request_id keeps from being done twice: tried again without one by the
  // caller's gRPC library, it is refused.
  bool needs_request_id_again = false;
  // kAsync: must not block; calls done exactly once, on any thread.
  std::function<void(const CallContext&, MessagePtr, Done)> async;
  // kAsync: see Service::Prepare; may be null.
  std::function<absl::StatusOr<MessagePtr>(MessagePtr)> prepare;
  // kQuery: may block on the database; run on the bounded executor.
  std::function<absl::StatusOr<std::string>(const CallContext&, const google::protobuf::Message&)>
      query;
  // kWatch: run on the executor.
  std::function<absl::StatusOr<std::unique_ptr<WatchSource>>(const CallContext&,
                                                             const google::protobuf::Message&)>
      watch;
  WatchHub* hub = nullptr;
  // See Service::MoreFaults; may be null.
  std::function<std::vector<FieldViolation>(const google::protobuf::Message&)> more_faults;
};

class Service {
 public:
  // `full_name`, for example "watchbell.admin.v1.AdminService", must be compiled in (CHECKed at
  // start).
  explicit Service(const std::string& full_name);

  // A mutation: the request becomes one input of the engine as it is, under its request_id.
  void Command(const std::string& method, engine::Engine& engine, const std::string& role = "",
               bool idempotent_by_state = false);

  // An answer that is made elsewhere and comes later.
  void Async(const std::string& method,
             std::function<void(const CallContext&, MessagePtr, Method::Done)> handler,
             const std::string& role = "");

  // A read.
  template <typename Request, typename Response>
  void Query(const std::string& method,
             std::function<absl::StatusOr<Response>(const CallContext&, const Request&)> handler,
             const std::string& role = "") {
    AddQuery(
        method,
        [handler = std::move(handler)](
            const CallContext& call,
            const google::protobuf::Message& request) -> absl::StatusOr<std::string> {
          absl::StatusOr<Response> response = handler(call, static_cast<const Request&>(request));
          if (!response.ok()) return response.status();
          return response->SerializeAsString();
        },
        role);
  }

  // Of a method added before: what else is wrong with a request that breaks the rules of its
  // fields, as far as it can be told without anything that is stored. It is told together with
  // those.
  using FindFaults = std::function<std::vector<FieldViolation>(const google::protobuf::Message&)>;
  void MoreFaults(const std::string& method, FindFaults find);

  // Of a command added before: what is done to a request, or refused of it, before the engine gets
  // it. Run on the bounded executor: for what takes long and needs nothing that is stored, as
  // nobody waits for it but the caller.
  using PrepareRequest = std::function<absl::StatusOr<MessagePtr>(MessagePtr)>;
  void Prepare(const std::string& method, PrepareRequest prepare);

  // A server stream.
  void Watch(const std::string& method, WatchHub& hub,
             std::function<absl::StatusOr<std::unique_ptr<WatchSource>>(
                 const CallContext&, const google::protobuf::Message&)>
                 handler);

  const std::string& full_name() const { return descriptor_->full_name(); }
  const std::map<std::string, Method>& methods() const { return methods_; }

 private:
  void AddQuery(const std::string& method,
                std::function<absl::StatusOr<std::string>(const CallContext&,
                                                          const google::protobuf::Message&)>
                    handler,
                const std::string& role);
  Method& Add(const std::string& method, Method::Kind kind, const std::string& role);
  Method& Added(const std::string& method);

  const google::protobuf::ServiceDescriptor* descriptor_;
  std::map<std::string, Method> methods_;
};

}  // namespace watchbell::rpc
