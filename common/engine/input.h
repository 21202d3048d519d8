// What a decider is fed: a command, an event, a due timer, or the outcome of an effect.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/bus/record.h"
#include "common/engine/entity.h"
#include "google/protobuf/message.h"

namespace watchbell::engine {

// Who is behind an input.
struct Identity {
  std::string tenant;
  std::string subject;
  std::set<std::string> roles;
  bool Has(const std::string& role) const { return roles.count(role) > 0; }
};

struct TimerKey {
  EntityKey entity;
  std::string name;  // within the entity
  friend auto operator<=>(const TimerKey&, const TimerKey&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const TimerKey& key) {
    return H::combine(std::move(h), key.entity, key.name);
  }
};

// The answer to a command: the response message's bytes.
struct Reply {
  std::string bytes;
  bool remembered = false;  // answered before; nothing was done now
};

struct Input {
  enum class Kind { kCommand, kEvent, kTimer, kOutcome };

  Kind kind = Kind::kCommand;
  Identity identity;        // events and timers: the tenant, and the service as subject
  std::string traceparent;  // W3C; "" if unknown
  absl::Time now;           // when it is recorded; set by the engine, the same for a whole batch
  std::string replica;      // which replica decides it; set by the engine, "" without leases
  std::string id;  // UUIDv7, set by the engine: what makes ids inside Decide must come from it

  // Command: the request. Event: the payload. Outcome: what the effect's runner reports. Timer:
  // null.
  std::shared_ptr<const google::protobuf::Message> message;

  // Command. `request_id` is made by the engine if empty; the same id with another message is
  // refused. `idempotent_by_state`: the decider itself recognises repeats; nothing is remembered by
  // id.
  std::string request_id;
  bool idempotent_by_state = false;
  absl::Time deadline = absl::InfiniteFuture();
  // Called exactly once, on the committer's thread, after the commit or the refusal. Must not
  // block. May be null.
  std::function<void(absl::StatusOr<Reply>)> done;

  // Event.
  std::string topic;
  bus::Envelope envelope;

  // Timer.
  TimerKey timer;
  absl::Time due;
  bool ungated =
      false;  // fired although what precedes it could not be seen (30 s after it was due and known)

  // The message as T, or null if it is another.
  template <typename T>
  const T* As() const {
    return dynamic_cast<const T*>(message.get());
  }
};

}  // namespace watchbell::engine
