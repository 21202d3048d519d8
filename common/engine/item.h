// An input on its way through the engine, with what became of it. Internal to the engine.
#pragma once

#include <string>
#include <tuple>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/bus/record.h"
#include "common/engine/decider.h"
#include "common/engine/input.h"

namespace watchbell::engine {

// One stream of a topic.
struct StreamRef {
  std::string topic;
  std::string tenant;
  std::string stream_id;
  friend bool operator==(const StreamRef&, const StreamRef&) = default;
  // By what differs most first: topics share long prefixes.
  friend auto operator<=>(const StreamRef& a, const StreamRef& b) {
    return std::tie(a.stream_id, a.tenant, a.topic) <=> std::tie(b.stream_id, b.tenant, b.topic);
  }
};

struct Item {
  enum class Kind { kInput, kRelease };
  enum class Fate {
    kUndecided,
    kApplied,   // decided and stored
    kAnswered,  // a command answered without effect: remembered, refused, too late
    kPassed,    // an event or timer with nothing to do: repeat, parked key, stale
    kParked,    // an event that could not be applied: its key waits for an operator
    kDropped,   // an event that could not be read: set aside, its key goes on
    kDeferred,  // an event ahead of its stream: the hole must be filled first; a timer behind it
    kFenced,    // an event or timer of a shard that another replica holds by now
  };

  Kind kind = Kind::kInput;
  Input input;
  Fate fate = Fate::kUndecided;
  absl::StatusOr<Reply> answer = Reply{};

  int shard = -1;  // of events and timers: what only the shard's holder may do

  // Events.
  bus::RecordPtr record;
  bool raw = false;  // of a raw topic: no envelope, applied once by its offset
  bool from_journal =
      false;  // read from the producer's journal: the truth, and no progress on the topic
  bool has_envelope = false;
  bool deferred = false;    // was, and is not decided yet
  bool asked_for = false;   // the producer is being asked for what is missing before it
  bool unfillable = false;  // the producer's journal does not have what is missing before it
  absl::Time not_before = absl::InfinitePast();  // it may wait so long for company
  absl::Status unreadable;                       // why the record cannot be read
  absl::Status bad_part;   // raw: why it is set aside although the rest of it is applied
  absl::Status condemned;  // why it cannot be stored, found out when it was tried alone

  // Commands: a commit of unknown outcome may have stored it.
  bool maybe_stored = false;

  // Releases of dead letters, and records that are tried again.
  std::string dead_letter_id;
  bool skip = false;

  bool IsEvent() const { return kind == Kind::kInput && input.kind == Input::Kind::kEvent; }
  bool IsTimer() const { return kind == Kind::kInput && input.kind == Input::Kind::kTimer; }
  // Not the producer's word but what a topic carried, and anybody may have written.
  bool IsCopy() const { return !from_journal || !dead_letter_id.empty(); }
  bool IsCommand() const { return kind == Kind::kRelease || input.kind == Input::Kind::kCommand; }
  StreamRef Stream() const { return {input.topic, input.envelope.tenant, input.envelope.subject}; }
};

// Reads a record: envelope and payload. What cannot be read is said in `unreadable`.
Item MakeEventItem(bus::RecordPtr record, bool from_journal, const std::string& service);
// The same for a record of a raw topic.
Item MakeRawItem(bus::RecordPtr record, const Decider& decider);

}  // namespace watchbell::engine
