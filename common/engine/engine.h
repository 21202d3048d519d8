// The engine of a service: commands, events and due timers go in, one transaction comes out
// (design: "a service is a decider fed by three sources"). The same code runs under SystemClock on
// a thread of its own and under FakeClock, stepped by RunOnce().
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/ids.h"
#include "common/base/shard.h"
#include "common/bus/bus.h"
#include "common/clock/clock.h"
#include "common/db/db.h"
#include "common/db/migrations.h"
#include "common/engine/decider.h"
#include "common/engine/input.h"
#include "common/engine/leases.h"
#include "common/engine/probe.h"

namespace watchbell::engine {

struct Options {
  std::string service;          // producer name in events
  int shards = kDefaultShards;  // fixed at installation
  size_t queue_limit = 4096;    // commands that may wait; more are refused with RESOURCE_EXHAUSTED
  size_t max_batch = 512;       // inputs in one transaction
  absl::Duration gate_ask =
      absl::Milliseconds(250);  // how long a due timer waits before the producers are asked
  absl::Duration gate_limit = absl::Seconds(30);  // how long it waits at most, once due and known
  absl::Duration remember = absl::Hours(24 * 7);  // how long answers are kept by request id
  // With leases: how often we look for what other replicas committed, should nobody tell us.
  absl::Duration look_every = absl::Milliseconds(250);
  std::vector<std::string> raw_topics;  // those of the subscriber's topics that have no envelopes
  // An event nobody waits for (`all_patient`, or the decider needs nothing to decide it) may wait
  // so long for others to be stored with. Zero: nothing waits.
  absl::Duration patience = absl::ZeroDuration();
  bool all_patient = false;
};

// The engine's own tables: the first migration of every service.
db::Migration EngineSchema();

// What one step did.
struct Step {
  int applied = 0;    // inputs that reached a decision
  bool more = false;  // there is more to do right now
  absl::Time
      next;  // otherwise: when to look again if nothing wakes it (InfiniteFuture = only when woken)
};

class Engine {
 public:
  // What the engine works with; all of it outlives the engine.
  struct Parts {
    db::Database& database;
    Clock& clock;
    IdSource& ids;
    const Decider& decider;
    bus::Publisher* publisher = nullptr;    // null: nothing is relayed
    bus::Subscriber* subscriber = nullptr;  // null: no topics are read
    EffectRunner* effects = nullptr;        // null: the decider runs none
    Probe* probe = nullptr;                 // metrics; null: none
    Leases* leases = nullptr;               // null: every shard is held, and there are no replicas
    // Told of shards not held here of which rows or timers were committed. On the committer's
    // thread; must not block. May be null.
    std::function<void(const std::set<int>&)> poke;
    // Called when a shard was taken over, before anything of it is fed: finds what its last holder
    // left behind. On the committer's thread. May be null.
    std::function<absl::Status(int shard)> recover;
  };

  Engine(Options options, Parts parts);
  ~Engine();  // Stop()

  // Reads back what is stored. Once, before anything else. Without leases every shard is open
  // after it; with leases shards are opened and closed by the steps that follow.
  absl::Status Open();

  // Takes an input: `done` is called exactly once iff this returns OK. RESOURCE_EXHAUSTED when the
  // queue is full, UNAVAILABLE when storage is down or the engine is stopping. Outcomes are never
  // refused for a full queue.
  absl::Status Submit(Input input);
  // All or none.
  absl::Status SubmitAll(std::vector<Input> inputs);

  // One batch, on the caller's thread. Errors of storage are not errors of the step: the batch
  // waits and `next` says until when.
  Step RunOnce();

  // Runs RunOnce on a thread until Stop. Stop finishes the batch under way and fails what still
  // waits with UNAVAILABLE.
  void Start();
  void Stop();

  // Wakes the thread: the bus or the leases have something. Thread-safe.
  void Wake();
  // Another replica committed rows or timers of a shard held here. Thread-safe.
  void Look();

  // OK, or why commands are refused or a shard cannot be opened just now. Thread-safe.
  absl::Status Health() const;
  // OK, or why a producer cannot be read just now. Only what waits for its events waits.
  // Thread-safe.
  absl::Status ProducersHealth() const;

  // Timers armed, for tests and metrics.
  size_t TimerCount() const;

  // Releases the parked key of a dead letter (see dead_letters.h): retry applies it again, skip
  // passes over it. `done` gets the DeadLetter as it is then.
  absl::Status ReleaseDeadLetter(const std::string& dead_letter_id, bool skip,
                                 std::function<void(absl::StatusOr<Reply>)> done);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace watchbell::engine
