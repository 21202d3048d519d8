// What a decider answers: the new state, the events, the timers, the effects and the reply; or an
// error; or the wish to see more.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/engine/input.h"

namespace watchbell::engine {

// The entities an input asked to see. Pointers live as long as the call.
class View {
 public:
  virtual ~View() = default;

  // The state, or null if there is none. The key must have been asked for.
  template <typename T>
  const T* Get(const EntityKey& key) const {
    return static_cast<const T*>(Find(key));
  }
  // Version of the stream's last event; 0 = no event yet.
  virtual int64_t Version(const EntityKey& key) const = 0;
  // True if the key was asked for (loaded), whether or not it exists.
  virtual bool Loaded(const EntityKey& key) const = 0;

 private:
  virtual const google::protobuf::Message* Find(const EntityKey& key) const = 0;
};

// Work on the outside world, begun after the commit and never before; its outcome comes back as an
// input.
struct Effect {
  EntityKey entity;
  std::shared_ptr<const google::protobuf::Message> payload;
  std::string traceparent;
};

struct NewEvent {
  EntityKey stream;
  std::shared_ptr<const google::protobuf::Message> payload;  // carries its event type as an option
  absl::Time occurred_at;
  std::optional<absl::Time> source_recorded_at;
  std::string actor;  // "" = the input's subject
};

struct TimerChange {
  TimerKey key;
  std::optional<absl::Time> due;  // none = disarm
};

class Decision {
 public:
  Decision() = default;
  // Nothing is stored. A command's caller gets the error; an event's key is parked.
  static Decision Refuse(absl::Status error) {
    Decision decision;
    decision.error_ = std::move(error);
    return decision;
  }
  // Run again with these keys too.
  static Decision NeedsMore(std::vector<EntityKey> keys) {
    Decision decision;
    decision.more_ = std::move(keys);
    return decision;
  }

  void Put(EntityKey key, std::shared_ptr<const google::protobuf::Message> state) {
    writes_.emplace_back(std::move(key), std::move(state));
  }
  template <typename T>
  void Put(EntityKey key, T state) {
    Put(std::move(key),
        std::shared_ptr<const google::protobuf::Message>(std::make_shared<T>(std::move(state))));
  }
  // As Put, under a key that was not asked for: its id was just taken from a counter that was, so
  // nothing lies there yet. Should something, the input is not stored.
  template <typename T>
  void Create(EntityKey key, T state) {
    created_.push_back(key);
    Put(std::move(key), std::move(state));
  }
  // Events get the next versions of their stream in the order of these calls.
  template <typename T>
  NewEvent& Emit(EntityKey stream, T payload, absl::Time occurred_at) {
    events_.push_back({std::move(stream), std::make_shared<T>(std::move(payload)), occurred_at,
                       std::nullopt, ""});
    return events_.back();
  }
  // A timer fires once, at the first microsecond after `due`; arming it again moves it.
  void Arm(EntityKey entity, std::string name, absl::Time due) {
    timers_.push_back({{std::move(entity), std::move(name)}, due});
  }
  void Disarm(EntityKey entity, std::string name) {
    timers_.push_back({{std::move(entity), std::move(name)}, std::nullopt});
  }
  void Run(Effect effect) { effects_.push_back(std::move(effect)); }
  void Reply(const google::protobuf::Message& response) { reply_ = response.SerializeAsString(); }

  const absl::Status& error() const { return error_; }
  const std::vector<EntityKey>& more() const { return more_; }
  const std::vector<std::pair<EntityKey, std::shared_ptr<const google::protobuf::Message>>>&
  writes() const {
    return writes_;
  }
  const std::vector<EntityKey>& created() const { return created_; }
  const std::vector<NewEvent>& events() const { return events_; }
  const std::vector<TimerChange>& timers() const { return timers_; }
  const std::vector<Effect>& effects() const { return effects_; }
  const std::string& reply() const { return reply_; }

 private:
  absl::Status error_;
  std::vector<EntityKey> more_;
  std::vector<std::pair<EntityKey, std::shared_ptr<const google::protobuf::Message>>> writes_;
  std::vector<EntityKey> created_;
  std::vector<NewEvent> events_;
  std::vector<TimerChange> timers_;
  std::vector<Effect> effects_;
  std::string reply_;
};

}  // namespace watchbell::engine
