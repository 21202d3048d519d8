#include "common/rpc/service.h"

#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "common/base/mutex.h"

namespace watchbell::rpc {
namespace {

// A name in the program that the protos do not know is a bug found at start, before anything is
// served.
[[noreturn]] void Die(const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  std::abort();
}

}  // namespace

const google::protobuf::FieldDescriptor* RequestIdField(
    const google::protobuf::Descriptor& request) {
  const auto* field = request.FindFieldByName("request_id");
  if (field == nullptr || field->is_repeated() ||
      field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_STRING) {
    return nullptr;
  }
  return field;
}

std::string RequestIdOf(const google::protobuf::Message& request) {
  const auto* field = RequestIdField(*request.GetDescriptor());
  return field == nullptr ? "" : request.GetReflection()->GetString(request, field);
}

struct WatchHub::State {
  Mutex mu;
  uint64_t next ABSL_GUARDED_BY(mu) = 1;
  std::map<uint64_t, std::function<void()>> wakes ABSL_GUARDED_BY(mu);
};

WatchHub::WatchHub() : state_(std::make_shared<State>()) {}
WatchHub::~WatchHub() = default;

void WatchHub::Notify() {
  // Under the lock, so that no wake-up is called once its handle is gone; wake-ups only queue work.
  MutexLock lock(state_->mu);
  for (const auto& [id, wake] : state_->wakes) wake();
}

std::shared_ptr<void> WatchHub::Register(std::function<void()> wake) {
  MutexLock lock(state_->mu);
  const uint64_t id = state_->next++;
  state_->wakes.emplace(id, std::move(wake));
  auto unregister = [state = state_, id](void*) {
    std::function<void()> dropped;  // destroyed after the lock is gone: it may own anything
    MutexLock unlock_later(state->mu);
    const auto found = state->wakes.find(id);
    dropped = std::move(found->second);
    state->wakes.erase(found);
  };
  return std::shared_ptr<void>(this, std::move(unregister));
}

bool WatchHub::Watched() const {
  MutexLock lock(state_->mu);
  return !state_->wakes.empty();
}

Service::Service(const std::string& full_name)
    : descriptor_(
          google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(full_name)) {
  if (descriptor_ == nullptr) Die(absl::StrCat("no proto service is called ", full_name));
}

Method& Service::Add(const std::string& method, Method::Kind kind, const std::string& role) {
  const auto* descriptor = descriptor_->FindMethodByName(method);
  if (descriptor == nullptr) Die(absl::StrCat(full_name(), " has no method ", method));
  if (descriptor->client_streaming() ||
      descriptor->server_streaming() != (kind == Method::Kind::kWatch)) {
    Die(absl::StrCat(descriptor->full_name(), " streams otherwise than its handler"));
  }
  const auto [entry, added] = methods_.try_emplace(method);
  if (!added) Die(absl::StrCat(descriptor->full_name(), " has two handlers"));
  entry->second.descriptor = descriptor;
  entry->second.kind = kind;
  entry->second.role = role;
  return entry->second;
}

Method& Service::Added(const std::string& method) {
  const auto entry = methods_.find(method);
  if (entry == methods_.end()) Die(absl::StrCat(full_name(), ".", method, " has no handler yet"));
  return entry->second;
}

void Service::MoreFaults(const std::string& method, FindFaults find) {
  Added(method).more_faults = std::move(find);
}

void Service::Prepare(const std::string& method, PrepareRequest prepare) {
  Added(method).prepare = std::move(prepare);
}

void Service::Command(const std::string& method, engine::Engine& engine, const std::string& role,
                      bool idempotent_by_state) {
  Async(
      method,
      [&engine, idempotent_by_state](const CallContext& call, MessagePtr request,
                                     Method::Done done) {
        engine::Input input;
        input.kind = engine::Input::Kind::kCommand;
        input.identity = call.identity;
        input.traceparent = call.traceparent;
        input.request_id = RequestIdOf(*request);
        input.idempotent_by_state = idempotent_by_state;
        input.deadline = call.deadline;
        input.message = std::move(request);
        input.done = done;
        // `done` is the engine's to call only if it took the input.
        if (absl::Status taken = engine.Submit(std::move(input)); !taken.ok()) {
          done(std::move(taken));
        }
      },
      role);
  Method& added = methods_.at(method);
  added.needs_request_id_again =
      !idempotent_by_state && RequestIdField(*added.descriptor->input_type()) != nullptr;
}

void Service::Async(const std::string& method,
                    std::function<void(const CallContext&, MessagePtr, Method::Done)> handler,
                    const std::string& role) {
  Add(method, Method::Kind::kAsync, role).async = std::move(handler);
}

void Service::AddQuery(
    const std::string& method,
    std::function<absl::StatusOr<std::string>(const CallContext&, const google::protobuf::Message&)>
        handler,
    const std::string& role) {
  Add(method, Method::Kind::kQuery, role).query = std::move(handler);
}

void Service::Watch(const std::string& method, WatchHub& hub,
                    std::function<absl::StatusOr<std::unique_ptr<WatchSource>>(
                        const CallContext&, const google::protobuf::Message&)>
                        handler) {
  Method& added = Add(method, Method::Kind::kWatch, "");
  added.watch = std::move(handler);
  added.hub = &hub;
}

}  // namespace watchbell::rpc
