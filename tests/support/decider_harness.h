// Runs a decider without engine or database: entities in a map, events in a list. For unit tests of
// a service's domain.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "common/engine/decider.h"

namespace watchbell::test {

struct EmittedEvent {
  engine::EntityKey stream;
  int64_t version;
  std::shared_ptr<const google::protobuf::Message> payload;
  absl::Time occurred_at;
  template <typename T>
  const T* As() const {
    return dynamic_cast<const T*>(payload.get());
  }
};

class DeciderHarness : public engine::View {
 public:
  explicit DeciderHarness(const engine::Decider& decider) : decider_(decider) {}

  // Who calls from now on.
  engine::Identity identity{"default", "ana", {"agent", "manager", "integration", "operator"}};
  // Who decides; "" without replicas.
  std::string replica;
  // When it is.
  absl::Time now = absl::FromUnixSeconds(1'767'225'600);  // 2026-01-01T00:00:00Z

  // A command; answers the reply parsed as Response.
  template <typename Response, typename Request>
  absl::StatusOr<Response> Command(const Request& request) {
    engine::Input input = Base(engine::Input::Kind::kCommand);
    input.message = std::make_shared<Request>(request);
    absl::StatusOr<std::string> reply = Apply(input);
    if (!reply.ok()) return reply.status();
    Response response;
    if (!response.ParseFromString(*reply)) return absl::InternalError("reply is no such message");
    return response;
  }

  // An event of another service, as its next version on (topic, subject).
  template <typename E>
  absl::Status Event(const std::string& topic, const std::string& subject, const E& event,
                     absl::Time occurred_at) {
    return EventMessage(topic, subject, std::make_shared<E>(event), occurred_at);
  }

  // The same two for messages whose type is known at run time only.
  absl::Status CommandMessage(std::shared_ptr<const google::protobuf::Message> request) {
    engine::Input input = Base(engine::Input::Kind::kCommand);
    input.message = std::move(request);
    return Apply(input).status();
  }
  absl::Status EventMessage(const std::string& topic, const std::string& subject,
                            std::shared_ptr<const google::protobuf::Message> event,
                            absl::Time occurred_at) {
    engine::Input input = Base(engine::Input::Kind::kEvent);
    input.message = std::move(event);
    input.topic = topic;
    input.envelope.subject = subject;
    input.envelope.tenant = identity.tenant;
    input.envelope.version = ++versions_in_[{topic, subject}];
    input.envelope.occurred_at = occurred_at;
    input.envelope.recorded_at = now;
    input.envelope.id = absl::StrFormat("event-%d", ++ids_);
    return Apply(input).status();
  }

  // The outcome of an effect.
  template <typename O>
  absl::Status Outcome(const O& outcome) {
    engine::Input input = Base(engine::Input::Kind::kOutcome);
    input.message = std::make_shared<O>(outcome);
    return Apply(input).status();
  }

  // Moves `now` to `to`, firing every timer due before it in due order (fired 1 us after due).
  absl::Status AdvanceTo(absl::Time to) {
    while (true) {
      auto next = timers.end();
      for (auto it = timers.begin(); it != timers.end(); ++it) {
        if (it->second < to && (next == timers.end() || it->second < next->second)) next = it;
      }
      if (next == timers.end()) break;
      const engine::TimerKey key = next->first;
      const absl::Time due = next->second;
      timers.erase(next);
      now = std::max(now, due + absl::Microseconds(1));
      engine::Input input = Base(engine::Input::Kind::kTimer);
      input.identity.tenant = key.entity.tenant;
      input.timer = key;
      input.due = due;
      if (absl::StatusOr<std::string> reply = Apply(input); !reply.ok()) return reply.status();
    }
    now = std::max(now, to);
    return absl::OkStatus();
  }

  // As if it had been stored before.
  template <typename T>
  void Store(const engine::EntityKey& key, T state) {
    states_[key] = std::make_shared<const T>(std::move(state));
  }
  template <typename T>
  const T* State(const engine::EntityKey& key) const {
    auto it = states_.find(key);
    return it == states_.end() ? nullptr : dynamic_cast<const T*>(it->second.get());
  }
  int64_t Version(const engine::EntityKey& key) const override {
    auto it = versions_.find(key);
    return it == versions_.end() ? 0 : it->second;
  }
  bool Loaded(const engine::EntityKey& key) const override {
    for (const engine::EntityKey& loaded : loaded_) {
      if (loaded == key) return true;
    }
    return false;
  }

  std::vector<EmittedEvent> events;               // everything emitted, in order
  std::map<engine::TimerKey, absl::Time> timers;  // armed
  std::vector<engine::Effect> effects;            // everything run

 private:
  const google::protobuf::Message* Find(const engine::EntityKey& key) const override {
    auto it = states_.find(key);
    return it == states_.end() ? nullptr : it->second.get();
  }

  engine::Input Base(engine::Input::Kind kind) {
    engine::Input input;
    input.kind = kind;
    input.identity = identity;
    input.now = now;
    input.replica = replica;
    input.id = absl::StrFormat("00000000-0000-7000-8000-%012d", ++ids_);
    input.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    return input;
  }

  absl::StatusOr<std::string> Apply(const engine::Input& input) {
    loaded_ = decider_.Needs(input);
    engine::Decision decision = decider_.Decide(*this, input);
    for (int round = 0; !decision.more().empty(); ++round) {
      if (round > 10) return absl::InternalError("NeedsMore without end");
      loaded_.insert(loaded_.end(), decision.more().begin(), decision.more().end());
      decision = decider_.Decide(*this, input);
    }
    if (!decision.error().ok()) return decision.error();
    for (const auto& [key, state] : decision.writes()) states_[key] = state;
    for (const engine::NewEvent& event : decision.events()) {
      events.push_back({event.stream, ++versions_[event.stream], event.payload, event.occurred_at});
    }
    for (const engine::TimerChange& change : decision.timers()) {
      if (change.due) {
        timers[change.key] = *change.due;
      } else {
        timers.erase(change.key);
      }
    }
    effects.insert(effects.end(), decision.effects().begin(), decision.effects().end());
    return decision.reply();
  }

  const engine::Decider& decider_;
  std::map<engine::EntityKey, std::shared_ptr<const google::protobuf::Message>> states_;
  std::map<engine::EntityKey, int64_t> versions_;
  std::map<std::pair<std::string, std::string>, int64_t> versions_in_;
  std::vector<engine::EntityKey> loaded_;
  int64_t ids_ = 0;
};

}  // namespace watchbell::test
